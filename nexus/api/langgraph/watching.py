"""Runs as answers: waited for, or as server-sent events that go on where a client lost them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import Request, Response
from sse_starlette import EventSourceResponse

from nexus.api.errors import problem_of
from nexus.api.langgraph.shapes import reply
from nexus.errors import Unavailable
from nexus.ports.runs import Run, RunEvent
from nexus.runtime.runs import Runs
from nexus.runtime.streams import RunStream
from nexus.runtime.wire import dumps

PING_SECONDS = 15

Result = TypeVar("Result")


def locations(run: Run, *, stateless: bool = False) -> dict[str, str]:
    """Where the run is, and where to watch it after a lost connection."""
    place = f"/runs/{run.id}" if stateless else f"/threads/{run.thread}/runs/{run.id}"
    return {"Content-Location": place, "Location": f"/threads/{run.thread}/runs/{run.id}/stream"}


def streamed(
    events: AsyncGenerator[RunEvent],
    *,
    headers: dict[str, str] | None = None,
    gone: Callable[[], Awaitable[object]] | None = None,
) -> EventSourceResponse:
    """The events; `gone` is called if the client leaves before their end."""
    return EventSourceResponse(_lines(events, gone), headers=headers, ping=PING_SECONDS)


def sse(number: str, event: str, data: bytes) -> bytes:
    """One server-sent event."""
    return b"id: %s\r\nevent: %s\r\ndata: %s\r\n\r\n" % (number.encode(), event.encode(), data)


async def told(stream: RunStream, *, after: int = 0) -> AsyncGenerator[RunEvent]:
    """Everything from behind that number; a failure is the last event."""
    async for event in stream.watch(after=after):
        yield event
    if stream.error is not None:
        problem = problem_of(stream.error)
        data = {"error": problem.type.rsplit(":", 1)[-1], "message": problem.detail}
        yield stream.last_number + 1, "error", dumps({**problem.model_dump(exclude_none=True), **data})


async def waited(request: Request, stream: RunStream, runs: Runs, *, cancel_if_gone: bool) -> Response:
    """What the run ended with. Raises what it failed with."""
    if cancel_if_gone:
        await _ended_or_gone(request, stream, runs)
    else:
        await stream.ended()
    where = locations(stream.run)
    return reply(stream.values or {}, headers={"Content-Location": where["Content-Location"]})


async def _ended_or_gone(request: Request, stream: RunStream, runs: Runs) -> None:
    end = asyncio.ensure_future(stream.ended())
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({end, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not end.done():
            await runs.stop(stream.run.id, "interrupt")
        await end
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What the work comes to. If the client leaves before, it is cut off; raises Unavailable, to nobody."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return await task
        task.cancel()
        await asyncio.wait({task})
        raise Unavailable("The client left.")
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _lines(
    events: AsyncGenerator[RunEvent], gone: Callable[[], Awaitable[object]] | None
) -> AsyncGenerator[bytes]:
    finished = False
    try:
        async for number, event, data in events:
            yield sse(str(number), event, data)
        finished = True
    finally:
        if gone is not None and not finished:
            await asyncio.shield(asyncio.ensure_future(gone()))
