"""Links by which people decide: reading shows a page, and only the form on that page decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from nexus.api.deciding import approval_of, record, service_of
from nexus.api.errors import DecisionTooLate, problem_of
from nexus.api.fields import AGAIN, Form, form_of
from nexus.api.openapi import problems
from nexus.core.approval import MAX_COMMENT, MAX_MESSAGE, Approval
from nexus.core.decision import Approve, Decision, Reject, Respond
from nexus.core.display import visible
from nexus.core.forms import check_form_token, form_token
from nexus.core.shown import WHOLE, rows
from nexus.errors import DecisionInvalid, InvalidInput, NexusError
from nexus.ports.links import Link
from nexus.runtime.notices import Notices
from nexus.runtime.services import Services
from nexus.web.pages import page

router = APIRouter(tags=["approvals"])

MAX_FIELDS = 10
"""Fields of a form that are read."""

_FIELDS = {"link", "token", "decision", "message", "comment"}

_TITLES = {
    "action": "May this be done?",
    "outcome": "Did this happen?",
    "connect": "Is this account connected?",
}

_LABELS = {
    "action": {"approve": "Approve", "reject": "Reject"},
    "outcome": {"respond": "It happened", "approve": "Try once more", "reject": "Give up"},
    "connect": {"approve": "It is connected", "reject": "Reject"},
}

_ASKED = {"action": "If not: why?", "outcome": "What happened?", "connect": "If not: why?"}
"""What the words for the model are to say."""

_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The page", "content": {"text/html": {"example": "<!doctype html>…"}}}
}

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["link", "token", "decision"],
                    "properties": {
                        "link": {"type": "string"},
                        "token": {"type": "string"},
                        "decision": {"enum": ["approve", "reject", "respond"]},
                        "message": {"type": "string", "maxLength": MAX_MESSAGE},
                        "comment": {"type": "string", "maxLength": MAX_COMMENT},
                    },
                },
                "examples": {"approve": {"value": {"link": "…", "token": "…", "decision": "approve"}}},
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class Button:
    """One way to decide."""

    decision: str
    label: str


@dataclass(frozen=True, slots=True)
class ShownForm:
    """What is sent with a decision: the link, and a token that only its page has."""

    link: str
    token: str
    buttons: Sequence[Button]
    asked: str


@router.get(
    "/decide",
    response_class=HTMLResponse,
    responses={**problems(404), **_PAGE},
    summary="The page of a decision link",
)
async def show_decision_page(
    request: Request,
    link: Annotated[str, Query(max_length=200, description="The secret of the link")] = "",
) -> Response:
    """Shows the exact action. Opening it, however often and by whatever, decides nothing."""
    return await _for_a_person(request, lambda: _shown(request, link))


@router.post(
    "/decide",
    response_class=HTMLResponse,
    responses={**problems(401, 404, 409, 410, changes=True), **_PAGE},
    summary="Decide by the form of a decision link",
    openapi_extra=_FORM,
)
async def decide_by_link(request: Request) -> Response:
    """Takes the form of the page, with the token that is in it, once."""
    return await _for_a_person(request, lambda: _decided(request))


async def _shown(request: Request, secret: str) -> Response:
    notices = _notices(request)
    link = await notices.links.find(secret)
    service = await service_of(request, link.user)
    approval = await approval_of(service, link.approval_id)
    form = None
    if approval.is_pending and link.used_at is None and approval.digest == link.digest:
        token = form_token(link.page_key, link.digest, now=notices.clock.now())
        buttons = [Button(decision, label) for decision, label in _LABELS[approval.question].items()]
        form = ShownForm(secret, token, buttons, _ASKED[approval.question])
    return _page(approval, form)


async def _decided(request: Request) -> Response:
    notices, form = _notices(request), _form_of(await request.body())
    secret = form.text("link")
    link = await notices.links.find(secret)
    check_form_token(form.text("token"), link.page_key, link.digest, now=notices.clock.now())
    service = await service_of(request, link.user)
    approval = await approval_of(service, link.approval_id)
    decided = await record(
        request, service, approval, _decision(form), actor=_actor(link), digest=link.digest
    )
    await notices.links.use(secret)
    return _page(decided, None)


def _actor(link: Link) -> str:
    """Who decides, as it is written down: nobody knows more than whom the link was sent to, and how."""
    return f"link:{link.through}:{link.user}"


def _decision(form: Form) -> Decision:
    message, comment = (form.text(name).strip() for name in ("message", "comment"))
    match form.text("decision"):
        case "approve":
            # A yes tells the model nothing; what was written for it is kept for people.
            return Approve(comment="\n\n".join(text for text in (message, comment) if text))
        case "reject":
            return Reject(message, comment=comment)
        case "respond" if message:
            return Respond(message, comment=comment)
        case "respond":
            raise DecisionInvalid("it is empty", field="message", remedy="Say what happened.")
        case _:
            raise DecisionInvalid("it is missing", field="decision", remedy="Press one of the buttons.")


def _page(approval: Approval, form: ShownForm | None) -> Response:
    return page(
        "decide.html",
        title=_TITLES[approval.question],
        tool=visible(approval.call.tool),
        reason=visible(approval.reason),
        rows=rows(approval.call.arguments, approval.origins, limit=WHOLE),
        approval_id=approval.id,
        digest=approval.digest,
        expires_at=f"{approval.expires_at:%Y-%m-%d %H:%M} UTC",
        state=_state(approval),
        comment=visible(approval.comment or "", limit=WHOLE),
        form=form,
    )


def _state(approval: Approval) -> str:
    if approval.is_pending:
        return "This link was used. The question waits for another answer."
    by = f" by {visible(approval.decided_by)}" if approval.decided_by else ""
    return f"This was decided: {approval.state}{by}."


async def _for_a_person(request: Request, answer: Callable[[], Awaitable[Response]]) -> Response:
    """The answer; what went wrong as a page for whoever reads pages, as a problem for everybody else."""
    if "text/html" not in request.headers.get("accept", ""):
        return await answer()
    try:
        return await answer()
    except (NexusError, DecisionTooLate) as error:
        problem = problem_of(error.error if isinstance(error, DecisionTooLate) else error)
        return page(
            "problem.html",
            status=problem.status,
            title=problem.title,
            detail=visible(problem.detail),
            remedy=problem.remedy,
        )


def _form_of(body: bytes) -> Form:
    """The form of the page. Raises InvalidInput: it is none, or has other fields."""
    form = form_of(body, most=MAX_FIELDS)
    if not form.values.keys() <= _FIELDS:
        raise InvalidInput("a field is none of the page's", field="body", remedy=AGAIN)
    return form


def _notices(request: Request) -> Notices:
    services: Services = request.state.services
    return services.notices
