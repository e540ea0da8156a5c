"""Finding tools by meaning and by words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from nexus.core.tool import ToolSpec


@dataclass(frozen=True, slots=True)
class Hit:
    """One tool found, with its score in 0…1: 1 for the first, never more than the one before."""

    slug: str
    score: float


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a search is for.

    Attributes:
        connected: The toolkits this user has connected: their tools come first, others on one place in
            `OTHERS`; tools of an app that the query names come first too. Where all tools are connected, or
            none, it changes nothing. None where nobody knows.
        examples: By tool, requests of this user that it has served; they pull like requests to it.
    """

    connected: frozenset[str] | None = None
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


ANYONE = Scope()
"""A search that knows nothing of its user."""

OTHERS = 4
"""One place in so many is kept for tools of apps that are not connected, for what no connected app can do."""


class ToolIndex(Protocol):
    """Local search over tools. Asks nobody outside this machine."""

    async def update(self, tools: Sequence[ToolSpec]) -> None:
        """Make exactly these tools findable. Unchanged ones cost nothing."""
        ...

    async def search(self, query: str, *, limit: int = 15, scope: Scope = ANYONE) -> Sequence[Hit]:
        """The best `limit` tools for `query`, best first. An empty query finds nothing.

        Tools of an app that the query names have an advantage. What `scope` says of one user has no
        influence on a search for another.
        """
        ...

    async def ready(self) -> None:
        """Wait until search is as good as it will be: what is built behind it is built.

        Raises Unavailable if it cannot be built; search does without it then.
        """
        ...
