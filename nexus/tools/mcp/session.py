"""One long-lived session with one MCP server, held by a task of its own, and opened anew when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import anyio
from mcp import Client, MCPError
from mcp import types as wire

from nexus import __version__
from nexus.core.display import visible
from nexus.errors import NexusError, Unavailable
from nexus.settings_mcp import McpServer
from nexus.tools.mcp.answering import AnsweringTransport, Fate
from nexus.tools.mcp.references import known_variables, resolved, without_secrets
from nexus.tools.mcp.transport import Complaints, endpoint, program

LONGEST_PAUSE = 60.0
"""Seconds to wait, at most, before a server that keeps failing is started again."""

_SHOWN = 400  # characters of what a program complained about


def pause_after(failures: int) -> float:
    """Seconds before the next start: none after the first failure, then 1, 2, 4, … up to a minute."""
    return 0.0 if failures < 2 else min(LONGEST_PAUSE, 2.0 ** (failures - 2))  # noqa: PLR2004 - the second


class Session:
    """One life of a server's session, in a task of its own: anyio wants scopes left where they were entered.

    Args:
        name: The server's name.
        server: How it is configured.
        on_change: Called when the server says that its tools have changed.
    """

    def __init__(self, name: str, server: McpServer, on_change: Callable[[], None]) -> None:
        self._name = name
        self._server = server
        self._on_change = on_change
        self._over = asyncio.Event()
        self._scope = anyio.CancelScope()
        self._complaints = Complaints()
        self._http = AnsweringTransport(self._over.set) if server.url else None
        self._secrets: list[str] = []
        self._opened: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(), name=f"mcp {name}")

    @property
    def is_open(self) -> bool:
        """True while the server is ready."""
        return self._opened.done() and not self.is_over

    @property
    def is_over(self) -> bool:
        """True once nothing can be sent any more."""
        return self._over.is_set()

    async def client(self) -> Client:
        """The client, once the server is ready. Raises Unavailable if it does not get ready."""
        return await asyncio.shield(self._opened)

    async def ended(self) -> None:
        """Wait until nothing can be sent any more."""
        await self._over.wait()

    async def close(self) -> None:
        """End the session, and the program if it is one; takes a few seconds at most."""
        self._over.set()
        if not self._opened.done():
            self._scope.cancel()
        await asyncio.wait([self._task])

    def fate_of(self, error: MCPError) -> tuple[Fate | None, float | None]:
        """What is known to have become of a request that failed so, and how long it should wait."""
        return self._http.fate_of(error.data) if self._http else (None, None)

    async def _hold(self) -> None:
        trouble = "it ended"
        try:
            with self._scope:
                self._scope.deadline = anyio.current_time() + self._server.start_timeout
                await self._live()
            if self._scope.cancelled_caught:
                trouble = f"it was not ready after {self._server.start_timeout:g} s"
        except Exception as error:  # noqa: BLE001 - what a server, or starting it, raises is not ours to foresee
            trouble = _reason(error)
        finally:
            self._over.set()
            if not self._opened.done():
                self._opened.set_exception(Unavailable(self._told(trouble)))
                self._opened.exception()  # somebody may have stopped waiting for it

    async def _live(self) -> None:
        server, self._secrets = await asyncio.to_thread(self._resolved)
        way = endpoint(server, self._http, self._over.set) if self._http else self._program(server)
        info = wire.Implementation(name="nexus", version=__version__)
        async with Client(way, cache=None, message_handler=self._hear, client_info=info) as client:
            self._scope.deadline = float("inf")
            self._opened.set_result(client)
            async with anyio.create_task_group() as group:
                group.start_soon(self._listen, client)
                await self._over.wait()
                group.cancel_scope.cancel()

    def _program(self, server: McpServer) -> Any:
        return program(server, self._complaints, self._over.set)

    def _resolved(self) -> tuple[McpServer, list[str]]:
        return resolved(self._server, known_variables(), field=f"mcp.{self._name}")

    async def _hear(self, message: object) -> None:
        if isinstance(message, wire.ToolListChangedNotification):
            self._on_change()

    async def _listen(self, client: Client) -> None:
        """Servers since 2026-07-28 tell what changed only to those who listen; `_hear` is told as well."""
        tools = client.server_capabilities.tools
        if tools is None or not tools.list_changed:
            return
        try:
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    pass
        except (MCPError, RuntimeError):
            return  # an older protocol, or a stream that broke: the next listing sees what changed

    def _told(self, trouble: str) -> str:
        """What happened, with what the program said last; none of it to be trusted, no secret in it."""
        said = f"{self._name} does not run ({trouble}). {self._complaints}"
        return visible(" ".join(without_secrets(said, self._secrets).split()), limit=_SHOWN)


class Connection:
    """The way to one server: a session when there is one, else a new one, not too soon after failures.

    Args:
        name: The server's name.
        server: How it is configured.
        on_change: Called when the server says that its tools have changed.
    """

    def __init__(self, name: str, server: McpServer, on_change: Callable[[], None]) -> None:
        self._name = name
        self._server = server
        self._on_change = on_change
        self._opening = asyncio.Lock()
        self._session: Session | None = None
        self._reviving: asyncio.Task[None] | None = None
        self._failures = 0
        self._not_before = 0.0

    async def session(self) -> Session:
        """A session whose server is ready.

        Raises:
            Unavailable: It does not start, or failed so often that it is given a pause.
        """
        async with self._opening:
            if self._session is None or self._session.is_over:
                self._session = await self._begun()
            try:
                await self._session.client()
            except NexusError:
                self._count_failure()
                raise
            return self._session

    def revive(self) -> None:
        """Try to open a session, while nobody waits for it."""
        if self._reviving is None or self._reviving.done():
            self._reviving = asyncio.create_task(self._revive())

    def has_other(self, session: Session | None) -> bool:
        """True if a session is open that is not `session`."""
        return self._session is not session and self._session is not None and self._session.is_open

    def works(self) -> None:
        """The server has answered: what failed before does not count any more."""
        self._failures = 0

    async def close(self) -> None:
        """End the session, if there is one."""
        if self._reviving is not None:
            self._reviving.cancel()
        if self._session is not None:
            await self._session.close()

    async def _begun(self) -> Session:
        if self._session is not None:
            await self._session.close()
        left = self._not_before - time.monotonic()
        if left > 0:
            told = f"{self._name} failed {self._failures} times; the next try is in {left:.0f} s."
            raise Unavailable(told, retry_after=left)
        return Session(self._name, self._server, self._on_change)

    async def _revive(self) -> None:
        with contextlib.suppress(Unavailable):
            await self.session()

    def _count_failure(self) -> None:
        self._failures += 1
        self._not_before = time.monotonic() + pause_after(self._failures)


def _reason(error: BaseException) -> str:
    """What lies at the bottom of an error; groups of errors say nothing themselves."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case FileNotFoundError():
            return f"there is no program or folder {error.filename}"
        case NexusError() | MCPError() | OSError():
            return str(error)
        case _:
            return f"{type(error).__name__}: {error}"
