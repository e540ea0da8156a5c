"""`nexus mcp`: the MCP servers of `nexus.toml`, and what was accepted of their tools."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.cli.entry import JsonFlag

if TYPE_CHECKING:
    from nexus.tools.mcp import McpProvider

mcp = typer.Typer(help="See MCP servers, and accept tools that changed.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The server's name in nexus.toml.")]


@mcp.command("list")
def list_(*, as_json: JsonFlag = False) -> None:
    """Start every MCP server, and say how it is."""
    from nexus.cli.mcp_state import show_servers
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        session.watcher.working("starting the MCP servers")
        async with _configured() as servers:
            return show_servers(session.watcher, await servers.states())

    carry_out(work, as_json=as_json)


@mcp.command()
def show(name: Name, *, as_json: JsonFlag = False) -> None:
    """Show a server's tools, and what changed since they were accepted."""
    from nexus.cli.mcp_state import one_server, show_server
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with _configured() as servers:
            state = await one_server(servers, name)
            return show_server(session.watcher, state, await servers.accepted(name))

    carry_out(work, as_json=as_json)


@mcp.command()
def accept(name: Name) -> None:
    """Show what changed, and accept the server's tools as they are now."""
    from nexus.cli.mcp_state import accept_server
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with _configured() as servers:
            return await accept_server(session.watcher, servers, name)

    carry_out(work)


def _configured() -> AbstractAsyncContextManager[McpProvider]:
    """The owner's servers, without the rest of Nexus."""
    from nexus.cli.mcp_state import open_servers
    from nexus.settings import load_settings

    return open_servers(load_settings())
