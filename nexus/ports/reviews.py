"""Approvals on which somebody else than whom the call is for decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nexus.core.approval import Approval


@dataclass(frozen=True, slots=True)
class Review:
    """An approval, and whom its call is for."""

    user: str
    approval: Approval


class Reviews(Protocol):
    """What one approver is asked about, whoever's call it is; nothing else of other users is shown."""

    async def search(self, *, limit: int = 100) -> Sequence[Review]:
        """What is pending and waits for the approver, the oldest first."""
        ...

    async def decided(self, *, limit: int = 20) -> Sequence[Review]:
        """What the approver was asked about and waits no more, whoever decided it: the latest first."""
        ...

    async def get(self, approval_id: str) -> Review:
        """The approval of exactly that id, decided or not, if the approver may decide on it.

        Raises:
            NotFound: There is none, or it is not the approver's to decide.
        """
        ...
