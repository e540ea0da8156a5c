"""Runs in a thread."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from sse_starlette import EventSourceResponse

from nexus.api.approvals import actor_of
from nexus.api.dependencies import Id, Limit, RunsDep, ServiceDep, ThreadDep
from nexus.api.langgraph.forms import RunCreate, Skip
from nexus.api.langgraph.hooks import HooksDep, RunHooks
from nexus.api.langgraph.shapes import Empty, Raw, RunFields, RunShape, reply, run_shape, selected
from nexus.api.langgraph.watching import locations, streamed, told, waited
from nexus.api.openapi import problems
from nexus.core.action import ThreadId
from nexus.errors import Conflict, NotFound
from nexus.ports.runs import RunEvent, RunStatus, Stop
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.streams import RunStream

router = APIRouter(prefix="/threads/{thread_id}/runs", tags=["runs"])

STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `metadata`, then what was asked for by stream_mode",
        "content": {
            "text/event-stream": {
                "example": 'id: 2\r\nevent: values\r\ndata: {"messages": []}\r\n\r\n',
            }
        },
    }
}
RunId = Annotated[str, Path(min_length=1, max_length=100)]
LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", max_length=30, description="Go on behind this; -1: from the start"),
]
Gone = Annotated[bool, Query(description="Stop the run if the client leaves")]


@router.post("", response_model=RunShape, responses=problems(404, 409, changes=True), summary="Start a run")
async def start_run(
    thread_id: Id, body: RunCreate, service: ServiceDep, runs: RunsDep, hooks: HooksDep
) -> Response:
    """Answers at once; the run is written down and goes on by itself, also over a restart of the server."""
    stream = await begin(thread_id, body, service, runs, hooks)
    return reply(run_shape(stream.run), headers=locations(stream.run))


@router.post(
    "/wait",
    response_model=Raw,
    responses=problems(404, 409, 502, changes=True),
    summary="Start a run and wait until it ends or pauses",
)
async def wait_for_run(  # noqa: PLR0917 - FastAPI passes them by name
    request: Request, thread_id: Id, body: RunCreate, service: ServiceDep, runs: RunsDep, hooks: HooksDep
) -> Response:
    """Answers with the state; what the thread waits for stands in `__interrupt__`."""
    stream = await begin(thread_id, body, service, runs, hooks)
    return await waited(request, stream, runs, cancel_if_gone=body.on_disconnect == "cancel")


@router.post(
    "/stream",
    response_class=EventSourceResponse,
    responses={**problems(404, 409, 502, changes=True), **STREAM},
    summary="Start a run and watch it",
)
async def stream_run(
    thread_id: Id, body: RunCreate, service: ServiceDep, runs: RunsDep, hooks: HooksDep
) -> EventSourceResponse:
    """A client that leaves does not stop the run, unless on_disconnect says so."""
    stream = await begin(thread_id, body, service, runs, hooks)
    gone = partial(runs.stop, stream.run.id, "interrupt") if body.on_disconnect == "cancel" else None
    return streamed(told(stream), headers=locations(stream.run), gone=gone)


@router.get("", response_model=list[RunFields], responses=problems(404), summary="List its runs")
async def list_runs(  # noqa: PLR0917 - FastAPI passes them by name
    thread: ThreadDep,
    service: ServiceDep,
    limit: Limit = 10,
    offset: Annotated[Skip, Query()] = 0,
    status: Annotated[RunStatus | None, Query()] = None,
    select: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """The latest first."""
    statuses: list[RunStatus] = [status] if status else []
    found = await service.runs.search(thread=thread.id, statuses=statuses, limit=limit, offset=offset)
    return reply([selected(run_shape(run), select) for run in found])


@router.get("/{run_id}", response_model=RunShape, responses=problems(404), summary="Show a run")
async def show_run(thread_id: Id, run_id: RunId, service: ServiceDep) -> Response:
    """As it stands."""
    return reply(run_shape(await service.runs.get(run_id, thread_id)))


@router.delete(
    "/{run_id}", response_model=Empty, responses=problems(404, 409, changes=True), summary="Delete a run"
)
async def delete_run(thread_id: Id, run_id: RunId, service: ServiceDep) -> Response:
    """Its row, once it has ended; what it did to the thread stays."""
    run = await service.runs.get(run_id, thread_id)
    if run.is_open:
        raise Conflict(f"Run {run_id} has not ended.", remedy="Cancel it first.")
    await service.runs.delete(run.id)
    return reply({})


@router.get("/{run_id}/join", response_model=Raw, responses=problems(404, 409, 502), summary="Wait for a run")
async def join_run(  # noqa: PLR0917 - FastAPI passes them by name
    request: Request,
    thread: ThreadDep,
    run_id: RunId,
    service: ServiceDep,
    runs: RunsDep,
    cancel_on_disconnect: Gone = False,  # noqa: FBT002
) -> Response:
    """Answers with the thread's state when it has ended or paused."""
    run = await service.runs.get(run_id, thread.id)
    if stream := runs.stream_of(run.id):
        return await waited(request, stream, runs, cancel_if_gone=cancel_on_disconnect)
    return reply(await service.graphs.values_of(thread))


@router.get(
    "/{run_id}/stream",
    response_class=EventSourceResponse,
    responses={**problems(404, 409), **STREAM},
    summary="Watch a run",
)
async def join_stream(  # noqa: PLR0917 - FastAPI passes them by name
    thread_id: Id,
    run_id: RunId,
    service: ServiceDep,
    runs: RunsDep,
    last_event_id: LastEventId = None,
    cancel_on_disconnect: Gone = False,  # noqa: FBT002
    stream_mode: Annotated[list[str] | None, Query()] = None,
) -> EventSourceResponse:
    """From now on, or from behind `Last-Event-ID`; a run that was started resumable remembers all it told."""
    run = await service.runs.get(run_id, thread_id)
    gone = partial(runs.stop, run.id, "interrupt") if cancel_on_disconnect else None
    events = _from(service, runs.stream_of(run.id), run.id, last_event_id)
    wanted = {mode for each in stream_mode or [] for mode in each.split(",")}
    return streamed(_only(events, wanted) if wanted else events, gone=gone)


@router.post(
    "/{run_id}/cancel", response_model=Empty, responses=problems(404, 409, changes=True), summary="Stop a run"
)
async def cancel_run(  # noqa: PLR0917 - FastAPI passes them by name
    thread_id: Id,
    run_id: RunId,
    service: ServiceDep,
    runs: RunsDep,
    wait: Annotated[bool, Query(description="Answer when it has stopped")] = False,  # noqa: FBT002
    action: Annotated[Stop, Query(description="rollback: the thread forgets the run")] = "interrupt",
) -> Response:
    """The model and the tools are told. What a call did that has left stays on record."""
    run = await service.runs.get(run_id, thread_id)
    stream = runs.stream_of(run.id)
    if run.is_open:
        await runs.stop(run.id, action)
    if wait and stream:
        await stream.settled()
    return reply({})


async def begin(
    thread_id: str, body: RunCreate, service: Service, runs: Runs, hooks: RunHooks | None = None
) -> RunStream:
    """The run, in a thread that is made if that was asked for."""
    wanted = body.wanted(webhook=await hooks.endpoint(body.webhook) if hooks else None)
    if body.if_not_exists == "create":
        await runs.check(wanted, is_first=not await _is_there(thread_id, service))
        with suppress(Conflict):  # it is there
            await service.threads.create(ThreadId(thread_id), metadata=body.metadata)
    return await runs.start(thread_id, wanted, actor=actor_of(service))


async def _is_there(thread_id: str, service: Service) -> bool:
    """Whether there is a thread of exactly that id."""
    with suppress(NotFound):
        return (await service.threads.get(thread_id)).id == thread_id
    return False


async def _from(
    service: Service, stream: RunStream | None, run_id: str, last_event_id: str | None
) -> AsyncGenerator[RunEvent]:
    after = int(last_event_id) if last_event_id and last_event_id.isdigit() else 0
    if last_event_id is None and stream is not None:
        after = stream.last_number
    if last_event_id is not None and (stream is None or after < stream.first_number):
        for event in await service.runs.told(run_id, after=max(0, after)):
            after = event[0]
            yield event
    if stream is not None:
        async for event in told(stream, after=after):
            yield event


async def _only(events: AsyncGenerator[RunEvent], modes: set[str]) -> AsyncGenerator[RunEvent]:
    always = {"metadata", "error"}
    async for event in events:
        name = event[1].partition("|")[0]
        if (
            name in always | modes
            or name.partition("/")[0] in modes
            or (name == "messages" and "messages-tuple" in modes)
        ):
            yield event
