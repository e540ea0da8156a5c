"""Runs in threads of their own, and many runs at once."""

from __future__ import annotations

import uuid
from contextlib import suppress
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sse_starlette import EventSourceResponse

from nexus.api.approvals import actor_of
from nexus.api.dependencies import RunsDep, ServiceDep, VisibleDep
from nexus.api.langgraph.forms import RUN_EXAMPLE, RunCreate, RunsCancel
from nexus.api.langgraph.hooks import HooksDep, RunHooks
from nexus.api.langgraph.runs import STREAM
from nexus.api.langgraph.shapes import Raw, RunShape, reply, run_shape
from nexus.api.langgraph.watching import locations, streamed, told, waited
from nexus.api.openapi import problems
from nexus.core.action import ThreadId
from nexus.errors import InvalidInput, NotFound
from nexus.ports.runs import Run, RunStatus, Stop
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.streams import RunStream
from nexus.runtime.thread_states import Visible

router = APIRouter(prefix="/runs", tags=["runs"])

MAX_BATCH = 100

_BATCH = {"requestBody": {"content": {"application/json": {"examples": {"one": {"value": [RUN_EXAMPLE]}}}}}}


@router.post(
    "",
    response_model=RunShape,
    responses=problems(404, 409, changes=True),
    summary="Start a run without a thread",
)
async def start_stateless(body: RunCreate, service: ServiceDep, runs: RunsDep, hooks: HooksDep) -> Response:
    """In a thread of its own, which is deleted at the end unless on_completion says so, or it has to ask."""
    stream = await _begin(body, service, runs, hooks)
    return reply(run_shape(stream.run), headers=locations(stream.run))


@router.post(
    "/wait",
    response_model=Raw,
    responses=problems(404, 409, 502, changes=True),
    summary="Start a run without a thread and wait until it ends",
)
async def wait_for_stateless(
    request: Request, body: RunCreate, service: ServiceDep, runs: RunsDep, hooks: HooksDep
) -> Response:
    """Answers with the state."""
    stream = await _begin(body, service, runs, hooks)
    return await waited(request, stream, runs, cancel_if_gone=body.on_disconnect == "cancel")


@router.post(
    "/stream",
    response_class=EventSourceResponse,
    responses={**problems(404, 409, 502, changes=True), **STREAM},
    summary="Start a run without a thread and watch it",
)
async def stream_stateless(
    body: RunCreate, service: ServiceDep, runs: RunsDep, hooks: HooksDep
) -> EventSourceResponse:
    """A client that leaves does not stop the run, unless on_disconnect says so."""
    stream = await _begin(body, service, runs, hooks)
    gone = partial(runs.stop, stream.run.id, "interrupt") if body.on_disconnect == "cancel" else None
    return streamed(told(stream), headers=locations(stream.run), gone=gone)


@router.post(
    "/batch",
    response_model=list[RunShape],
    responses=problems(404, 409, changes=True),
    summary="Start many runs without threads",
    openapi_extra=_BATCH,
)
async def start_batch(body: list[RunCreate], service: ServiceDep, runs: RunsDep, hooks: HooksDep) -> Response:
    """All of them are checked before the first begins."""
    if not 1 <= len(body) <= MAX_BATCH:
        raise InvalidInput(f"send 1 to {MAX_BATCH} runs", field="body")
    for each in body:
        await runs.check(each.wanted(), is_first=True)
    streams = [await _begin(each, service, runs, hooks) for each in body]
    return reply([run_shape(stream.run) for stream in streams])


@router.post("/cancel", status_code=204, responses=problems(404, changes=True), summary="Stop many runs")
async def cancel_runs(
    body: RunsCancel,
    service: ServiceDep,
    runs: RunsDep,
    visible: VisibleDep,
    action: Annotated[Stop, Query(description="rollback: the threads forget the runs")] = "interrupt",
) -> Response:
    """Those of a status, or those that are named; what has ended already stays as it is."""
    for run in await _chosen(body, service, visible):
        if run.is_open:
            with suppress(NotFound):  # another request has rolled it back meanwhile
                await runs.stop(run.id, action)
    return Response(status_code=204)


async def _chosen(body: RunsCancel, service: Service, visible: Visible) -> list[Run]:
    if body.run_ids is not None:
        named = [await service.runs.get(each, body.thread_id) for each in body.run_ids]
        for run in named:
            if not await _is_seen(run, service, visible):
                raise NotFound(f"There is no run {run.id!r}.")
        return named
    if body.status is None:
        raise InvalidInput("say which: status, or run_ids", field="status")
    statuses: list[RunStatus] = ["pending", "running"] if body.status == "all" else [body.status]
    found = await service.runs.search(statuses=statuses, thread=body.thread_id, limit=100_000)
    return [run for run in found if await _is_seen(run, service, visible)]


async def _is_seen(run: Run, service: Service, visible: Visible) -> bool:
    """Whether its thread is there for whoever asks. One whose thread is gone can only be stopped."""
    try:
        return visible((await service.threads.get(run.thread)).metadata)
    except NotFound:
        return True


async def _begin(body: RunCreate, service: Service, runs: Runs, hooks: RunHooks) -> RunStream:
    webhook = await hooks.endpoint(body.webhook)
    wanted = body.wanted(is_temporary=body.on_completion == "delete", webhook=webhook)
    await runs.check(wanted, is_first=True)
    thread = await service.threads.create(ThreadId(str(uuid.uuid4())), metadata=body.metadata)
    return await runs.start(thread.id, wanted, actor=actor_of(service))
