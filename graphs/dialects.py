"""The shapes in which the ecosystem asks and answers: LangChain's HITL request, agent-inbox, AG-UI.

An answer is validated before LangGraph saves it, so a malformed one never poisons a thread: the
interrupt simply stays answerable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from nexus.core.approval import DECIDED, MAX_COMMENT, Approval, Question, check_answer, check_approver
from nexus.core.decision import Approve, Decision, Edit, Reject, Respond
from nexus.core.display import visible
from nexus.core.origin import in_words
from nexus.core.tool import ToolSpec
from nexus.core.user import OWNER
from nexus.errors import DecisionInvalid, NexusError

_MOST_TOLD = 10
"""Values whose origin is told in the question itself; those of all stand beside it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Action(_Strict):
    """A tool and its arguments."""

    name: str
    args: dict[str, Any]


class _Decided(_Strict):
    digest: str | None = Field(default=None, description="Of exactly the call that was seen")
    comment: str | None = Field(
        default=None,
        max_length=MAX_COMMENT,
        description="For people: kept with the decision; the model is not told",
    )


class ApproveAnswer(_Decided):
    """Do exactly this."""

    type: Literal["approve"]


class EditAnswer(_Decided):
    """Do this with other arguments."""

    type: Literal["edit"]
    edited_action: Action

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        """`useStream` of protocol v2 sends the action twice, also as `editedAction`; both have to agree."""
        if not isinstance(value, dict) or "editedAction" not in value:
            return value
        fields = dict(cast("dict[str, Any]", value))
        action = fields.pop("editedAction")
        if fields.setdefault("edited_action", action) != action:
            raise ValueError("edited_action and editedAction are not the same")
        return fields


class RejectAnswer(_Decided):
    """Do not do this."""

    type: Literal["reject"]
    message: str | None = Field(default=None, description="Why not; the model is told")


class RespondAnswer(_Decided):
    """Do not call the tool: this is its answer."""

    type: Literal["respond"]
    message: str


DecisionAnswer = Annotated[
    ApproveAnswer | EditAnswer | RejectAnswer | RespondAnswer, Field(discriminator="type")
]


class HITLResponse(_Strict):
    """LangChain's answer: one decision for each action asked about; here always one."""

    decisions: Annotated[list[DecisionAnswer], Field(min_length=1, max_length=1)]


class HumanResponse(_Strict):
    """agent-inbox's answer, sent as a list of one."""

    type: Literal["accept", "ignore", "response", "edit"]
    args: str | dict[str, Any] | None = None
    comment: str | None = Field(default=None, max_length=MAX_COMMENT)


_Inbox = Annotated[list[HumanResponse], Field(min_length=1, max_length=1)]

Answer = HITLResponse | DecisionAnswer | _Inbox

_LANGCHAIN: TypeAdapter[Any] = TypeAdapter(HITLResponse)
_FLAT: TypeAdapter[Any] = TypeAdapter(DecisionAnswer)
_INBOX: TypeAdapter[Any] = TypeAdapter(_Inbox)

_REASONS: Mapping[Question, str] = {
    "action": "tool_approval",
    "outcome": "outcome_unknown",
    "connect": "account_needed",
}


def request_for(approval: Approval, spec: ToolSpec) -> dict[str, Any]:
    """The interrupt's value: LangChain's `HITLRequest`, AG-UI's keys, and Nexus's own facts beside them.

    The arguments are there twice: agent-inbox looks for them where LangChain once had them.
    """
    text = describe(approval, spec)
    arguments = dict(approval.call.arguments)
    action = {"name": approval.call.tool, "args": arguments, "arguments": arguments, "description": text}
    return {
        "action_requests": [action],
        "review_configs": [
            {"action_name": approval.call.tool, "allowed_decisions": list(approval.allowed_decisions)}
        ],
        "reason": _REASONS[approval.question],
        "message": text,
        "tool_call_id": approval.call.id,
        "expires_at": approval.expires_at.isoformat(),
        "nexus": {
            "approval_id": approval.id,
            "thread_id": approval.thread,
            "question": approval.question,
            "digest": approval.digest,
            "asked_because": approval.reason,
            "origins": approval.origins,
            "expires_at": approval.expires_at.isoformat(),
            **_button(approval),
        },
    }


def describe(approval: Approval, spec: ToolSpec) -> str:
    """The question in one sentence, written by code, never by the model."""
    if approval.question == "outcome":
        return (
            f"{spec.title} was sent, but nobody can know whether it happened. Approve to try once more,"
            " respond if it did happen, reject to give up."
        )
    if approval.question == "connect":
        return (
            f"{spec.title} has to wait: {approval.reason}. Connect {approval.toolkit}, then approve;"
            " reject if you will not."
        )
    told = in_words(approval.origins)
    shown = [
        *told[:_MOST_TOLD],
        *([f"{len(told) - _MOST_TOLD} more values came so"] if len(told) > _MOST_TOLD else []),
    ]
    return " ".join(
        [
            f"{spec.title}? It asks because {approval.reason}.",
            *(f"{visible(each, limit=300)}." for each in shown),
        ]
    )


def _button(approval: Approval) -> dict[str, Any]:
    """For a missing account: the app, and where a client gets the link to sign in."""
    if approval.question != "connect":
        return {}
    return {"connect": {"toolkit": approval.toolkit, "link": f"/approvals/{approval.id}/link"}}


def answer_type(
    approval: Approval,
    check_edit: Callable[[dict[str, Any]], object],
    check_yes: Callable[[], object],
    *,
    user: str = OWNER,
) -> Any:
    """The type LangGraph validates a resume value with.

    Args:
        approval: What is asked.
        check_edit: Judges edited arguments.
        check_yes: Judges whether it can be approved now.
        user: Whoever answers in the thread.
    """

    def acceptable(answer: Any) -> Any:
        decision, digest = _decision(answer, approval)
        try:
            check_answer(approval, decision, digest=digest)
            check_approver(approval, decision, who=user, user=user)
            if isinstance(decision, Edit):
                check_edit(dict(decision.arguments))
            if isinstance(decision, Approve):
                check_yes()
        except NexusError as error:
            raise ValueError(str(error)) from error
        return answer

    return Annotated[Answer, AfterValidator(acceptable)]


def parse_answer(value: Any, approval: Approval) -> Decision:
    """The decision in an answer of any of the dialects.

    Raises:
        DecisionInvalid: It is not an answer to this approval; nothing was changed.
    """
    try:
        decision, digest = _decision(_form_of(value).validate_python(value), approval)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = [str(part) for part in first["loc"] if part not in DECIDED]  # a kind is no field
        raise DecisionInvalid(
            str(first["msg"]),
            field=".".join(place) or "decision",
            remedy='Send {"decisions": [{"type": "approve" | "edit" | "reject" | "respond", …}]}.',
        ) from error
    except ValueError as error:
        raise DecisionInvalid(str(error), field="decision") from error
    if digest is not None and digest != approval.digest:
        raise DecisionInvalid("the digest is not the one of this approval", field="digest")
    return decision


def _form_of(value: Any) -> TypeAdapter[Any]:
    """The dialect that is spoken: so an error is about the field that is wrong."""
    if isinstance(value, list):
        return _INBOX
    is_langchain = isinstance(value, HITLResponse) or (isinstance(value, dict) and "decisions" in value)
    return _LANGCHAIN if is_langchain else _FLAT


def _decision(answer: Any, approval: Approval) -> tuple[Decision, str | None]:
    if isinstance(answer, HITLResponse):
        answer = answer.decisions[0]
    if isinstance(answer, list):
        return _from_inbox(cast("list[HumanResponse]", answer)[0], approval), None
    return _from_decision(cast("DecisionAnswer", answer), approval), answer.digest


def _from_decision(answer: DecisionAnswer, approval: Approval) -> Decision:
    comment = answer.comment or ""
    match answer:
        case ApproveAnswer():
            return Approve(comment=comment)
        case EditAnswer(edited_action=action):
            _same_tool(action.name, approval)
            return Edit(action.args, comment=comment)
        case RejectAnswer():
            return Reject(answer.message or "", comment=comment)
        case RespondAnswer():
            return Respond(answer.message, comment=comment)


def _from_inbox(response: HumanResponse, approval: Approval) -> Decision:
    comment = response.comment or ""
    match response.type, response.args:
        case "accept", _:
            return Approve(comment=comment)
        case "ignore", _:
            return Reject(comment=comment)
        case "response", str(message):
            return Respond(message, comment=comment)
        case "edit", {"action": str(name), "args": dict(arguments)}:
            _same_tool(name, approval)
            return Edit(cast("dict[str, Any]", arguments), comment=comment)
        case _:
            raise ValueError(f"args do not fit the type {response.type!r}")


def _same_tool(name: str, approval: Approval) -> None:
    if name != approval.call.tool:
        raise ValueError(
            f"an edit keeps the tool {approval.call.tool}; reject and say that {name} should be used instead"
        )
