"""Threads in LangGraph's words: what state they are in, were in, and may be put into."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import InvalidUpdateError
from langgraph.graph import END
from langgraph.pregel import Pregel
from langgraph.types import StateSnapshot, StateUpdate

from nexus.core.action import ThreadId
from nexus.core.decision import Reject
from nexus.errors import Conflict, InvalidInput, NotFound
from nexus.ports.runs import AGENT
from nexus.ports.threads import Thread
from nexus.runtime.graphs import Graph
from nexus.runtime.requests import RESOLVED, check_labels, check_writable
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.wire import interrupts_of, state_of

Json = dict[str, Any]
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """Which threads are looked for; all of it holds."""

    ids: Sequence[str] | None = None
    metadata: Mapping[str, Any] | None = None
    values: Mapping[str, Any] | None = None
    status: str | None = None

    @property
    def needs_state(self) -> bool:
        """True if the list of threads alone cannot tell."""
        return bool(self.values or self.status)

    def fits(self, shape: Json) -> bool:
        """Whether a thread is one of them."""
        if self.status not in {None, shape["status"]}:
            return False
        return all(shape["values"].get(name) == value for name, value in (self.values or {}).items())


Visible = Callable[[Mapping[str, Any]], bool]
"""Whether something with this metadata is there for whoever asks."""


def everything(_: Mapping[str, Any]) -> bool:
    """All of it is."""
    return True


class ThreadStates:
    """One user's threads, as far as they are visible."""

    def __init__(self, service: Service, runs: Runs, visible: Visible = everything) -> None:
        self._service = service
        self._runs = runs
        self._visible = visible

    async def thread(self, thread: Thread) -> Json:
        """A `Thread`, with its state as it is now."""
        try:
            async with self._opened(thread) as (_, graph):
                snapshot = await graph.aget_state(_at(thread.id))
        except NotFound:  # its graph is not served any more
            snapshot = StateSnapshot({}, (), {}, None, None, None, (), ())
        created, updated = thread.created_at.isoformat(), thread.updated_at.isoformat()
        return {
            "thread_id": thread.id,
            "created_at": created,
            "updated_at": updated,
            "state_updated_at": snapshot.created_at or updated,
            "metadata": thread.metadata,
            "config": {},
            "status": await self._status(thread, snapshot),
            "values": snapshot.values or {},
            "interrupts": interrupts_of(snapshot),
        }

    async def search(self, wish: Wish, *, limit: int | None, offset: int = 0) -> list[Json]:
        """Those that fit, the latest first; all of them without a limit."""
        found: list[Json] = []
        skipped = 0
        async for thread in self._listed(wish):
            if not wish.needs_state and skipped < offset:
                skipped += 1
                continue
            shape = await self.thread(thread)
            if not wish.fits(shape):
                continue
            if skipped < offset:
                skipped += 1
                continue
            found.append(shape)
            if limit is not None and len(found) >= limit:
                break
        return found

    async def count(self, wish: Wish) -> int:
        """How many fit."""
        if wish.needs_state:
            return len(await self.search(wish, limit=None))
        return len([thread async for thread in self._listed(wish)])

    async def state(
        self, thread: Thread, place: Mapping[str, Any] | None = None, *, subgraphs: bool = False
    ) -> Json:
        """A `ThreadState`: now, or at a place in its past. Raises NotFound."""
        async with self._opened(thread) as (_, graph):
            snapshot = await graph.aget_state(_at(thread.id, place), subgraphs=subgraphs)
        if place and snapshot.created_at is None:
            raise NotFound(f"Thread {thread.id} has no such checkpoint.")
        return state_of(snapshot)

    async def history(
        self,
        thread: Thread,
        *,
        limit: int,
        before: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        place: Mapping[str, Any] | None = None,
    ) -> list[Json]:
        """Its states, the latest first."""
        async with self._opened(thread) as (_, graph):
            states = graph.aget_state_history(
                _at(thread.id, place),
                filter=dict(metadata) if metadata else None,
                before=_at(thread.id, before) if before else None,
                limit=limit,
            )
            return [state_of(snapshot) async for snapshot in states]

    async def update(
        self,
        thread: Thread,
        values: Any,
        *,
        as_node: str | None,
        place: Mapping[str, Any] | None,
        actor: str = "api",
    ) -> Json:
        """Change its state as if a node had; where that is now.

        Nothing, as the end, is what agent-inbox sends for a thread that was marked as resolved: Nexus's own
        graph takes it as a no to whatever it asks.

        Raises:
            InvalidInput: The graph is Nexus's own, or cannot take it.
            Conflict: The thread is being run.
        """
        async with self._opened(thread) as (graph, opened):
            if graph.asks_first and (values, as_node, place) == (None, END, None):
                await self._refuse_all(thread, actor)
                return dict((await opened.aget_state(_at(thread.id))).config.get("configurable") or {})
            check_writable(graph, "values" if as_node is None else "as_node")
            self._check_idle(thread.id)
            try:
                config = await opened.aupdate_state(_at(thread.id, place), values, as_node=as_node)
            except (InvalidUpdateError, ValueError, TypeError, KeyError) as error:
                raise InvalidInput(f"{type(error).__name__}: {error}"[:300], field="values") from error
        return dict(config.get("configurable") or {})

    async def _refuse_all(self, thread: Thread, actor: str) -> None:
        for approval in await self._service.parts.approvals.search(thread=ThreadId(thread.id)):
            with suppress(Conflict):  # somebody was first
                await self._runs.decide(approval, Reject(comment=RESOLVED), actor=actor)

    async def label(self, thread: Thread, metadata: Mapping[str, Any]) -> Thread:
        """Add to its metadata. Raises InvalidInput: it would become another graph's."""
        check_labels(thread, metadata)
        # A run may have set that one since the thread was read.
        added = {name: value for name, value in metadata.items() if name != "graph_id"}
        return await self._service.threads.label(thread.id, added)

    async def begin_with(self, thread: Thread, supersteps: Sequence[Mapping[str, Any]]) -> None:
        """Give a new thread a past. Raises as `update`."""
        async with self._opened(thread) as (graph, opened):
            check_writable(graph, "supersteps")
            try:
                steps = [
                    [StateUpdate(each.get("values"), each.get("as_node"), None) for each in step["updates"]]
                    for step in supersteps
                ]
                await opened.abulk_update_state(_at(thread.id), steps)
            except (InvalidUpdateError, ValueError, TypeError, KeyError) as error:
                raise InvalidInput(f"{type(error).__name__}: {error}"[:300], field="supersteps") from error

    async def copy(self, thread: Thread) -> Thread:
        """A new thread with the same past.

        Raises:
            Conflict: The thread is being run, or a call is open in it: an approval is for one thread.
        """
        self._check_idle(thread.id)
        if thread.graph in {None, AGENT}:
            await self._service.runner.check_free_to_ask(thread.id)
        made = await self._service.threads.create(
            ThreadId(str(uuid.uuid4())), title=thread.title, metadata=thread.metadata
        )
        await self._service.graphs.checkpointer.acopy_thread(thread.id, made.id)
        return made

    async def prune(self, thread_ids: Sequence[str], *, keep_latest: bool) -> int:
        """Forget threads, or all but their latest state; how many. Those that are not there do not count.

        Raises Conflict if a thread is being run, or if its latest state would be lost with its past.
        """
        threads = [thread for thread in [await self._known(each) for each in thread_ids] if thread]
        for thread in threads:
            self._check_idle(thread.id)
            if keep_latest and await self._service.graphs.keeps_deltas(thread):
                raise Conflict(
                    f"Thread {thread.id} keeps what each step added, so its past is its state.",
                    remedy="Leave it as it is, or delete it.",
                )
        if keep_latest:
            await self._service.graphs.checkpointer.aprune([each.id for each in threads])
        else:
            for thread in threads:
                await self._runs.delete_thread(thread.id)
        return len(threads)

    async def _known(self, thread_id: str) -> Thread | None:
        try:
            thread = await self._service.threads.get(thread_id)
        except NotFound:
            return None
        return thread if thread.id == thread_id and self._visible(thread.metadata) else None

    async def _listed(self, wish: Wish) -> AsyncGenerator[Thread]:
        if wish.ids is not None:
            for each in wish.ids:
                if thread := await self._known(each):
                    yield thread
            return
        offset = 0
        while True:
            page = await self._service.threads.search(limit=_PAGE, offset=offset, metadata=wish.metadata)
            for thread in page:
                if self._visible(thread.metadata):
                    yield thread
            if len(page) < _PAGE:
                return
            offset += _PAGE

    async def _status(self, thread: Thread, snapshot: StateSnapshot) -> str:
        if self._runs.is_running(thread.id) or self._service.runner.locks.is_held(thread.id):
            return "busy"
        if not snapshot.tasks:
            last = await self._service.runs.search(thread=thread.id, limit=1)
            return "error" if last and last[0].status == "error" else "idle"
        if snapshot.interrupts:
            return "interrupted"
        last = await self._service.runs.search(thread=thread.id, limit=1)
        return "error" if last and last[0].status == "error" else "interrupted"

    def _check_idle(self, thread_id: str) -> None:
        if self._runs.is_running(thread_id):
            raise Conflict(f"Thread {thread_id} is being run.", remedy="Wait for that run, or cancel it.")

    @asynccontextmanager
    async def _opened(self, thread: Thread) -> AsyncGenerator[tuple[Graph, Pregel[Any, Any, Any, Any]]]:
        graph = self._service.graphs.get(thread.graph or AGENT)
        async with graph.open(_at(thread.id)) as opened:
            yield graph, opened


def _at(thread_id: str, place: Mapping[str, Any] | None = None) -> RunnableConfig:
    """Where: `place` names a checkpoint, never another thread."""
    return {"configurable": {"checkpoint_ns": "", **(place or {}), "thread_id": thread_id}}
