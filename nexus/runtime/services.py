"""Every user's running Nexus: opened when first needed, closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from nexus.errors import Unavailable
from nexus.ports.audit import AuditLog
from nexus.ports.sessions import Sessions
from nexus.ports.users import Users
from nexus.runtime.notices import Notices
from nexus.runtime.service import Service

OpenUser = Callable[[str], AbstractAsyncContextManager[Service]]


class Services:
    """One service a user; `users` says who they are, `notices` how they are told, `audit` what they did.

    Each is opened and closed by a task of its own, since what it holds (a cancel scope, a child process)
    may have to be let go by the task that got hold of it.
    """

    def __init__(
        self, open_user: OpenUser, users: Users, notices: Notices, audit: AuditLog, sessions: Sessions
    ) -> None:
        self.users = users
        self.notices = notices
        self.audit = audit
        self.sessions = sessions
        self._open_user = open_user
        self._opened: dict[str, asyncio.Future[Service]] = {}
        self._holders: dict[str, asyncio.Task[None]] = {}
        self._closing = asyncio.Event()

    async def of(self, user: str) -> Service:
        """The user's service. Raises what prevents it from being opened; the next caller tries again."""
        if self._closing.is_set():
            raise Unavailable("Nexus is shutting down.", remedy="Try again after its next start.")
        if user not in self._opened:
            self._opened[user] = asyncio.get_running_loop().create_future()
            self._holders[user] = asyncio.create_task(self._hold(user, self._opened[user]))
        return await asyncio.shield(self._opened[user])

    async def close(self) -> None:
        """Close every service. Raises the first thing that went wrong, after all are closed."""
        self._closing.set()
        ends = await asyncio.gather(*self._holders.values(), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end

    async def _hold(self, user: str, opened: asyncio.Future[Service]) -> None:
        try:
            async with self._open_user(user) as service:
                opened.set_result(service)
                await self._closing.wait()
        except Exception as error:
            if opened.done():
                raise
            del self._opened[user]
            opened.set_exception(error)
        finally:
            opened.cancel()
