"""Where every user's tools come from: the one list of providers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from nexus.core.user import OWNER
from nexus.ports.tools import ToolProvider
from nexus.runtime.homes import desk_of
from nexus.settings_mcp import BUILT_IN, McpServer
from nexus.tools.composio.provider import ComposioProvider
from nexus.tools.desk import desk_provider
from nexus.tools.functions import FunctionsProvider
from nexus.tools.mcp import McpProvider, open_mcp
from nexus.tools.mcp.provider import Configured
from nexus.tools.preferences import Preferences
from nexus.wiring.shared import Shared


def providers_for(
    shared: Shared, user: str, preferences: Preferences, servers: McpProvider
) -> Sequence[ToolProvider]:
    """The user's own providers, each acting with that user's files and accounts only.

    Args:
        shared: What all users share.
        user: Whose tools they are.
        preferences: Which apps are on for the user.
        servers: The MCP servers that the user may use.
    """
    providers: list[ToolProvider] = [desk_provider(desk_of(shared.settings, user), shared.clock)]
    if shared.composio is not None:
        providers.append(ComposioProvider(shared.composio, user_id=user, wanted=preferences.on))
    providers.append(servers)
    if user == OWNER:  # they run in this process, with its rights
        taken = {*BUILT_IN, *shared.settings.mcp}
        providers.append(FunctionsProvider(shared.settings.functions, taken=taken))
    return providers


def open_servers(
    shared: Shared, user: str, preferences: Preferences
) -> AbstractAsyncContextManager[McpProvider]:
    """The MCP servers that the user may use; let go by the task that opened them."""
    settings = shared.settings
    return open_mcp(servers_for(user, preferences), settings.home / "mcp", settings.tool_timeout)


def servers_for(user: str, preferences: Preferences) -> Configured:
    """The MCP servers that the user may use: all for the owner, those that are shared for everybody else."""

    async def configured() -> Mapping[str, McpServer]:
        servers = (await preferences.settings()).mcp
        return {name: server for name, server in servers.items() if user == OWNER or server.shared}

    return configured
