"""The list of threads: what a person asked for, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nexus.core.action import ThreadId


@dataclass(frozen=True, slots=True)
class Thread:
    """One conversation."""

    id: ThreadId
    title: str
    created_at: datetime
    updated_at: datetime


class Threads(Protocol):
    """Durable before it returns."""

    async def create(self, thread_id: ThreadId, *, title: str = "") -> Thread:
        """A new thread. Raises Conflict if the id is taken."""
        ...

    async def touch(self, thread_id: ThreadId, *, title: str | None = None) -> None:
        """Note that something happened; the first title stays."""
        ...

    async def get(self, thread_id: str) -> Thread:
        """The thread of that id, or of the one id that starts so. Raises NotFound."""
        ...

    async def search(self, *, limit: int = 50) -> Sequence[Thread]:
        """Threads, the latest first."""
        ...
