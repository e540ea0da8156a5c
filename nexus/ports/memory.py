"""Where one user's memories are kept, and found again by their meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nexus.core.memory import Kind, Memory, MemoryId


@dataclass(frozen=True, slots=True)
class Which:
    """Which memories are meant; each condition that is set has to hold.

    Attributes:
        kinds: Of one of these kinds.
        apps: For one of these toolkits, or for all (`Memory.apps` is empty).
        tool: Of this tool.
        subject: About exactly this.
        thread: From this thread.
        is_pending: Waiting for a person's yes, or not.
    """

    kinds: frozenset[Kind] | None = None
    apps: frozenset[str] | None = None
    tool: str | None = None
    subject: str | None = None
    thread: str | None = None
    is_pending: bool | None = None

    def fits(self, memory: Memory) -> bool:
        """True if `memory` is meant."""
        return (
            (self.kinds is None or memory.kind in self.kinds)
            and (self.apps is None or not memory.apps or bool(memory.apps & self.apps))
            and (self.tool is None or memory.tool == self.tool)
            and (self.subject is None or memory.subject == self.subject)
            and (self.thread is None or memory.thread == self.thread)
            and (self.is_pending is None or memory.is_pending == self.is_pending)
        )


EVERY = Which()


@dataclass(frozen=True, slots=True)
class Found:
    """A memory and how close its meaning is.

    Attributes:
        score: The cosine between its text and the query's, -1 to 1, higher is closer.
    """

    memory: Memory
    score: float


class MemoryStore(Protocol):
    """The memories of exactly one user: two users' stores never show, change or delete each other's.

    A store only keeps and finds; what replaces what is decided in `graphs/memories.py`. It embeds texts with
    the embedder it was made with. Each vector says which embedder made it: one of another is never compared,
    and a memory without a comparable vector is listed but not found by `search` until `reembed` was run.
    Safe for many callers at once and for several processes. Every text of Unicode comes back as it was put.
    An expired memory (`Memory.is_expired`) is never returned, and deleted at the next `put`, for good.
    What is there and is no memory is skipped, and told in the log without its content; `delete` takes it too.

    Every method raises StoreUnavailable, and nothing of its vendor's, if the store cannot be reached; those
    that read do so also if memories are sealed and the key opens none of them. `put`, `search` and `reembed`
    raise ModelMissing if the embedder is not installed.
    """

    async def put(self, memories: Sequence[Memory]) -> None:
        """Keep them, all or none; one of the same id is replaced whole. It survives the process."""
        ...

    async def get(self, memory: MemoryId) -> Memory:
        """That memory, pending or not. Raises NotFound: There is none, or it has expired."""
        ...

    async def search(self, text: str, *, which: Which = EVERY, limit: int = 10) -> Sequence[Found]:
        """Those closest in meaning to `text`, the closest first; the limit counts only those that fit."""
        ...

    async def list(self, which: Which = EVERY, *, limit: int = 100, offset: int = 0) -> Sequence[Memory]:
        """Those that fit, the last updated first (by id where times are equal)."""
        ...

    async def delete(self, memories: Sequence[MemoryId]) -> int:
        """Delete them, history and vectors too, so that no file of the store holds their texts any more.

        Returns how many there were; an id that is not there is no error.
        """
        ...

    async def reembed(self, told: Callable[[int, int], None] | None = None) -> int:
        """Embed anew whatever has no vector of the present embedder; tells `done, total` as it goes.

        It may be cut off at any moment and run again: what is done stays done. What is deleted or replaced
        meanwhile stays so. Returns how many it embedded.
        """
        ...
