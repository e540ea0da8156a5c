"""How MCP servers are, in words; every word of theirs made visible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from nexus.cli.exits import DONE, FAILED
from nexus.cli.watcher import Entry, Watcher
from nexus.cli.words import one_line
from nexus.core.display import visible
from nexus.core.policy import Allow, Policy
from nexus.errors import NotFound, Unavailable
from nexus.settings import Settings
from nexus.settings_mcp import McpServer
from nexus.tools.mcp import McpProvider, ServerState, open_mcp
from nexus.tools.mcp.changes import Change, changes

if TYPE_CHECKING:
    from nexus.tools.mcp.server import Offered

_LONGEST = 600  # characters of one side of a change


def open_servers(settings: Settings) -> AbstractAsyncContextManager[McpProvider]:
    """The servers of the settings."""

    async def configured() -> Mapping[str, McpServer]:
        return settings.mcp

    return open_mcp(configured, settings.home / "mcp")


def state_in_words(state: ServerState) -> str:
    """One server, in a line."""
    if state.trouble:
        return one_line(state.trouble, limit=500)
    changed = f", {len(state.changed)} new or changed since accepted" if state.changed else ""
    return f"runs, {len(state.offered)} tools{changed}"


def show_servers(watcher: Watcher, states: Sequence[ServerState]) -> int:
    """Every server, one a line."""
    entries: list[Entry] = [(_facts(state), [state.name, state_in_words(state)]) for state in states]
    watcher.table(
        ["server", "state"], entries, nothing="No MCP server is configured: [mcp.NAME] in nexus.toml."
    )
    return FAILED if any(state.trouble for state in states) else DONE


async def one_server(servers: McpProvider, name: str) -> ServerState:
    """One server, running.

    Raises:
        NotFound: None is called so.
        Unavailable: It does not run.
    """
    found = {state.name: state for state in await servers.states()}
    if name not in found:
        raise NotFound(
            f"There is no MCP server {name!r}.", remedy=f"Configured: {', '.join(found) or 'none'}."
        )
    if trouble := found[name].trouble:
        raise Unavailable(trouble)
    return found[name]


def show_server(watcher: Watcher, state: ServerState, accepted: Mapping[str, Any]) -> int:
    """The server's tools, and their changes."""
    entries: list[Entry] = [(_tool_facts(each), _tool_cells(each)) for each in state.offered]
    watcher.table(["tool", "runs", "what it does"], entries, nothing="It offers no tool.")
    _show_changes(watcher, state, accepted)
    if state.changed:
        watcher.note(f"If this is what you expect: nexus mcp accept {state.name}", tone="plain")
    return DONE


async def accept_server(watcher: Watcher, servers: McpProvider, name: str) -> int:
    """Accept what is shown, and nothing else."""
    state = await one_server(servers, name)
    _show_changes(watcher, state, await servers.accepted(name))
    await servers.accept(state)
    watcher.note(f"Accepted: {name} with {len(state.offered)} tools.", tone="good")
    return DONE


def _show_changes(watcher: Watcher, state: ServerState, accepted: Mapping[str, Any]) -> None:
    was_cut = False
    for each in state.changed:
        watcher.note(f"{one_line(each.spec.slug)} changed:", tone="warn")
        found = changes(accepted.get(each.definition.name), each.definition.facts)
        for side, text in (pair for change in found for pair in _sides(change)):
            was_cut = was_cut or len(text) > _LONGEST
            watcher.note(f"  {side} {visible(text, limit=_LONGEST)}", tone="plain")
    if was_cut:
        watcher.note(f"This was cut. The whole of it: nexus mcp show {state.name} --json", tone="warn")


def _sides(change: Change) -> Iterator[tuple[str, str]]:
    if change.before is None:
        yield f"{change.fact}:", change.now
    else:
        yield f"{change.fact} was:", change.before
        yield f"{change.fact} is: ", change.now


def _facts(state: ServerState) -> Mapping[str, Any]:
    changed = [each.spec.slug for each in state.changed]
    return {"server": state.name, "tools": len(state.offered), "changed": changed, "trouble": state.trouble}


def _tool_facts(each: Offered) -> Mapping[str, Any]:
    return {"tool": each.spec.slug, "accepted": each.is_accepted, "definition": each.definition.facts}


def _tool_cells(each: Offered) -> list[str]:
    runs = "by itself" if isinstance(Policy().judge(each.spec), Allow) else "asks first"
    return [one_line(each.spec.slug), runs, one_line(each.spec.summary, limit=120)]
