"""Results that are too long to be shown whole, and reading on in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nexus.core.action import ThreadId


@dataclass(frozen=True, slots=True)
class Kept:
    """A result that was kept.

    Attributes:
        id: What it is read by, in its thread, e.g. `r1`.
        how_to_read: What the model is told about reading on; names the tool for it.
    """

    id: str
    how_to_read: str


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A result as it was kept.

    Attributes:
        tool: The tool whose result it is.
        text: The result, up to what is kept of one.
        length: How many characters it had.
    """

    id: str
    tool: str
    text: str
    length: int


class Results(Protocol):
    """Keeps whole what the model is shown in part."""

    @property
    def reader(self) -> str:
        """The tool that reads on, by its slug."""
        ...

    async def keep(self, text: str, *, thread: ThreadId, call: str, tool: str) -> Kept:
        """Keep the result of a call, whose ledger key is `call`. Raises StoreUnavailable."""
        ...


class ResultStore(Protocol):
    """One user's kept results. Every method raises StoreUnavailable."""

    async def add(self, text: str, *, thread: ThreadId, call: str, tool: str) -> str:
        """Keep a result, and give it a short id in its thread; the same call keeps its id."""
        ...

    async def get(self, result_id: str, *, thread: ThreadId) -> StoredResult:
        """A kept result of that thread. Raises NotFound."""
        ...

    async def thread_of(self, call: str) -> ThreadId:
        """The thread whose call the ledger knows under this key. Raises NotFound."""
        ...
