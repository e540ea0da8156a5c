"""The shapes in which the ecosystem asks and answers: LangChain's HITL request, agent-inbox, AG-UI.

An answer is validated before LangGraph saves it, so a malformed one never poisons a thread: the
interrupt simply stays answerable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from nexus.core.approval import Approval, check_answer
from nexus.core.decision import Approve, Decision, Edit, Reject, Respond
from nexus.core.tool import ToolSpec
from nexus.errors import DecisionInvalid, NexusError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Action(_Strict):
    """A tool and its arguments."""

    name: str
    args: dict[str, Any]


class ApproveAnswer(_Strict):
    """Do exactly this."""

    type: Literal["approve"]
    digest: str | None = None


class EditAnswer(_Strict):
    """Do this with other arguments."""

    type: Literal["edit"]
    edited_action: Action
    digest: str | None = None


class RejectAnswer(_Strict):
    """Do not do this."""

    type: Literal["reject"]
    message: str | None = None
    digest: str | None = None


class RespondAnswer(_Strict):
    """Do not call the tool: this is its answer."""

    type: Literal["respond"]
    message: str
    digest: str | None = None


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


Answer = HITLResponse | DecisionAnswer | Annotated[list[HumanResponse], Field(min_length=1, max_length=1)]

_ANSWERS: TypeAdapter[Any] = TypeAdapter(Answer)


def request_for(approval: Approval, spec: ToolSpec) -> dict[str, Any]:
    """The interrupt's value: LangChain's `HITLRequest`, AG-UI's keys, and Nexus's own facts beside them."""
    text = describe(approval, spec)
    return {
        "action_requests": [
            {"name": approval.call.tool, "args": dict(approval.call.arguments), "description": text}
        ],
        "review_configs": [
            {"action_name": approval.call.tool, "allowed_decisions": list(approval.allowed_decisions)}
        ],
        "reason": "tool_approval" if approval.question == "action" else "outcome_unknown",
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
        },
    }


def describe(approval: Approval, spec: ToolSpec) -> str:
    """The question in one sentence, written by code, never by the model."""
    if approval.question == "outcome":
        return (
            f"{spec.title} was sent, but nobody can know whether it happened. Approve to try once more,"
            " respond if it did happen, reject to give up."
        )
    return f"{spec.title}? It asks because {approval.reason}."


def answer_type(approval: Approval, check_edit: Callable[[dict[str, Any]], object]) -> Any:
    """The type LangGraph validates a resume value with; `check_edit` judges edited arguments."""

    def acceptable(answer: Any) -> Any:
        decision, digest = _decision(answer, approval)
        try:
            check_answer(approval, decision, digest=digest)
            if isinstance(decision, Edit):
                check_edit(dict(decision.arguments))
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
        decision, digest = _decision(_ANSWERS.validate_python(value), approval)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise DecisionInvalid(
            str(first["msg"]),
            field=".".join(str(part) for part in first["loc"]) or "decision",
            remedy='Send {"decisions": [{"type": "approve" | "edit" | "reject" | "respond", …}]}.',
        ) from error
    except ValueError as error:
        raise DecisionInvalid(str(error), field="decision") from error
    if digest is not None and digest != approval.digest:
        raise DecisionInvalid("the digest is not the one of this approval", field="digest")
    return decision


def _decision(answer: Any, approval: Approval) -> tuple[Decision, str | None]:
    if isinstance(answer, HITLResponse):
        answer = answer.decisions[0]
    match answer:
        case ApproveAnswer():
            return Approve(), answer.digest
        case EditAnswer(edited_action=action):
            _same_tool(action.name, approval)
            return Edit(action.args), answer.digest
        case RejectAnswer():
            return Reject(answer.message or ""), answer.digest
        case RespondAnswer():
            return Respond(answer.message), answer.digest
        case _:
            return _from_inbox(cast("list[HumanResponse]", answer)[0], approval), None


def _from_inbox(response: HumanResponse, approval: Approval) -> Decision:
    match response.type, response.args:
        case "accept", _:
            return Approve()
        case "ignore", _:
            return Reject()
        case "response", str(message):
            return Respond(message)
        case "edit", {"action": str(name), "args": dict(arguments)}:
            _same_tool(name, approval)
            return Edit(cast("dict[str, Any]", arguments))
        case _:
            raise ValueError(f"args do not fit the type {response.type!r}")


def _same_tool(name: str, approval: Approval) -> None:
    if name != approval.call.tool:
        raise ValueError(
            f"an edit keeps the tool {approval.call.tool}; reject and say that {name} should be used instead"
        )
