"""Finding tools by meaning and by words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nexus.core.tool import ToolSpec


@dataclass(frozen=True, slots=True)
class Hit:
    """One tool found, with its score in 0…1 (1 is the best of this search)."""

    slug: str
    score: float


class ToolIndex(Protocol):
    """Local search over tools. Asks nobody outside this machine."""

    async def update(self, tools: Sequence[ToolSpec]) -> None:
        """Make exactly these tools findable. Unchanged ones cost nothing."""
        ...

    async def search(self, query: str, *, limit: int = 15) -> Sequence[Hit]:
        """The best `limit` tools for `query`, best first. An empty query finds nothing."""
        ...
