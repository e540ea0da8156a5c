"""What clients get, and send, about calls whose outcome nobody knows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from nexus.api.views import APPROVAL_EXAMPLE, ApprovalView, Story
from nexus.core.approval import MAX_COMMENT, MAX_MESSAGE
from nexus.core.display import visible
from nexus.core.outcome import OutcomeState, Resolution, UnknownOutcome, explained

_APPROVAL: dict[str, Any] = {
    **APPROVAL_EXAMPLE,
    "id": "5d0c8a1f4b7e4f0a9d3c2b1e6f7a8b9c-2",
    "question": "outcome",
    "reason": "nobody can know whether it happened (The call took too long)",
    "allowed_decisions": ["approve", "reject", "respond"],
}

OUTCOME_EXAMPLE: dict[str, Any] = {
    "id": "5d0c8a1f4b7e4f0a9d3c2b1e6f7a8b9c.1",
    "thread_id": APPROVAL_EXAMPLE["thread_id"],
    "tool": APPROVAL_EXAMPLE["tool"],
    "arguments": APPROVAL_EXAMPLE["arguments"],
    "toolkit": "mail",
    "account": "ca_5kXq",
    "sent_at": "2026-11-25T09:02:00Z",
    "lost_at": "2026-11-25T09:03:00Z",
    "known": "The call took too long.",
    "reference": None,
    "tries": 1,
    "state": "open",
    "said": None,
    "explanation": [
        "It was sent to mail for the account ca_5kXq at 2026-11-25 09:02 UTC.",
        "What is known since 2026-11-25 09:03 UTC: The call took too long.",
        "It carried the idempotency key 5d0c8a1f4b7e4f0a9d3c2b1e6f7a8b9c.1.",
        "Look where it would show, then say: it happened, try once more, or give it up.",
    ],
    "approval": _APPROVAL,
}


class OutcomeView(BaseModel):
    """A call that was sent, and of which nobody knows whether it acted."""

    model_config = ConfigDict(json_schema_extra={"examples": [OUTCOME_EXAMPLE]})

    id: str = Field(description="The attempt; also the idempotency key that it was sent with")
    thread_id: str
    tool: str
    arguments: dict[str, Any] = Field(description="Exactly what was sent")
    toolkit: str | None = Field(description="The app that it was sent to")
    account: str | None = Field(description="The account that it was sent for, if it has one")
    sent_at: datetime
    lost_at: datetime = Field(description="When it was put on record that its end is unknown")
    known: str = Field(description="What is known of it")
    reference: str | None = Field(description="The provider's own id of the call, if it gave one")
    tries: int = Field(description="How often it was sent")
    state: OutcomeState = Field(
        description="unasked: its thread has not asked yet; open: say what is true; else what was said"
    )
    said: str | None = Field(description="What was said of it, once that is carried out")
    explanation: list[str] = Field(description="All of that in words, a sentence each")
    approval: ApprovalView | None = Field(description="The question about it, with its digest")

    @classmethod
    def of(cls, outcome: UnknownOutcome) -> Self:
        """The view of an unknown outcome."""
        return cls(
            id=outcome.key,
            thread_id=outcome.thread,
            tool=outcome.tool,
            arguments=dict(outcome.arguments),
            toolkit=outcome.toolkit,
            account=outcome.account,
            sent_at=outcome.sent_at,
            lost_at=outcome.lost_at,
            known=outcome.known,
            reference=outcome.reference,
            tries=outcome.tries,
            state=outcome.state,
            said=outcome.said,
            explanation=[visible(sentence) for sentence in explained(outcome)],
            approval=ApprovalView.of(outcome.question) if outcome.question else None,
        )


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")

    digest: str | None = Field(default=None, max_length=100, description="Of the question that you saw")
    comment: str | None = Field(
        default=None, max_length=MAX_COMMENT, description="For people; the model is not told"
    )


class Happened(_Said):
    """It did happen; the model goes on with the result."""

    type: Literal["happened"]
    result: str = Field(min_length=1, max_length=MAX_MESSAGE, description="What came of it, for the model")


class Retry(_Said):
    """It did not happen: try once more."""

    type: Literal["retry"]


class GiveUp(_Said):
    """Leave it unknown."""

    type: Literal["give_up"]
    reason: str = Field(default="", max_length=MAX_MESSAGE, description="Why; the model is told")


Said = Annotated[Happened | Retry | GiveUp, Field(discriminator="type")]

SAID_EXAMPLES: dict[str, Any] = {
    "happened": {"value": {"type": "happened", "result": "It is in the outbox.", "digest": "9f2c…"}},
    "retry": {"value": {"type": "retry"}},
    "give up": {"value": {"type": "give_up", "reason": "It does not matter any more."}},
}


def said(body: Said) -> tuple[Resolution, str]:
    """What was said, and in which words."""
    match body:
        case Happened():
            return "happened", body.result
        case Retry():
            return "retry", ""
        case GiveUp():
            return "give_up", body.reason


class OutcomeResolved(BaseModel):
    """What was said is on record; the thread goes on by itself."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"outcome": {**OUTCOME_EXAMPLE, "state": "retried"}}]}
    )

    outcome: OutcomeView
    thread: Story | None = Field(default=None, description="With wait=true: the thread when it stopped again")
