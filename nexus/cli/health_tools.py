"""How the user's own tools are, for `nexus doctor`: MCP servers and Python functions."""

from __future__ import annotations

from collections.abc import AsyncIterator

from nexus.cli.health import Check
from nexus.cli.mcp_state import open_servers, state_in_words
from nexus.core.tool import ToolSpec
from nexus.settings import Settings
from nexus.settings_mcp import BUILT_IN
from nexus.tools.functions import FunctionsProvider
from nexus.tools.mcp import ServerState
from nexus.tools.registry import RENAME, taken


async def check_own_tools(settings: Settings) -> AsyncIterator[Check]:
    """Every MCP server, started for it, and every Python function that cannot be a tool."""
    offered: dict[str, ToolSpec] = {}
    if settings.mcp:
        async with open_servers(settings) as servers:
            for state in await servers.states():
                yield _server(state)
                offered |= {each.spec.slug: each.spec for each in state.offered}
    functions = FunctionsProvider(settings.functions, taken={*BUILT_IN, *settings.mcp})
    found = await functions.tools()
    if found:
        yield Check("functions", "ok", f"{len(found)} tools")
    for failure in functions.failures():
        yield Check("functions", "warn", failure.reason, "Mend it, or move it away.")
    for spec in found:
        first = offered.get(spec.slug)
        if first is not None and not {spec.slug, spec.toolkit, first.toolkit} & set(settings.disable):
            yield Check("functions", "warn", taken(spec, first), RENAME)


def _server(state: ServerState) -> Check:
    name, text = f"mcp {state.name}", state_in_words(state)
    if state.trouble:
        return Check(name, "warn", text, f"Mend [mcp.{state.name}] in nexus.toml, or take it out.")
    if state.changed:
        return Check(name, "warn", text, f"Look at them: nexus mcp show {state.name}")
    return Check(name, "ok", text)
