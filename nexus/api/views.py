"""What clients get."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from nexus.core.approval import Approval, ApprovalState, Question, Vote
from nexus.core.decision import DecisionKind
from nexus.core.origin import in_words
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.standing import Status
from nexus.runtime.view import Step, ThreadView

_DIGEST = "9f2c4e1b7a60d35f8c9be0127d4465a8b3e1f09c2d7a8e6b5f4c3d2e1a0b9c8d"

APPROVAL_EXAMPLE: dict[str, Any] = {
    "id": "5d0c8a1f4b7e4f0a9d3c2b1e6f7a8b9c-1",
    "thread_id": "0f8fad5bd9cb469fa16570867728950e",
    "tool": "mail_send",
    "arguments": {"to": ["design@example.com"], "subject": "Review moved to Friday 3pm"},
    "question": "action",
    "reason": "it sends something",
    "digest": _DIGEST,
    "origins": {"/to/0": "user", "/subject": "model"},
    "allowed_decisions": ["approve", "edit", "reject", "respond"],
    "state": "pending",
    "created_at": "2026-11-25T09:00:00Z",
    "expires_at": "2026-11-26T09:00:00Z",
}

STORY_EXAMPLE: dict[str, Any] = {
    "thread_id": "0f8fad5bd9cb469fa16570867728950e",
    "title": "Email design@example.com that the review moved to Friday 3pm",
    "created_at": "2026-11-25T09:00:00Z",
    "updated_at": "2026-11-25T09:00:04Z",
    "status": "waiting",
    "ending": None,
    "explanation": "mail_send was not sent: it waits for you to decide.",
    "answer": "",
    "steps": [{"kind": "user", "text": "Email design@example.com that the review moved to Friday 3pm"}],
    "approvals": [APPROVAL_EXAMPLE],
    "last_error": None,
}


class _Shown(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(from_attributes=True)


class VoteView(_Shown):
    """One yes, where several people have to say it."""

    approver: str
    by: str = Field(description="Who and through what")
    at: datetime
    comment: str | None = None

    @classmethod
    def of(cls, vote: Vote) -> Self:
        """The view of a yes."""
        return cls.model_validate(vote)


class ApprovalView(_Shown):
    """A question to a person about one call, with the exact arguments."""

    model_config = ConfigDict(json_schema_extra={"examples": [APPROVAL_EXAMPLE]})

    id: str
    thread_id: str
    tool: str
    arguments: dict[str, Any]
    question: Question = Field(
        description="action: may this run? outcome: it was sent, nobody knows if it acted;"
        " connect: it needs an account first (POST /approvals/{id}/link)"
    )
    toolkit: str | None = Field(default=None, description="For connect: the app to be connected")
    reason: str = Field(description="Why it asks")
    digest: str = Field(description="Fingerprint of exactly this call; send it back with the decision")
    origins: dict[str, str] = Field(description="Where each argument (JSON pointer) came from")
    provenance: list[str] = Field(
        default=[], description="Which values somebody else's words are, and not yours, in words"
    )
    allowed_decisions: list[DecisionKind]
    approvers: list[str] = Field(default=[], description="Who decides; empty: you")
    approvals: int = Field(default=1, description="How many of them must say yes")
    votes: list[VoteView] = Field(default=[], description="Who has said yes so far, where several must")
    reminders: list[datetime] = Field(default=[], description="When people were reminded of it")
    state: ApprovalState
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = Field(default=None, description="Who and through what, e.g. cli:ana")
    message: str | None = Field(
        default=None, description="The reason of a no, or the answer that was given: the model is told"
    )
    comment: str | None = Field(
        default=None, description="What whoever decided wrote for people; the model is not told"
    )
    successor: str | None = Field(default=None, description="After an edit: the approval of the edited call")

    @classmethod
    def of(cls, approval: Approval) -> Self:
        """The view of an approval."""
        return cls(
            id=approval.id,
            thread_id=approval.thread,
            tool=approval.call.tool,
            arguments=dict(approval.call.arguments),
            question=approval.question,
            toolkit=approval.toolkit,
            reason=approval.reason,
            digest=approval.digest,
            origins=approval.origins,
            provenance=in_words(approval.origins),
            approvers=list(approval.approvers),
            approvals=approval.approvals,
            votes=[VoteView.of(vote) for vote in approval.votes],
            reminders=list(approval.reminders),
            allowed_decisions=list(approval.allowed_decisions),
            state=approval.state,
            created_at=approval.created_at,
            expires_at=approval.expires_at,
            decided_at=approval.decided_at,
            decided_by=approval.decided_by,
            message=approval.message,
            comment=approval.comment,
            successor=approval.successor,
        )


class StepView(_Shown):
    """One line of a thread's story."""

    kind: Literal["user", "agent", "call", "result"]
    text: str
    tool: str | None = None
    arguments: dict[str, Any] | None = None
    ok: bool = True
    tries: int = Field(default=1, description="How often the call was sent, for its result")

    @classmethod
    def of(cls, step: Step) -> Self:
        """The view of a step."""
        return cls.model_validate(step)


class Story(_Shown):
    """A thread of Nexus's own graph as a person reads it."""

    model_config = ConfigDict(json_schema_extra={"examples": [STORY_EXAMPLE]})

    thread_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    status: Status = Field(
        description="idle; running; waiting for a decision; unfinished: cut off, or decided and not continued"
    )
    ending: str | None = Field(description="How the last run ended")
    explanation: str = Field(description="Where it stands, in words: what happened, who has to do what next")
    answer: str = Field(description="What the agent said last, if the run has ended")
    steps: list[StepView]
    approvals: list[ApprovalView] = Field(description="Those that are pending")
    last_error: str | None = Field(default=None, description="What the last run by this server failed with")

    @classmethod
    def seen(cls, view: ThreadView, *, is_running: bool, last_error: str | None) -> Self:
        """The view of a thread, with what this server knows of its last run."""
        status: Status = "running" if is_running else view.status
        return cls(
            thread_id=view.id,
            title=view.title,
            created_at=view.created_at,
            updated_at=view.updated_at,
            status=status,
            ending=view.ending,
            explanation=replace(view, status=status).explanation,
            answer=view.answer,
            steps=[StepView.of(step) for step in view.steps],
            approvals=[ApprovalView.of(approval) for approval in view.approvals],
            last_error=last_error,
        )


class DecisionRecorded(_Shown):
    """The decision is on record; the thread goes on by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"approval": {**APPROVAL_EXAMPLE, "state": "approved", "decided_by": "api"}}]
        }
    )

    approval: ApprovalView = Field(description="As decided; after an edit, the approval of the edited call")
    thread: Story | None = Field(default=None, description="With wait=true: the thread when it stopped again")


class Ok(_Shown):
    """The server answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ok": True}]})

    ok: Literal[True] = True


async def story_of(thread_id: str, service: Service, runs: Runs) -> Story:
    """The thread as it stands. Raises NotFound."""
    view = await service.runner.view(thread_id)
    ended = ("success", "error", "timeout", "interrupted")
    last = await service.runs.search(thread=view.id, statuses=ended, limit=1)
    return Story.seen(view, is_running=runs.is_running(view.id), last_error=last[0].error if last else None)
