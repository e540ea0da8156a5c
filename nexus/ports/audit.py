"""The audit log: what happened, in order, for good. Notifications are read from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nexus.core.audit import AuditCheck, AuditEntry, AuditEvent, Head

__all__ = ["AuditCheck", "AuditEntry", "AuditEvent", "AuditLog", "Head"]


class AuditLog(Protocol):
    """Append-only and hash-chained. One of one user shows that user's events; one of nobody shows all.

    The stores write their events in the transaction of the change that the event tells of, so that neither
    is ever there without the other; `append` is for what changes nothing else.
    """

    async def append(self, entry: AuditEntry, *, once: str | None = None) -> None:
        """Write an entry down, durably.

        Args:
            entry: What happened. Its `data` are plain JSON values with exact numbers and whole characters.
            once: A name for it: what was written under the name before is not written again.
        """
        ...

    async def after(self, number: int, *, limit: int = 100) -> Sequence[AuditEvent]:
        """The events behind that number, in order; from 0, the first ones."""
        ...

    async def of_thread(self, thread: str, *, limit: int = 2_000) -> Sequence[AuditEvent]:
        """What happened in a thread, in order; of more than `limit` events the last ones."""
        ...

    async def latest(self) -> int:
        """The number of the last event; 0 if there is none. It grows with everything that happens."""
        ...

    async def verify(self, *, expected: Head | None = None) -> AuditCheck:
        """Look at every event of all users: is the log as it was written?

        Args:
            expected: An event that was in it once, as a person kept it elsewhere: tells also whether the
                whole log was written anew, or its end cut off.
        """
        ...
