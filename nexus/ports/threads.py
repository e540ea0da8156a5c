"""The list of threads: what a person asked for, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from nexus.core.action import ThreadId
from nexus.errors import Conflict
from nexus.ports.runs import AGENT


@dataclass(frozen=True, slots=True)
class Thread:
    """One conversation.

    Attributes:
        metadata: What clients wrote on it, to find it by.
    """

    id: ThreadId
    title: str
    created_at: datetime
    updated_at: datetime
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def graph(self) -> str | None:
        """The name of the graph whose state it holds; None while none has run in it."""
        name = self.metadata.get("graph_id")
        return name if isinstance(name, str) and name else None

    def check_takes(self, graph: str) -> None:
        """Make sure that a graph of that name may run in it.

        Raises Conflict: it would write over the state of Nexus's own, or that go on from another's.
        """
        if self.graph not in {None, graph} and AGENT in {self.graph, graph}:
            raise Conflict(
                f"Thread {self.id} is one of the graph {self.graph!r}.",
                remedy="Run another graph in a thread of its own.",
            )


class Threads(Protocol):
    """Durable before it returns."""

    async def create(
        self, thread_id: ThreadId, *, title: str = "", metadata: Mapping[str, Any] | None = None
    ) -> Thread:
        """A new thread. Raises Conflict if the id is taken."""
        ...

    async def touch(self, thread_id: ThreadId, *, title: str | None = None, graph: str | None = None) -> None:
        """Note that something happened, and in which graph; the first title stays.

        Raises Conflict, as `Thread.check_takes`, in the same transaction: then nothing was changed.
        """
        ...

    async def ended(self, thread_id: ThreadId, *, ending: str | None) -> None:
        """Note that a run came to its end, also in the audit log."""
        ...

    async def failed(self, thread_id: ThreadId, *, error: str) -> None:
        """Note, also in the audit log, that a run broke off with that kind of error, and can be resumed."""
        ...

    async def get(self, thread_id: str) -> Thread:
        """The thread of that id, or of the one id that starts so. Raises NotFound."""
        ...

    async def search(
        self, *, limit: int = 50, offset: int = 0, metadata: Mapping[str, Any] | None = None
    ) -> Sequence[Thread]:
        """Threads, the latest first; with `metadata` those that have all of it."""
        ...

    async def label(self, thread_id: ThreadId, metadata: Mapping[str, Any]) -> Thread:
        """The thread with that added to its metadata. Raises NotFound."""
        ...

    async def delete(self, thread_id: ThreadId) -> None:
        """Forget the thread and its runs; what was decided and done in it stays on record."""
        ...
