"""Threads, step by step: what each request was served from, now and in the past. Nothing read here acts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from sse_starlette import EventSourceResponse

from nexus.api.pages.fields import FormDep
from nexus.api.pages.opened import asked, is_own, own, talking
from nexus.api.pages.routing import page_router
from nexus.api.pages.visitor import Visitor, VisitorDep, see_other
from nexus.api.pages.watching import state_of, watched
from nexus.errors import InvalidInput
from nexus.ports.threads import Thread
from nexus.runtime.reading import moments_of, read_thread
from nexus.web.telling import Standing, standing_of

router: APIRouter = page_router()

PLACE = "/ui/threads"

ROWS = 30
"""Threads, or checkpoints, on one page."""

ThreadId = Annotated[str, Path(min_length=1, max_length=100)]
CheckpointId = Annotated[str, Path(min_length=1, max_length=100)]
Skip = Annotated[int, Query(ge=0, le=1_000_000)]


@router.get(PLACE)
async def list_threads(request: Request, visitor: VisitorDep, offset: Skip = 0) -> Response:
    """The visitor's threads with where each stands, the latest first."""
    visible = await asked(request, "search", {})
    found = await visitor.service.threads.search(limit=ROWS + 1, offset=offset)
    rows = [(each, await _standing(visitor, each)) for each in found[:ROWS] if visible(each.metadata)]
    return visitor.page(
        "threads.html",
        at=PLACE,
        rows=rows,
        before=max(0, offset - ROWS) if offset else None,
        after=offset + ROWS if len(found) > ROWS else None,
    )


@router.get(f"{PLACE}/{{thread_id}}")
async def show_thread(request: Request, thread_id: ThreadId, visitor: VisitorDep) -> Response:
    """What each request was served from, step by step."""
    thread = await own(request, visitor, thread_id)
    seen = await state_of(request, visitor, thread.id)  # before it is read: what comes in between is told of
    return visitor.page("thread.html", at=PLACE, seen=seen, **await about(visitor, thread))


@router.get(f"{PLACE}/{{thread_id}}/live")
async def watch_thread(request: Request, thread_id: ThreadId, visitor: VisitorDep) -> EventSourceResponse:
    """Tells the open page that something changed."""
    thread = await own(request, visitor, thread_id)
    return watched(request, visitor, thread.id)


@router.get(f"{PLACE}/{{thread_id}}/past")
async def list_past(
    request: Request,
    thread_id: ThreadId,
    visitor: VisitorDep,
    before: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Its checkpoints, the latest first."""
    thread = await own(request, visitor, thread_id)
    moments = await moments_of(visitor.service, thread.id, limit=ROWS + 1, before=before)
    return visitor.page(
        "past.html",
        at=PLACE,
        thread=thread,
        moments=moments[:ROWS],
        before=before,
        earlier=moments[ROWS - 1].id if len(moments) > ROWS else None,
    )


@router.get(f"{PLACE}/{{thread_id}}/past/{{checkpoint_id}}")
async def show_past(
    request: Request, thread_id: ThreadId, checkpoint_id: CheckpointId, visitor: VisitorDep
) -> Response:
    """The thread as it was at a checkpoint; to be read only."""
    thread = await own(request, visitor, thread_id)
    reading = await read_thread(visitor.service, thread.id, checkpoint=checkpoint_id)
    return visitor.page(
        "thread_past.html",
        at=PLACE,
        thread=thread,
        turns=reading.turns,
        memories=reading.memories,
        moment=reading.moment,
    )


@router.post(f"{PLACE}/{{thread_id}}/stop")
async def stop(request: Request, thread_id: ThreadId, visitor: VisitorDep, form: FormDep) -> Response:  # noqa: ARG001 - its token was checked
    """Stops what is being done; what a call did that has left stays on record."""
    thread = await own(request, visitor, thread_id, "update")
    await talking(request, visitor).stop(thread.id)
    return see_other(f"{PLACE}/{thread.id}")


@router.post(f"{PLACE}/{{thread_id}}/continue")
async def go_on(request: Request, thread_id: ThreadId, visitor: VisitorDep, form: FormDep) -> Response:  # noqa: ARG001 - its token was checked
    """Lets it go on where it stopped."""
    thread = await own(request, visitor, thread_id)
    await talking(request, visitor).go_on(thread.id)
    return see_other(f"{PLACE}/{thread.id}")


@router.post(f"{PLACE}/{{thread_id}}/retry")
async def retry(request: Request, thread_id: ThreadId, visitor: VisitorDep, form: FormDep) -> Response:
    """Serves one of its requests once more, in a new thread: nothing of this one is done again."""
    thread = await own(request, visitor, thread_id)
    number = form.text("turn")
    if not number.isascii() or not number.isdigit():
        raise InvalidInput("it is no number", field="turn", remedy="Open the page again.")
    made = await talking(request, visitor).retry(thread, int(number[:9]))
    return see_other(f"{PLACE}/{made.id}")


async def about(visitor: Visitor, thread: Thread) -> dict[str, Any]:
    """What the pages of a thread show."""
    view = await visitor.service.runner.view(thread.id)
    reading = await read_thread(visitor.service, thread.id)
    last = await visitor.service.runs.search(thread=thread.id, limit=1)
    is_running = visitor.runs.is_running(thread.id) or view.status == "running"
    error = last[0].error if last and view.status == "unfinished" and not is_running else None
    return {
        "thread": thread,
        "view": view,
        "turns": reading.turns,
        "memories": reading.memories,
        "moment": reading.moment,
        "is_running": is_running,
        "error": error,
        "standing": standing_of(view, is_running=is_running, last_error=error),
        "tokens": sum(turn.tokens for turn in reading.turns),
        "seconds": sum(turn.seconds for turn in reading.turns),
    }


async def _standing(visitor: Visitor, thread: Thread) -> Standing:
    if not is_own(thread):
        return Standing(f"graph {thread.graph}", "quiet")
    view = await visitor.service.runner.view(thread.id)
    last = await visitor.service.runs.search(thread=thread.id, limit=1)
    is_running = visitor.runs.is_running(thread.id)
    return standing_of(view, is_running=is_running, last_error=last[0].error if last else None)
