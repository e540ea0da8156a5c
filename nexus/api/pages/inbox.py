"""The inbox: what waits for a person, with the exact call, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Query, Request, Response
from sse_starlette import EventSourceResponse

from graphs.decisions import check_decision
from nexus.api.dependencies import Id
from nexus.api.fields import Form
from nexus.api.pages.cards import Card, card_of, end_of
from nexus.api.pages.fields import FormDep
from nexus.api.pages.live import live
from nexus.api.pages.routing import page_router
from nexus.api.pages.visitor import Visitor, VisitorDep, clock_of, see_other, still
from nexus.core.decision import Approve, Decision, Edit, Reject, Respond
from nexus.core.editing import Field, edited_arguments, fields_of
from nexus.core.shown import WHOLE, rows
from nexus.errors import ArgumentsInvalid, Conflict, DecisionInvalid, InvalidInput, NexusError
from nexus.runtime.all_runs import AllRuns
from nexus.runtime.connecting import connections_of, go_on_when_active, link_for
from nexus.runtime.held import HeldDecisions
from nexus.runtime.inbox import LATELY, Asked, Inbox
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.services import Services

router = page_router()

CARDS = 20
"""Questions on one page: 200 are ten pages, each there at once."""

_CHAT = re.compile(r"/ui/chat/([^/]{1,100})")


async def _inbox(request: Request, visitor: VisitorDep) -> Inbox:
    services: Services = request.state.services
    held: HeldDecisions = request.state.held
    may_review = visitor.caller.role != "user"
    return Inbox(services, visitor.service, held, visitor.actor, reviews=may_review)


InboxDep = Annotated[Inbox, Depends(_inbox)]
Of = Annotated[str | None, Query(max_length=100, description="Whose call it is, if not the visitor's")]


async def _asked(approval_id: Id, inbox: InboxDep, of: Of = None) -> Asked:
    """The question, if it waits. Raises NotFound, Conflict."""
    found = await inbox.get(approval_id, of)
    if isinstance(found, Asked):
        return found
    by = f" by {found.approval.decided_by}" if found.approval.decided_by else ""
    raise Conflict(
        f"This was decided before: {found.approval.state}{by}.", remedy="The inbox shows what became of it."
    )


AskedDep = Annotated[Asked, Depends(_asked)]


@router.get("/")
async def show_inbox(visitor: VisitorDep, inbox: InboxDep, page: Annotated[int, Query(ge=1)] = 1) -> Response:
    """Every question that waits for the visitor, by thread, and what became of the last ones."""
    state = await inbox.state()  # before what is shown: what changes in between is told then
    found = await inbox.pending()
    pages = max(1, -(-len(found) // CARDS))
    page = min(page, pages)
    groups = await inbox.asked(found[(page - 1) * CARDS : page * CARDS])
    waiting: dict[tuple[str, str], int] = {}
    for user, approval in found:
        waiting[user, approval.thread] = waiting.get((user, approval.thread), 0) + 1
    ends = [end_of(each, user=inbox.user) for each in await inbox.ended(limit=LATELY)]
    cards = [[card_of(each, user=inbox.user) for each in group] for group in groups]
    return visitor.page(
        "inbox.html",
        at="/",
        state=state,
        groups=cards,
        waiting=waiting,
        total=len(found),
        page=page,
        pages=pages,
        ends=ends,
        is_moving=any(card.held for group in cards for card in group) or any(e.kind == "open" for e in ends),
        # Somebody may be typing into one of those: a page without scripts does not reload under their hands.
        is_open=any(not card.held for group in cards for card in group),
        model=visitor.service.parts.model.name,
        seconds=visitor.service.settings.undo_seconds,
    )


@router.get("/ui/inbox/events")
async def watch_inbox(request: Request, visitor: VisitorDep, inbox: InboxDep) -> EventSourceResponse:
    """Tells whenever something in the inbox is another than before."""
    return live(request, visitor, inbox.state)


@router.get("/ui/inbox/{approval_id}")
async def show_question(approval_id: Id, visitor: VisitorDep, inbox: InboxDep, of: Of = None) -> Response:
    """One question with everything about it, or what became of it."""
    found = await inbox.get(approval_id, of)
    if not isinstance(found, Asked):
        end = end_of(found, user=inbox.user)
        shown = rows(end.approval.call.arguments, end.approval.origins, limit=WHOLE)
        return visitor.page("ended.html", at="/", it=end, rows=shown, is_moving=end.kind == "open")
    return _question(visitor, card_of(found, user=inbox.user, whole=True))


@router.post("/ui/inbox/{approval_id}/decision")
async def decide(asked: AskedDep, form: FormDep, request: Request, visitor: VisitorDep) -> Response:
    """Takes an answer; it counts after a moment, in which it can be taken back."""
    await _hold(request, visitor, asked, _decision(form, asked), digest=form.text("digest"))
    return see_other(_back(form))


@router.post("/ui/inbox/{approval_id}/undo")
async def undo(
    approval_id: Id, form: FormDep, request: Request, visitor: VisitorDep, of: Of = None
) -> Response:
    """Takes an answer back that does not count yet."""
    held: HeldDecisions = request.state.held
    held.take_back(visitor.actor, of or visitor.caller.user, approval_id)
    return see_other(_back(form))


@router.get("/ui/inbox/{approval_id}/edit")
async def show_edit(asked: AskedDep, visitor: VisitorDep) -> Response:
    """The form of the tool, filled with the call."""
    _check_editable(asked)
    return _edit(visitor, asked, {}, None)


@router.post("/ui/inbox/{approval_id}/edit")
async def edit(asked: AskedDep, form: FormDep, request: Request, visitor: VisitorDep) -> Response:
    """Takes the edited call, approved with that after a moment; what does not fit is told at its field."""
    fields = _fields(asked)
    try:
        decision = Edit(_arguments(fields, form), comment=form.text("comment"))
        await _hold(request, visitor, asked, decision, digest=form.text("digest"))
    except InvalidInput as error:
        sent = {field.name: form.text(f"a.{field.name}") for field in fields if f"a.{field.name}" in form}
        return _edit(visitor, asked, sent, error)
    return see_other(_back(form))


@router.post("/ui/inbox/{approval_id}/check")
async def check_edit(
    asked: AskedDep, form: FormDep, request: Request, visitor: VisitorDep
) -> Mapping[str, str | None]:
    """Whether an edited call could be approved, while it is being typed; changes nothing."""
    service, _ = await _theirs(request, asked)
    try:
        decision = Edit(_arguments(_fields(asked), form))
        await check_decision(
            service.parts, asked.approval, decision, actor=visitor.actor, digest=form.text("digest")
        )
    except NexusError as error:
        field = error.field if isinstance(error, InvalidInput) else None
        return {"problem": _problem(error), "field": (field or "").split(".")[0] or None}
    return {"problem": None, "field": None}


@router.post("/ui/inbox/{approval_id}/connect")
async def connect(asked: AskedDep, form: FormDep, request: Request, visitor: VisitorDep) -> Response:
    """The link by which the account is connected; the question answers itself once it is."""
    service, runs = await _theirs(request, asked)
    toolkit, card = asked.approval.toolkit or "", card_of(asked, user=visitor.caller.user)
    needed = await connections_of(service).needs(service.parts.user, toolkit)
    given = {field.name: form.text(f"f.{field.name}") for field in needed if f"f.{field.name}" in form}
    if needed and not given:
        return visitor.page("connect.html", at="/", card=card, needed=needed, link=None)
    connection = await link_for(service, asked.approval, given or None)
    go_on_when_active(service, runs, asked.approval, connection, actor=visitor.actor)
    link = connection.link.url if connection.link else None
    return visitor.page("connect.html", at="/", card=card, needed=(), link=link)


async def _theirs(request: Request, asked: Asked) -> tuple[Service, Runs]:
    """What belongs to whom the call is for."""
    services: Services = request.state.services
    every: AllRuns = request.state.runs
    service = await services.of(asked.user)
    return service, every.of(service)


async def _hold(request: Request, visitor: Visitor, asked: Asked, decision: Decision, *, digest: str) -> None:
    held: HeldDecisions = request.state.held
    service, runs = await _theirs(request, asked)
    since = clock_of(request).now()

    async def may_still() -> None:
        caller = await still(request, visitor, since=since)
        if asked.user != caller.user:
            caller.check("review")

    await held.hold(
        service, runs, asked.approval, decision, actor=visitor.actor, digest=digest, may_still=may_still
    )


def _decision(form: Form, asked: Asked) -> Decision:
    message, comment = form.text("message").strip(), form.text("comment").strip()
    match form.text("decision"):
        case "approve":
            return Approve(comment="\n\n".join(text for text in (message, comment) if text))
        case "reject":
            return Reject(message, comment=comment)
        case "respond" if message or asked.approval.question == "outcome":
            return Respond(message or "It happened.", comment=comment)
        case "respond":
            raise DecisionInvalid("it is empty", field="message", remedy="Write what the model is told.")
        case _:
            raise DecisionInvalid("it is missing", field="decision", remedy="Press one of the buttons.")


def _back(form: Form) -> str:
    """The page that the form was on: of the inbox, by its number, or a chat, by its path."""
    number = form.text("page", "1")
    if chat := _CHAT.fullmatch(number):
        return f"/ui/chat/{quote(chat[1], safe='')}"
    return f"/?page={number}" if number.isascii() and number.isdigit() and number != "1" else "/"


def _question(visitor: Visitor, card: Card) -> Response:
    return visitor.page(
        "question.html",
        at="/",
        card=card,
        page=1,
        model=visitor.service.parts.model.name,
        is_moving=card.held is not None,
        seconds=visitor.service.settings.undo_seconds,
    )


def _edit(visitor: Visitor, asked: Asked, sent: Mapping[str, str], error: InvalidInput | None) -> Response:
    return visitor.page(
        "edit.html",
        at="/",
        status=422 if error else 200,
        card=card_of(asked, user=visitor.caller.user, whole=True),
        fields=_fields(asked),
        sent=sent,
        problem=_problem(error) if error else None,
        wrong=(error.field or "").split(".")[0] if error else None,
    )


def _check_editable(asked: Asked) -> None:
    if "edit" not in asked.answers:
        raise DecisionInvalid("this cannot be edited", field="decision", remedy="Reject it with the reason.")


def _fields(asked: Asked) -> list[Field]:
    return fields_of(asked.spec.parameters, asked.approval.call.arguments)


def _arguments(fields: list[Field], form: Form) -> dict[str, object]:
    """The arguments in the form. Raises ArgumentsInvalid."""
    try:
        return edited_arguments(fields, lambda name: form.text(f"a.{name}") if f"a.{name}" in form else None)
    except RecursionError as error:
        raise ArgumentsInvalid("it is nested too deep") from error


def _problem(error: NexusError) -> str:
    return f"{error.message} {error.remedy or ''}".strip()
