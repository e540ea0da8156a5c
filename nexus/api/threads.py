"""Threads and their runs."""

# ruff: noqa: FAST003 - the ids in the paths go to the dependencies

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from nexus.api.dependencies import Limit, RunsDep, ServiceDep, ThreadDep
from nexus.api.errors import problem_of
from nexus.api.forms import NewThread, RunRequest
from nexus.api.openapi import problems
from nexus.api.runs import Run
from nexus.api.views import PAUSED_EXAMPLE, RunAccepted, RunResult, ThreadState, ThreadSummary, thread_state

router = APIRouter(prefix="/threads", tags=["threads"])

_STREAM_EXAMPLE = f"id: 7\r\nevent: paused\r\ndata: {json.dumps(PAUSED_EXAMPLE)}\r\n\r\n"
_STREAM = {
    "description": "Server-sent events",
    "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _STREAM_EXAMPLE}},
}


@router.post("", status_code=201, responses=problems(409, changes=True), summary="Make a thread")
async def create_thread(
    service: ServiceDep, response: Response, body: NewThread | None = None
) -> ThreadSummary:
    """A thread is one conversation; at most one run at a time serves a request in it."""
    new = body or NewThread()
    thread = await service.runner.create_thread(new.thread_id, title=new.title)
    response.headers["Location"] = f"/threads/{thread.id}"
    return ThreadSummary.of(thread)


@router.get("", responses=problems(), summary="List threads, the latest first")
async def list_threads(service: ServiceDep, limit: Limit = 50) -> list[ThreadSummary]:
    """Every thread of this server, also those that the command line started."""
    return [ThreadSummary.of(thread) for thread in await service.threads.search(limit=limit)]


@router.get("/{thread_id}", responses=problems(404), summary="Show a thread")
async def show_thread(thread: ThreadDep, service: ServiceDep, runs: RunsDep) -> ThreadState:
    """What was said and done, what is pending, and whether a run is under way."""
    return await thread_state(thread.id, service, runs)


@router.post(
    "/{thread_id}/runs",
    status_code=202,
    responses=problems(404, 409, 502, changes=True),
    summary="Start a run",
)
async def start_run(thread: ThreadDep, body: RunRequest, runs: RunsDep, response: Response) -> RunAccepted:
    """Answers as soon as the run has begun; it goes on by itself. Look at the thread for how it stands."""
    await runs.start(thread.id, body.text)
    response.headers["Location"] = f"/threads/{thread.id}"
    return RunAccepted(thread_id=thread.id)


@router.post(
    "/{thread_id}/runs/wait",
    responses=problems(404, 409, 502, changes=True),
    summary="Start a run and wait until it ends or pauses",
)
async def wait_for_run(thread: ThreadDep, body: RunRequest, service: ServiceDep, runs: RunsDep) -> RunResult:
    """A client that goes away does not stop the run. After a 502 or 503, resume the thread."""
    run = await runs.start(thread.id, body.text)
    last = await run.last_event()
    return RunResult(thread=await thread_state(thread.id, service, runs), last_event=last)


@router.post(
    "/{thread_id}/runs/stream",
    response_class=EventSourceResponse,
    responses={**problems(404, 409, 502, changes=True), 200: _STREAM},
    summary="Start a run and watch it",
)
async def stream_run(thread: ThreadDep, body: RunRequest, runs: RunsDep) -> EventSourceResponse:
    """The run's events, numbered from 1; the last is `paused`, `ended` or, with a problem as data, `error`.

    A client that disconnects does not stop the run: it goes on in the background, and the thread shows how
    it stands.
    """
    run = await runs.start(thread.id, body.text)
    return EventSourceResponse(_events(run))


@router.post(
    "/{thread_id}/resume",
    status_code=202,
    responses=problems(404, 409, changes=True),
    summary="Continue an unfinished thread",
)
async def resume_thread(thread: ThreadDep, runs: RunsDep, response: Response) -> RunAccepted:
    """After a failure or a restart. A thread that waits for a decision goes on waiting."""
    await runs.resume(thread.id)
    response.headers["Location"] = f"/threads/{thread.id}"
    return RunAccepted(thread_id=thread.id)


async def _events(run: Run) -> AsyncIterator[ServerSentEvent]:
    try:
        async for number, event in run.watch():
            yield ServerSentEvent(json.dumps(event), event=event["event"], id=str(number))
    # The response has begun, so whatever the run failed with can only be told as an event.
    except Exception as error:  # noqa: BLE001
        yield ServerSentEvent(problem_of(error).model_dump_json(exclude_none=True), event="error")
