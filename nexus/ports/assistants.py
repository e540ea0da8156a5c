"""The port to assistants: graphs with settings, as users made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Assistant:
    """A graph with settings, in one of its versions.

    Attributes:
        graph: The graph's name in `langgraph.json`.
        config: `configurable`, `tags` and `recursion_limit` of its runs.
        context: The runs' context, for graphs that have a schema for it.
    """

    id: str
    graph: str
    name: str
    description: str | None
    config: Mapping[str, Any]
    context: Mapping[str, Any]
    metadata: Mapping[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime


class AssistantStore(Protocol):
    """One user's assistants."""

    async def create(self, assistant: Assistant) -> Assistant:
        """A new one. Raises Conflict if the id is taken."""
        ...

    async def get(self, assistant_id: str) -> Assistant:
        """Its latest version. Raises NotFound."""
        ...

    async def all(self) -> Sequence[Assistant]:
        """The latest version of each, the newest first."""
        ...

    async def versions(self, assistant_id: str) -> Sequence[Assistant]:
        """Every version, the newest first. Raises NotFound."""
        ...

    async def change(self, assistant_id: str, changes: Mapping[str, Any]) -> Assistant:
        """A new version with those attributes changed; metadata is added to. Raises NotFound."""
        ...

    async def choose(self, assistant_id: str, version: int) -> Assistant:
        """Make that version the latest. Raises NotFound."""
        ...

    async def delete(self, assistant_id: str) -> None:
        """Forget it. Raises NotFound."""
        ...
