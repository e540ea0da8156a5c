"""Asking Composio does nothing in the event loop that makes others wait."""

from __future__ import annotations

from pathlib import Path

from blockbuster import blockbuster_ctx

from tests.servers.composio.standin import ComposioStandIn
from tests.servers.running import running
from tests.unit.tools_composio.test_provider import MAIL, SEND, opened, provider_of, spec_named


async def test_the_event_loop_is_never_blocked(tmp_path: Path):
    standin = ComposioStandIn()
    standin.connect("ana", "gmail")
    with running(standin.app) as url:
        async with opened(url, tmp_path) as project:
            with blockbuster_ctx():
                provider = await provider_of(project, ["gmail"])
                spec = await spec_named(provider, SEND)
                assert (await provider.call(spec, MAIL, key="k")).reference
                assert not await provider.has_changed()
                await provider.tools()
