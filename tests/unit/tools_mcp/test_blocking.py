"""Starting, listing, calling and ending a server does nothing in the event loop that makes others wait."""

from __future__ import annotations

from blockbuster import blockbuster_ctx

from nexus.settings_mcp import McpServer
from tests.unit.tools_mcp.conftest import OpenMcp, spec_named


async def test_the_event_loop_is_never_blocked(open_servers: OpenMcp, plain: McpServer):
    provider = await open_servers({"plain": plain})
    with blockbuster_ctx():
        look = await spec_named(provider, "plain_look")
        assert (await provider.call(look, {}, key="k")).text == "look: fine"
        assert not await provider.has_changed()
        await provider.close()
