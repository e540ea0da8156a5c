"""The unknown outcomes of one user's calls: read here, resolved by the decision on their question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nexus.core.outcome import UnknownOutcome


class Outcomes(Protocol):
    """Reading changes nothing, and works while another program holds the database's lock."""

    async def search(
        self, *, thread: str | None = None, open_only: bool = True, limit: int = 100
    ) -> Sequence[UnknownOutcome]:
        """Those of which nobody has said what is true, or all that ever were; the oldest first."""
        ...

    async def get(self, outcome_id: str) -> UnknownOutcome:
        """The one with that key, or whose question has that id, or the one whose key starts so.

        Where several do, the only one that is open.

        Raises:
            NotFound: There is none, or it is not clear which.
        """
        ...
