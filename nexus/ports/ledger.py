"""The ledger of effects: what makes every call happen at most once."""

from __future__ import annotations

from typing import Protocol

from nexus.core.action import ThreadId
from nexus.core.effect import Claim, ClaimResult, Effect


class Ledger(Protocol):
    """One row for each attempt, durable before the call leaves and again when its end is known."""

    async def claim(self, claim: Claim, *, approval_id: str) -> ClaimResult:
        """Ask to run an attempt. Exactly one caller, ever, is told `Claimed` for a key (unless released).

        In one transaction: an attempt that ended answers `Settled`; one that runs in a living process
        answers `InProgress`; one whose process died is settled as unknown (or, if repeatable, claimed
        anew); else the approval is checked, if one is needed, and the row written.

        Raises:
            DigestMismatch: Something else was approved, or ran under this key.
            ApprovalExpired: The approval's time is over.
            Refused: Nobody approved it.
        """
        ...

    async def settle(self, key: str, effect: Effect) -> None:
        """Record how a claimed attempt ended."""
        ...

    async def again(self, key: str, *, why: str) -> int:
        """Record that a claimed attempt is about to be sent once more; how often it was sent then.

        Only for attempts that may be repeated, or that certainly never left.

        Raises:
            Conflict: It has ended.
        """
        ...

    async def settle_lost(self) -> int:
        """Settle as unknown what processes that died had claimed and not settled; how many there were.

        The run with which the thread goes on, and asks, is written in the same transaction. What may simply
        be made again is left: it is, when its thread goes on.
        """
        ...

    async def release(self, key: str) -> None:
        """Give back a claim whose call certainly never left, so that it may be claimed again."""
        ...

    async def resolve(self, key: str, effect: Effect) -> None:
        """Record what a person says about an attempt whose outcome is unknown. The first word stays."""
        ...

    async def has_read_others(self, thread: ThreadId, *, besides: str) -> bool:
        """True if the thread has read what others may have written, by another attempt than `besides`."""
        ...

    async def get(self, key: str) -> Effect | None:
        """How the attempt ended; None if it did not start or has not ended."""
        ...
