"""The two ways to an MCP server, each telling when its connection ends."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TextIO

import anyio
import httpx2
from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from nexus.settings_mcp import McpServer
from nexus.tools.mcp.answering import AnsweringTransport

_TIMEOUTS = httpx2.Timeout(30.0, connect=10.0, read=None)
"""Seconds. A server may take its time to answer: how long a call may take is for its caller to say."""

_LAST_WORDS = 1.0
"""Seconds that a program's standard error is read on after it has ended; a child of it may hold it open."""

_LAST_LINES = 40
_CAUSE = re.compile(r"\S*(Error|Exception)\b.*")
_LONGEST_LINE = 300


class Complaints:
    """The last lines that a program wrote to its standard error: why it did not start stands there."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[TextIO]:
        """A file for the program to write to, read by a thread until the program is gone."""
        reading, writing = os.pipe()
        reader = threading.Thread(target=self._read, args=(reading,), daemon=True)
        reader.start()
        try:
            with os.fdopen(writing, "w") as file:
                yield file
        finally:
            with anyio.CancelScope(shield=True):
                await asyncio.to_thread(reader.join, _LAST_WORDS)

    def _read(self, handle: int) -> None:
        with os.fdopen(handle, encoding="utf-8", errors="replace") as file:
            for line in iter(lambda: file.readline(_LONGEST_LINE), ""):
                if line.strip():
                    self._lines.append(line.strip())

    def __str__(self) -> str:
        """The last line that names an error, as Python and Node write one; else the last lines."""
        lines = list(self._lines)
        causes = [line for line in lines if _CAUSE.fullmatch(line)]
        return causes[-1] if causes else " / ".join(lines[-3:])


class _Watched:
    """A stream of messages that says when it is not read any more: then the connection has ended."""

    def __init__(self, stream: Any, on_end: Callable[[], None]) -> None:
        self._stream = stream
        self._on_end = on_end

    @property
    def last_context(self) -> Any:
        """What the client asks of streams that have it."""
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> Any:
        return await self._stream.receive()

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        return await self._stream.__anext__()

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._on_end()
        return await self._stream.__aexit__(kind, error, trace)


@asynccontextmanager
async def program(
    server: McpServer, complaints: Complaints, on_end: Callable[[], None]
) -> AsyncGenerator[tuple[Any, Any]]:
    """A started program, spoken to over its standard input and output; stopped at the end.

    Its environment is the few variables it cannot do without, and what the configuration gives it.
    """
    parameters = StdioServerParameters(
        command=server.command or "", args=list(server.args), env=dict(server.env), cwd=server.cwd
    )
    async with complaints.listening() as file, stdio_client(parameters, errlog=file) as (reads, writes):
        await asyncio.to_thread(file.close)  # else the thread that reads it would never see its end
        yield _Watched(reads, on_end), writes


@asynccontextmanager
async def endpoint(
    server: McpServer, transport: AnsweringTransport, on_end: Callable[[], None]
) -> AsyncGenerator[tuple[Any, Any]]:
    """A server at an address. The proxies of the environment are not used: it goes there, or nowhere."""
    async with (
        httpx2.AsyncClient(headers=dict(server.headers), timeout=_TIMEOUTS, transport=transport) as client,
        streamable_http_client(server.url or "", http_client=client) as (reads, writes),
    ):
        yield _Watched(reads, on_end), writes
