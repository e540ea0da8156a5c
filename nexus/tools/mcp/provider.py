"""The tools of every MCP server that is configured, behind the port."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus.core.tool import ToolSpec
from nexus.errors import Conflict, NexusError, NotFound, Unavailable
from nexus.ports.tools import ToolResult
from nexus.settings_mcp import McpServer
from nexus.tools.mcp.pins import Pins
from nexus.tools.registry import Failure

if TYPE_CHECKING:
    from nexus.tools.mcp.server import Offered, Server

_log = logging.getLogger(__name__)

Configured = Callable[[], Awaitable[Mapping[str, McpServer]]]
"""The servers that are configured now, by name."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """How one server is.

    Attributes:
        offered: What it offers; empty if it does not run.
        trouble: Why it does not run; None if it does.
    """

    name: str
    offered: Sequence[Offered] = ()
    trouble: str | None = None

    @property
    def changed(self) -> Sequence[Offered]:
        """The tools that are not as they were accepted."""
        return [each for each in self.offered if not each.is_accepted]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over what the server offers: two states with the same one offer the same."""
        digests = sorted(each.definition.digest for each in self.offered)
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()


class McpProvider:
    """Offers the tools of each configured server; one that does not start is reported, and stops nothing.

    Servers are started when tools are first asked for, and again, with growing pauses, when they are needed
    and have died. Use `open_mcp`.

    Args:
        configured: Asked at every listing, so that servers come and go without a restart.
        folder: Where what was accepted is kept.
        tool_timeout: Seconds after which callers give a call up; None: they wait.
    """

    name = "mcp"

    def __init__(self, configured: Configured, folder: Path, tool_timeout: float | None = None) -> None:
        self._configured = configured
        self._pins = Pins(folder)
        self._tool_timeout = tool_timeout
        self._servers: dict[str, Server] = {}
        self._states: dict[str, ServerState] = {}
        self._asked: Mapping[str, McpServer] = {}

    async def tools(self) -> Sequence[ToolSpec]:
        """The tools of every server. One that cannot say now keeps those it offered last."""
        return [each.spec for state in await self.states() for each in state.offered]

    async def has_changed(self) -> bool:
        """True if a server was added, removed or changed, or its tools were; what failed is tried again."""
        if await self._configured() != self._asked:
            return True
        failed = [self._servers[name] for name, state in self._states.items() if state.trouble]
        for server in failed:
            server.revive()
        if any(server.is_back for server in failed):
            return True
        working = [server for server in self._servers.values() if server not in failed]
        return await asyncio.to_thread(lambda: any(server.is_stale for server in working))

    def failures(self) -> Sequence[Failure]:
        """What the last listing could not take in, and which tools changed since they were accepted."""
        return [failure for state in self._states.values() for failure in _failures(state)]

    async def states(self) -> Sequence[ServerState]:
        """Ask every server now what it offers."""
        await self._set_up(await self._configured())
        found = await asyncio.gather(*(self._state_of(server) for server in self._servers.values()))
        self._states = {state.name: state for state in found}
        return found

    def last_states(self) -> Sequence[ServerState]:
        """Every server as it was when it was asked last; nobody is asked now."""
        return list(self._states.values())

    async def accept_seen(self, name: str, fingerprint: str) -> ServerState:
        """Accept a server's tools if they are still what a person has seen, by its `fingerprint`.

        Raises:
            NotFound: There is no such server.
            Unavailable: It does not run.
            Conflict: It offers something else now; nothing is accepted.
        """
        self._server(name)
        state = next(each for each in await self.states() if each.name == name)
        if state.trouble:
            raise Unavailable(state.trouble)
        if state.fingerprint != fingerprint:
            raise Conflict(f"{name} offers something else by now.", remedy="Look at it again.")
        await self.accept(state)
        return state

    async def accept(self, state: ServerState) -> None:
        """Accept a server's tools as they are in `state`, which a person has seen."""
        await self._pins.accept(state.name, [each.definition for each in state.offered])

    async def accepted(self, name: str) -> Mapping[str, Any]:
        """What was accepted of a server's tools, by their names. Raises Unavailable."""
        return await self._pins.facts(name) or {}

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:  # noqa: ARG002
        """Call a tool once; MCP has no place for `key`."""
        return await self._server(spec.toolkit).call(spec, arguments)

    async def close(self) -> None:
        """Let every server go."""
        await asyncio.gather(*(server.close() for server in self._servers.values()))
        self._servers = {}

    def _server(self, name: str) -> Server:
        if name not in self._servers:
            known = ", ".join(self._servers) or "none"
            raise NotFound(f"There is no MCP server {name}.", remedy=f"Configured: {known}.")
        return self._servers[name]

    async def _set_up(self, wanted: Mapping[str, McpServer]) -> None:
        """Let go of servers that are not configured so any more; make those that are new."""
        gone = [name for name, server in self._servers.items() if wanted.get(name) != server.configured]
        await asyncio.gather(*(self._servers.pop(name).close() for name in gone))
        if wanted:
            # Importing the client takes a second of work and reads files: not in the event loop.
            made = await asyncio.to_thread(importlib.import_module, "nexus.tools.mcp.server")
            for name in wanted.keys() - self._servers.keys():
                self._servers[name] = made.Server(name, wanted[name], self._pins, self._tool_timeout)
        self._servers = {name: self._servers[name] for name in wanted}
        self._asked = wanted

    async def _state_of(self, server: Server) -> ServerState:
        try:
            return ServerState(server.name, await server.offered())
        except NexusError as error:
            _log.warning("MCP: %s", error)
            before = self._states.get(server.name)
            return ServerState(server.name, before.offered if before else (), trouble=str(error))


def _failures(state: ServerState) -> Sequence[Failure]:
    if state.trouble:
        return [Failure(state.name, state.trouble)]
    reason = (
        f"is new or changed since {state.name} was accepted, so it asks. See: nexus mcp show {state.name}"
    )
    return [Failure(state.name, reason, each.spec.slug) for each in state.changed]


@asynccontextmanager
async def open_mcp(
    configured: Configured, folder: Path, tool_timeout: float | None = None
) -> AsyncGenerator[McpProvider]:
    """A provider whose servers are let go at the end."""
    provider = McpProvider(configured, folder, tool_timeout)
    try:
        yield provider
    finally:
        await provider.close()
