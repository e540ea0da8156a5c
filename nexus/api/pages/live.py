"""Server-sent events of pages: what is shown has changed, look again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

from fastapi import Request
from sse_starlette import EventSourceResponse

from nexus.api.pages.visitor import LogInFirst, Visitor, caller_and_session
from nexus.errors import NexusError, Refused, Unidentified

EVERY_SECONDS = 0.5
"""How often it is looked: other processes (the command line, say) change things too, and tell nobody."""

PING_SECONDS = 15

ASK_SECONDS = 15
"""How often an operator's handlers are asked who watches: they may ask another server in their turn."""


class Watcher:
    """Whoever watches a page: told nothing more once they are not let in as who they were."""

    def __init__(self, request: Request, visitor: Visitor) -> None:
        self._request = request
        self._caller = visitor.caller
        self._pause = 0.0 if request.app.state.hook is None else ASK_SECONDS
        self._next = time.monotonic() + self._pause

    async def is_let_in(self) -> bool:
        """False once their session is over, their key is revoked or their role is another one.

        Raises NexusError: it cannot be said just now.
        """
        if time.monotonic() < self._next:
            return True
        try:
            caller, _ = await caller_and_session(self._request)
        except (LogInFirst, Unidentified, Refused):
            return False
        self._next = time.monotonic() + self._pause
        return caller == self._caller


def live(request: Request, visitor: Visitor, state: Callable[[], Awaitable[str]]) -> EventSourceResponse:
    """An event `changed` with the state as its id whenever `state` differs from what the browser has seen.

    The stream ends with the server and with the visitor's session; a browser comes back by itself, and says
    what it saw last.

    Args:
        request: The browser's; `?seen=STATE` or `Last-Event-ID` is what its page shows.
        visitor: Whoever watches.
        state: A short text that is another one whenever something on the page is: a hash, say.
    """
    seen = request.headers.get("last-event-id") or request.query_params.get("seen", "")
    return EventSourceResponse(
        _changes(request, Watcher(request, visitor), state, seen),
        ping=PING_SECONDS,
        headers={"Cache-Control": "no-store"},
    )


async def _changes(
    request: Request, watcher: Watcher, state: Callable[[], Awaitable[str]], seen: str
) -> AsyncGenerator[dict[str, str]]:
    closing: asyncio.Event = request.app.state.closing
    while not closing.is_set():
        with suppress(NexusError):  # the store is locked just now, say: the next look tells
            if not await watcher.is_let_in():
                return
            now = await state()
            if now != seen:
                seen = now
                yield {"event": "changed", "id": now, "data": now}
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), EVERY_SECONDS)
