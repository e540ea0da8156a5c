"""Providers over real server processes, let go at the end of the test."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from nexus.core.tool import ToolSpec
from nexus.settings_mcp import McpServer
from nexus.tools.mcp import McpProvider, open_mcp

PLAIN = Path(__file__).parents[2] / "servers" / "mcp" / "plain.py"


class OpenMcp(Protocol):
    """Opens a provider of these servers; the mapping may be changed while it is open."""

    async def __call__(
        self, servers: Mapping[str, McpServer], tool_timeout: float | None = None
    ) -> McpProvider: ...


@pytest.fixture(name="open_servers")
async def _open_servers(tmp_path: Path) -> AsyncIterator[OpenMcp]:
    async with AsyncExitStack() as stack:

        async def open_them(
            servers: Mapping[str, McpServer], tool_timeout: float | None = None
        ) -> McpProvider:
            async def configured() -> Mapping[str, McpServer]:
                return dict(servers)

            return await stack.enter_async_context(open_mcp(configured, tmp_path / "pins", tool_timeout))

        yield open_them


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Where the plain server writes down what it does."""
    folder = tmp_path / "plain"
    folder.mkdir()
    return folder


@pytest.fixture(name="plain")
def _plain(folder: Path) -> McpServer:
    return plain_server(folder)


def plain_server(folder: Path, **settings: Any) -> McpServer:
    """How the server without a library is configured."""
    return McpServer(command=sys.executable, args=(str(PLAIN), str(folder)), **settings)


async def spec_named(provider: McpProvider, slug: str) -> ToolSpec:
    """The tool as it is offered now."""
    return {spec.slug: spec for spec in await provider.tools()}[slug]
