"""The graphs that a server serves, each under its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.pregel import Pregel
from langgraph.store.base import BaseStore

from nexus.errors import NotFound
from nexus.ports.runs import AGENT
from nexus.ports.threads import Thread
from nexus.runtime.wire import interrupt_of


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph by its name.

    Attributes:
        name: As `langgraph.json` names it.
        open: The graph for a configuration, over the user's own checkpoints and store.
        asks_first: True for Nexus's own: what acts in it needs an approval, so no client may write into its
            state or choose where it goes on, and answers are decisions.
        is_made: True if a factory makes it anew each time that it is opened.
    """

    name: str
    open: Callable[[RunnableConfig], AbstractAsyncContextManager[Pregel[Any, Any, Any, Any]]]
    asks_first: bool = False
    is_made: bool = False


class Graphs:
    """One user's graphs, and where their checkpoints and their memories are."""

    def __init__(
        self, graphs: Mapping[str, Graph], checkpointer: BaseCheckpointSaver[Any], store: BaseStore
    ) -> None:
        self._graphs = dict(graphs)
        self.checkpointer = checkpointer
        self.store = store

    @property
    def names(self) -> list[str]:
        """The names of all."""
        return list(self._graphs)

    def get(self, name: str) -> Graph:
        """The graph of that name. Raises NotFound."""
        if name not in self._graphs:
            raise NotFound(f"There is no graph {name!r}.", remedy=f"There are: {', '.join(self._graphs)}.")
        return self._graphs[name]

    async def keeps_deltas(self, thread: Thread) -> bool:
        """True if a channel of the thread's graph is stored as what each step added: its past is its value.

        Raises NotFound.
        """
        config: RunnableConfig = {"configurable": {"thread_id": thread.id}}
        async with self.get(thread.graph or AGENT).open(config) as graph:
            return any(isinstance(channel, DeltaChannel) for channel in graph.channels.values())

    async def values_of(self, thread: Thread) -> dict[str, Any]:
        """The thread's state, with what it waits for. Raises NotFound."""
        config: RunnableConfig = {"configurable": {"thread_id": thread.id}}
        async with self.get(thread.graph or AGENT).open(config) as graph:
            snapshot = await graph.aget_state(config)
        questions = [interrupt_of(each) for each in snapshot.interrupts]
        return {**(snapshot.values or {}), **({"__interrupt__": questions} if questions else {})}
