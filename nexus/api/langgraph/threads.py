"""Threads: conversations, and the states they are and were in."""

# ruff: noqa: FAST003 - the ids in the paths go to the dependencies

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from nexus.api.approvals import actor_of
from nexus.api.dependencies import RunsDep, ServiceDep, ThreadDep, ThreadStatesDep, VisibleDep
from nexus.api.langgraph.forms import (
    Few,
    History,
    StateAt,
    StateUpdate,
    ThreadCreate,
    ThreadFilter,
    ThreadPatch,
    ThreadPrune,
    ThreadSearch,
)
from nexus.api.langgraph.shapes import (
    Empty,
    PrunedShape,
    StateShape,
    StateUpdated,
    ThreadFields,
    ThreadShape,
    new_thread_shape,
    reply,
    selected,
)
from nexus.api.openapi import problems
from nexus.core.action import ThreadId
from nexus.errors import Conflict, NexusError
from nexus.runtime.thread_states import Wish

router = APIRouter(prefix="/threads", tags=["threads"])

CheckpointId = Annotated[str, Path(min_length=1, max_length=100)]
_COUNT: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": 1}}}}


@router.post("", response_model=ThreadShape, responses=problems(409, changes=True), summary="Make a thread")
async def create_thread(
    service: ServiceDep,
    states: ThreadStatesDep,
    runs: RunsDep,
    visible: VisibleDep,
    body: ThreadCreate | None = None,
) -> Response:
    """A thread is one conversation; at most one run at a time works in it."""
    new = body or ThreadCreate()
    labels = {"graph_id": new.graph_id} if new.graph_id else {}
    thread_id = ThreadId(new.thread_id or str(uuid.uuid4()))
    try:
        thread = await service.threads.create(thread_id, metadata={**labels, **new.metadata})
    except Conflict:
        known = await service.threads.get(thread_id)
        if new.if_exists == "raise" or not visible(known.metadata):
            raise
        return reply(await states.thread(known))
    if not new.supersteps:
        return reply(new_thread_shape(thread))
    try:
        await states.begin_with(thread, new.supersteps)
    except NexusError:
        await runs.delete_thread(thread.id)
        raise
    return reply(await states.thread(thread))


@router.post(
    "/search",
    response_model=list[ThreadFields],
    responses=problems(changes=True),
    summary="Find threads",
)
async def search_threads(states: ThreadStatesDep, body: ThreadSearch | None = None) -> Response:
    """The latest first, unless asked otherwise; for the owner also those that the command line started."""
    search = body or ThreadSearch()
    by_default = search.sort_by in {"updated_at", "state_updated_at"} and search.sort_order == "desc"
    if by_default:
        found = await states.search(_wish(search), limit=search.limit, offset=search.offset)
    else:
        found = await states.search(_wish(search), limit=None)
        found.sort(key=lambda shape: shape[search.sort_by], reverse=search.sort_order == "desc")
        found = found[search.offset : search.offset + search.limit]
    return reply([selected(shape, search.select) for shape in found], headers=_pages(search, len(found)))


@router.post(
    "/count", response_model=int, responses={**problems(changes=True), **_COUNT}, summary="Count threads"
)
async def count_threads(states: ThreadStatesDep, body: ThreadFilter | None = None) -> Response:
    """How many a search would find."""
    return reply(await states.count(_wish(body or ThreadFilter())))


@router.post(
    "/prune",
    response_model=PrunedShape,
    responses=problems(404, 409, changes=True),
    summary="Forget the past",
)
async def prune_threads(states: ThreadStatesDep, body: ThreadPrune) -> Response:
    """Deletes threads, or all but their latest state. What was decided and done stays in the audit log."""
    keep = body.strategy == "keep_latest"
    return reply({"pruned_count": await states.prune(body.thread_ids, keep_latest=keep)})


@router.get("/{thread_id}", response_model=ThreadShape, responses=problems(404), summary="Show a thread")
async def show_thread(thread: ThreadDep, states: ThreadStatesDep) -> Response:
    """Its state as it is now, and what it waits for."""
    return reply(await states.thread(thread))


@router.patch(
    "/{thread_id}",
    response_model=ThreadShape,
    responses=problems(404, changes=True),
    summary="Label a thread",
)
async def patch_thread(thread: ThreadDep, body: ThreadPatch, states: ThreadStatesDep) -> Response:
    """Adds to its metadata."""
    return reply(await states.thread(await states.label(thread, body.metadata)))


@router.delete(
    "/{thread_id}",
    response_model=Empty,
    responses=problems(404, 409, changes=True),
    summary="Delete a thread",
)
async def delete_thread(thread: ThreadDep, runs: RunsDep) -> Response:
    """With its runs and states; what it still asks is answered with no. What was done stays on record."""
    await runs.delete_thread(thread.id)
    return reply({})


@router.post(
    "/{thread_id}/copy",
    response_model=ThreadShape,
    responses=problems(404, 409, changes=True),
    summary="Copy a thread",
)
async def copy_thread(thread: ThreadDep, states: ThreadStatesDep) -> Response:
    """A new thread with the same past; not while a call is open in it, for an approval is for one thread."""
    return reply(await states.thread(await states.copy(thread)))


@router.get(
    "/{thread_id}/state", response_model=StateShape, responses=problems(404), summary="Show its state"
)
async def show_state(
    thread: ThreadDep,
    states: ThreadStatesDep,
    subgraphs: Annotated[bool, Query(description="With the states of graphs in it")] = False,  # noqa: FBT002
) -> Response:
    """As it is now; `next` and `tasks` say where it stopped, `interrupts` what it asks."""
    return reply(await states.state(thread, subgraphs=subgraphs))


@router.get(
    "/{thread_id}/state/{checkpoint_id}",
    response_model=StateShape,
    responses=problems(404),
    summary="Show a past state",
)
async def show_past_state(
    thread: ThreadDep,
    checkpoint_id: CheckpointId,
    states: ThreadStatesDep,
    subgraphs: Annotated[bool, Query(description="With the states of graphs in it")] = False,  # noqa: FBT002
) -> Response:
    """As it was at that checkpoint."""
    return reply(await states.state(thread, {"checkpoint_id": checkpoint_id}, subgraphs=subgraphs))


@router.post(
    "/{thread_id}/state/checkpoint",
    response_model=StateShape,
    responses=problems(404, changes=True),
    summary="Show a past state, also one of a graph in it",
)
async def show_state_at(thread: ThreadDep, body: StateAt, states: ThreadStatesDep) -> Response:
    """As it was at that checkpoint."""
    return reply(await states.state(thread, body.checkpoint.place, subgraphs=body.subgraphs))


@router.post(
    "/{thread_id}/state",
    response_model=StateUpdated,
    responses=problems(404, 409, changes=True),
    summary="Change its state",
)
async def update_state(
    thread: ThreadDep, body: StateUpdate, states: ThreadStatesDep, service: ServiceDep
) -> Response:
    """As if a node had changed it. Refused for Nexus's own graph: it could step around an approval.

    But nothing, as `__end__`, is a no to whatever that graph asks.
    """
    place = body.checkpoint.place if body.checkpoint else None
    if place is None and body.checkpoint_id is not None:
        place = {"checkpoint_id": body.checkpoint_id}
    checkpoint = await states.update(
        thread, body.values, as_node=body.as_node, place=place, actor=actor_of(service)
    )
    return reply({"checkpoint": checkpoint, **checkpoint})


@router.get(
    "/{thread_id}/history",
    response_model=list[StateShape],
    responses=problems(404),
    summary="List its states",
)
async def list_states(
    thread: ThreadDep,
    states: ThreadStatesDep,
    limit: Annotated[Few, Query()] = 10,
    before: Annotated[str | None, Query(max_length=100, description="A checkpoint's id")] = None,
) -> Response:
    """The latest first."""
    place = {"checkpoint_id": before} if before else None
    return reply(await states.history(thread, limit=limit, before=place))


@router.post(
    "/{thread_id}/history",
    response_model=list[StateShape],
    responses=problems(404, changes=True),
    summary="Find states of it",
)
async def search_states(thread: ThreadDep, states: ThreadStatesDep, body: History | None = None) -> Response:
    """The latest first."""
    search = body or History()
    before = {"checkpoint_id": search.before} if isinstance(search.before, str) else None
    if before is None and search.before is not None and not isinstance(search.before, str):
        before = search.before.place
    found = await states.history(
        thread,
        limit=search.limit,
        before=before,
        metadata=search.metadata,
        place=search.checkpoint.place if search.checkpoint else None,
    )
    return reply(found)


def _wish(body: ThreadFilter) -> Wish:
    return Wish(ids=body.ids, metadata=body.metadata, values=body.values, status=body.status)


def _pages(search: ThreadSearch, found: int) -> dict[str, str]:
    """Where the next page begins, if this one is full."""
    return {"X-Pagination-Next": str(search.offset + found)} if found >= search.limit else {}
