"""What an open page of a thread is told: that it is another one by now, and the words as they are written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any

from fastapi import Request
from sse_starlette import EventSourceResponse

from nexus.api.pages.live import EVERY_SECONDS, PING_SECONDS, Watcher
from nexus.api.pages.visitor import Visitor
from nexus.core.display import visible
from nexus.errors import NexusError
from nexus.runtime.held import HeldDecisions
from nexus.runtime.runs import Runs
from nexus.runtime.streams import RunStream
from nexus.runtime.wire import dumps, loads

Event = dict[str, str]

_DOING: Mapping[str, str] = {
    "shortlist": "Looking for tools",
    "call": "Checking whether {tool} may run",
    "executing": "{tool} is running",
    "again": "{tool} is tried again soon",
    "correction": "Mending the arguments of {tool}",
}
"""What goes on after an event of a run, in words."""


async def state_of(request: Request, visitor: Visitor, thread_id: str) -> str:
    """A short text that is another one whenever something in the thread is, or a decision is held back."""
    held: HeldDecisions = request.state.held
    service, audit = visitor.service, visitor.service.parts.audit
    runs = await service.runs.search(thread=thread_id, limit=1)
    events = await audit.of_thread(thread_id, limit=1) if audit else []
    stream = visitor.runs.stream_of(runs[0].id) if runs else None
    facts = [
        runs[0].id if runs else "-",
        runs[0].status if runs else "-",
        str(stream.states_told if stream else 0),
        str(events[0].number if events else 0),
        held.state,
    ]
    return ".".join(facts)


def watched(request: Request, visitor: Visitor, thread_id: str) -> EventSourceResponse:
    """`changed` with the state as its id; `said` with a piece of the answer; `doing` with what goes on.

    It ends with the server and with the visitor's session; a browser comes back by itself, and says which
    state it saw last.
    """
    seen = request.headers.get("last-event-id") or request.query_params.get("seen", "")
    return EventSourceResponse(
        _told(request, visitor, thread_id, seen),
        ping=PING_SECONDS,
        headers={"Cache-Control": "no-store"},
    )


async def _told(request: Request, visitor: Visitor, thread_id: str, seen: str) -> AsyncGenerator[Event]:
    news: asyncio.Queue[Event] = asyncio.Queue()
    listening = asyncio.create_task(_listen(visitor.runs, thread_id, news))
    closing: asyncio.Event = request.app.state.closing
    watcher = Watcher(request, visitor)
    try:
        while not closing.is_set():
            with suppress(NexusError):  # the store is locked just now, say: the next look tells
                if not await watcher.is_let_in():
                    return
                now = await state_of(request, visitor, thread_id)
                if now != seen:
                    seen = now
                    yield {"event": "changed", "id": now, "data": now}
            for each in await _next(news):
                yield each
    finally:
        listening.cancel()


async def _next(news: asyncio.Queue[Event]) -> list[Event]:
    """What is told within a moment; nothing may be given on in here, or a slow browser would be cut off."""
    try:
        async with asyncio.timeout(EVERY_SECONDS):
            told = [await news.get()]
    except TimeoutError:
        return []
    while not news.empty():
        told.append(news.get_nowait())
    return told


async def _listen(runs: Runs, thread_id: str, news: asyncio.Queue[Event]) -> None:
    """What the runs of the thread tell from now on; of one that is under way, what it has told before too."""
    async with aclosing(runs.follow(thread_id, past=False)) as streams:
        async for stream in streams:
            await _listen_to(stream, news)


async def _listen_to(stream: RunStream, news: asyncio.Queue[Event]) -> None:
    async with aclosing(stream.watch()) as events:
        async for _, event, data in events:
            if event == "custom" and (told := _line(loads(data))):
                news.put_nowait({"event": told[0], "data": dumps(told[1]).decode()})
            elif event == "values":
                news.put_nowait({"event": "step", "data": "{}"})


def _line(event: Mapping[str, Any]) -> tuple[str, str] | None:
    """An event of a run as the name of the page's, and a text; None if the page has no use for it."""
    kind, text = str(event.get("event")), visible(str(event.get("text", "")))
    if kind == "writing":
        return "said", text
    if kind == "thought":
        return "doing", text
    tool = visible(str(event.get("tool", "")), limit=100)
    return ("doing", _DOING[kind].format(tool=tool)) if kind in _DOING else None
