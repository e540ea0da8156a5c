"""One MCP server: what it offers, judged against what was accepted, and the calls of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp import Client, MCPError
from mcp import types as wire
from pydantic import ValidationError

from nexus.core.arguments import check_arguments
from nexus.core.display import visible
from nexus.core.tool import ToolSpec
from nexus.errors import NotFound, NotSent, OutcomeUnknown, Refused, Unavailable
from nexus.ports.tools import ToolResult
from nexus.settings_mcp import McpServer
from nexus.tools.mcp.definitions import Definition, definition_of, slug_of, spec_of
from nexus.tools.mcp.pins import Pins
from nexus.tools.mcp.results import failure_of, result_of
from nexus.tools.mcp.session import Connection, Session

MOST_PAGES = 1000
"""Pages of tools that are read; a server may not list for ever."""

START_SHARE = 0.5
"""How much of the time of a call may pass before it is sent; who calls could not tell a later end apart."""

_SHOWN = 80  # characters of a tool's name in an error


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool as the server defines it now."""

    definition: Definition
    spec: ToolSpec
    is_accepted: bool


class Server:
    """The tools of one server.

    Args:
        name: Its name in the configuration.
        configured: How it is reached.
        pins: What was accepted of it.
        tool_timeout: Seconds after which callers give a call up; None: they wait.
    """

    def __init__(
        self, name: str, configured: McpServer, pins: Pins, tool_timeout: float | None = None
    ) -> None:
        self.name = name
        self.configured = configured
        self._pins = pins
        self._patience = None if tool_timeout is None else tool_timeout * START_SHARE
        self._connection = Connection(name, configured, self._forget)
        self._listing = asyncio.Lock()
        self._is_stale = True
        self._has_spoken = False
        self._listed_by: Session | None = None
        self._pins_read_at: int | None = None
        self._offered: Mapping[str, Offered] = {}
        self._told: Mapping[str, Offered] = self._offered

    @property
    def is_stale(self) -> bool:
        """True if the tools, or what is accepted of them, may have changed since they were listed."""
        return (
            self._is_stale
            or self.is_back
            or self._offered is not self._told
            or self._pins.changed_at(self.name) != self._pins_read_at
        )

    @property
    def is_back(self) -> bool:
        """True if the server was started again, or said that its tools changed, and was not asked since."""
        return self._has_spoken or self._connection.has_other(self._listed_by)

    def revive(self) -> None:
        """Try to start a server that did not start; `is_back` says when it did."""
        self._connection.revive()

    async def offered(self) -> Sequence[Offered]:
        """Every tool, asked of the server now. Raises Unavailable."""
        self._is_stale, self._has_spoken = True, False
        _, self._told = await self._current()
        return list(self._told.values())

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any]) -> ToolResult:
        """Call a tool once, if it is still defined as in `spec`."""
        check_arguments(spec, arguments)
        try:
            async with asyncio.timeout(self._patience):
                session, offered = await self._current()
                client = await session.client()
        except Unavailable as error:
            raise NotSent(str(error), retry_after=error.retry_after) from error
        except TimeoutError as error:
            raise NotSent(f"{self.name} was not ready in time for the call.") from error
        now = offered.get(spec.slug)
        if now is None:
            raise NotFound(f"{self.name} does not offer {spec.slug} any more.")
        if now.spec.version != spec.version:
            raise Refused(f"{spec.slug} is not what it was when it was chosen.", remedy="Start a new run.")
        if session.is_over:
            raise NotSent(f"{self.name} ended before the call was sent.")
        return await self._send(client, session, now.definition.name, arguments)

    async def close(self) -> None:
        """Let the server go."""
        await self._connection.close()

    async def _send(
        self, client: Client, session: Session, tool: str, arguments: Mapping[str, Any]
    ) -> ToolResult:
        """One request.

        The client's own way to call sends a second one if the server asks for it, and takes an answer that
        does not fit the tool's output schema for a failure.
        """
        params = wire.CallToolRequestParams(name=tool, arguments=dict(arguments))
        try:
            answer = await client.session.send_request(
                wire.CallToolRequest(params=params), wire.CallToolResult
            )
        except MCPError as error:
            fate, wait = session.fate_of(error)
            raise failure_of(error, fate, self.name, wait) from error
        except ValidationError as error:
            raise OutcomeUnknown(f"{self.name} gave an answer that MCP does not know.") from error
        return result_of(answer)

    async def _current(self) -> tuple[Session, Mapping[str, Offered]]:
        """The session, and what it offers; listed again if it is another one or may have changed."""
        async with self._listing:
            session = await self._connection.session()
            if self._is_stale or session is not self._listed_by:
                self._is_stale = False  # before asking: what changes from now on counts
                try:
                    self._offered = await self._judged(await self._definitions(session))
                except BaseException:
                    self._is_stale = True
                    raise
                self._listed_by = session
                self._connection.works()
            return session, self._offered

    async def _definitions(self, session: Session) -> list[Definition]:
        client = await session.client()
        try:
            async with asyncio.timeout(self.configured.start_timeout):
                return [definition_of(tool) for tool in await _every_tool(client)]
        except (MCPError, ValidationError, TimeoutError) as error:
            why = str(error) or "it took too long"
            raise Unavailable(f"{self.name} cannot say what it offers: {why}") from error

    async def _judged(self, definitions: Sequence[Definition]) -> Mapping[str, Offered]:
        _refuse_ambiguous(self.name, definitions)
        accepted = await self._pins.accepted(self.name, definitions)
        self._pins_read_at = await asyncio.to_thread(self._pins.changed_at, self.name)
        judged = [
            Offered(
                each,
                spec_of(
                    self.name, each, is_accepted=is_accepted, is_local=self.configured.command is not None
                ),
                is_accepted,
            )
            for each, is_accepted in zip(definitions, accepted, strict=True)
        ]
        return {each.spec.slug: each for each in judged}

    def _forget(self) -> None:
        self._is_stale = self._has_spoken = True


def _refuse_ambiguous(server: str, definitions: Sequence[Definition]) -> None:
    """Raise Unavailable if two tools have one name here: what was accepted of one could be said of the other.

    The same definition twice, as when the list changes while its pages are read, does no harm.
    """
    found: dict[str, Definition] = {}
    for each in definitions:
        first = found.setdefault(slug_of(server, each.name), each)
        if first != each:
            name = visible(each.name, limit=_SHOWN)
            raise Unavailable(
                f"{server} lists two different tools as {name!r}, so none of its tools is used."
            )


async def _every_tool(client: Client) -> list[wire.Tool]:
    tools: list[wire.Tool] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.session.list_tools(params=wire.PaginatedRequestParams(cursor=cursor))
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            return tools
    raise Unavailable(f"there are more than {MOST_PAGES} pages of tools")
