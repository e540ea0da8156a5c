"""MCP servers as a person looks at them: how each is, and what of it is not as it was accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nexus.tools.mcp import McpProvider, ServerState
from nexus.tools.mcp.changes import Change, changes


@dataclass(frozen=True, slots=True)
class ChangedTool:
    """A tool that waits to be accepted. Every word of it may be hostile."""

    slug: str
    is_new: bool
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class ServerStory:
    """How a server was when it was asked last.

    Attributes:
        fingerprint: Of all it offers: what is accepted is what was seen.
        trouble: Why it does not run; None if it does.
    """

    name: str
    tools: int
    changed: Sequence[ChangedTool]
    fingerprint: str
    trouble: str | None


async def story_of(servers: McpProvider, name: str) -> ServerStory | None:
    """The story of one server; None if none is called so. Raises Unavailable."""
    state = next((each for each in servers.last_states() if each.name == name), None)
    return None if state is None else await _told(servers, state)


async def _told(servers: McpProvider, state: ServerState) -> ServerStory:
    accepted = await servers.accepted(state.name) if state.changed else {}
    changed = [
        ChangedTool(
            each.spec.slug,
            each.definition.name not in accepted,
            tuple(changes(accepted.get(each.definition.name), each.definition.facts)),
        )
        for each in state.changed
    ]
    return ServerStory(state.name, len(state.offered), changed, state.fingerprint, state.trouble)
