"""The chat: begin a thread or go on in one, see the answer grow, decide on what it asks without leaving."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Request, Response
from sse_starlette import EventSourceResponse

from nexus.api.guard import MAX_BODY
from nexus.api.pages.cards import Card, card_of
from nexus.api.pages.fields import Upload, UploadDep
from nexus.api.pages.inbox import InboxDep
from nexus.api.pages.opened import own, talking
from nexus.api.pages.routing import page_router
from nexus.api.pages.threads import about
from nexus.api.pages.visitor import Visitor, VisitorDep, see_other
from nexus.api.pages.watching import state_of, watched
from nexus.errors import InvalidInput
from nexus.runtime.inbox import Inbox
from nexus.runtime.runner import MAX_REQUEST
from nexus.runtime.talking import File
from nexus.runtime.view import ThreadView

router = page_router()

PLACE = "/ui/chat"

MAX_FILE = MAX_BODY - 64 * 1024
"""Bytes of an attached file: the whole form is one body."""

ThreadId = Annotated[str, Path(min_length=1, max_length=100)]


@router.get(PLACE)
async def show_new_chat(visitor: VisitorDep) -> Response:
    """A chat in which nothing was said yet."""
    return visitor.page("chat_new.html", at=PLACE, **_limits(visitor))


@router.post(PLACE)
async def begin_chat(request: Request, visitor: VisitorDep, upload: UploadDep) -> Response:
    """Begins a thread with what was said."""
    said, file = await _said(upload)
    thread = await talking(request, visitor).begin(said, file=file)
    return see_other(f"{PLACE}/{thread.id}")


@router.get(f"{PLACE}/{{thread_id}}")
async def show_chat(request: Request, thread_id: ThreadId, visitor: VisitorDep, inbox: InboxDep) -> Response:
    """What was said in a thread, and what it waits for."""
    thread = await own(request, visitor, thread_id)
    seen = await state_of(request, visitor, thread.id)  # before it is read: what comes in between is told of
    shown = await about(visitor, thread)
    cards = await _cards(inbox, shown["view"])
    return visitor.page(
        "chat.html",
        at=PLACE,
        seen=seen,
        cards=cards,
        is_held=any(card.held for card in cards),
        model=visitor.service.parts.model.name,
        undo_seconds=visitor.service.settings.undo_seconds,
        **shown,
        **_limits(visitor),
    )


@router.post(f"{PLACE}/{{thread_id}}")
async def say(request: Request, thread_id: ThreadId, visitor: VisitorDep, upload: UploadDep) -> Response:
    """Says something in a thread: a new request, or the answer to what it asked."""
    thread = await own(request, visitor, thread_id)
    said, file = await _said(upload)
    await talking(request, visitor).say(thread.id, said, file=file)
    return see_other(f"{PLACE}/{thread.id}")


@router.post(f"{PLACE}/{{thread_id}}/stop")
async def stop(request: Request, thread_id: ThreadId, visitor: VisitorDep, upload: UploadDep) -> Response:  # noqa: ARG001 - its token was checked
    """Stops what is being done; what a call did that has left stays on record."""
    thread = await own(request, visitor, thread_id, "update")
    await talking(request, visitor).stop(thread.id)
    return see_other(f"{PLACE}/{thread.id}")


@router.get(f"{PLACE}/{{thread_id}}/live")
async def watch_chat(request: Request, thread_id: ThreadId, visitor: VisitorDep) -> EventSourceResponse:
    """Tells the open page what is said and done."""
    thread = await own(request, visitor, thread_id)
    return watched(request, visitor, thread.id)


async def _cards(inbox: Inbox, view: ThreadView) -> list[Card]:
    """What the thread asks, as the inbox shows it, all of it."""
    groups = await inbox.asked([(inbox.user, approval) for approval in view.approvals])
    return [card_of(asked, user=inbox.user, whole=True) for group in groups for asked in group]


async def _said(upload: Upload) -> tuple[str, File | None]:
    """The message, and the file that comes with it; a field without a file has no name."""
    text = upload.form.text("message").strip()
    if not text:
        raise InvalidInput("it is empty", field="message", remedy="Say what you want done.")
    file = upload.files.get("file")
    return text, File(file.filename, await file.read()) if file and file.filename else None


def _limits(visitor: Visitor) -> dict[str, Any]:
    """What a message may be, and which files are taken with it."""
    taken = visitor.service.attachments
    return {"longest": MAX_REQUEST, "endings": taken.endings if taken else (), "largest": MAX_FILE}
