"""Server-sent events of pages: what is shown has changed, look again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

from fastapi import Request
from sse_starlette import EventSourceResponse

from nexus.errors import NexusError

EVERY_SECONDS = 0.5
"""How often it is looked: other processes (the command line, say) change things too, and tell nobody."""

PING_SECONDS = 15


def live(request: Request, state: Callable[[], Awaitable[str]]) -> EventSourceResponse:
    """An event `changed` with the state as its id whenever `state` differs from what the browser has seen.

    The stream ends when the server does; a browser comes back by itself, and says what it saw last.

    Args:
        request: The browser's; `?seen=STATE` or `Last-Event-ID` is what its page shows.
        state: A short text that is another one whenever something on the page is: a hash, say.
    """
    seen = request.headers.get("last-event-id") or request.query_params.get("seen", "")
    return EventSourceResponse(
        _changes(request, state, seen), ping=PING_SECONDS, headers={"Cache-Control": "no-store"}
    )


async def _changes(
    request: Request, state: Callable[[], Awaitable[str]], seen: str
) -> AsyncGenerator[dict[str, str]]:
    closing: asyncio.Event = request.app.state.closing
    while not closing.is_set():
        with suppress(NexusError):  # the store is locked just now, say: the next look tells
            now = await state()
            if now != seen:
                seen = now
                yield {"event": "changed", "id": now, "data": now}
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), EVERY_SECONDS)
