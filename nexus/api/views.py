"""What clients get."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from nexus.api.runs import Runs
from nexus.core.approval import Approval, ApprovalState, Question
from nexus.core.decision import DecisionKind
from nexus.ports.threads import Thread
from nexus.runtime.runner import Event
from nexus.runtime.service import Service
from nexus.runtime.view import Status, Step, ThreadView

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

THREAD_EXAMPLE: dict[str, Any] = {
    "thread_id": "0f8fad5bd9cb469fa16570867728950e",
    "title": "Email design@example.com that the review moved to Friday 3pm",
    "created_at": "2026-11-25T09:00:00Z",
    "updated_at": "2026-11-25T09:00:04Z",
}

STATE_EXAMPLE: dict[str, Any] = {
    **THREAD_EXAMPLE,
    "status": "waiting",
    "ending": None,
    "answer": "",
    "steps": [{"kind": "user", "text": "Email design@example.com that the review moved to Friday 3pm"}],
    "approvals": [APPROVAL_EXAMPLE],
    "last_error": None,
}

PAUSED_EXAMPLE: Event = {
    "event": "paused",
    "thread_id": THREAD_EXAMPLE["thread_id"],
    "approvals": [APPROVAL_EXAMPLE["id"]],
}


class _Shown(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(from_attributes=True)


class ApprovalView(_Shown):
    """A question to a person about one call, with the exact arguments."""

    model_config = ConfigDict(json_schema_extra={"examples": [APPROVAL_EXAMPLE]})

    id: str
    thread_id: str
    tool: str
    arguments: dict[str, Any]
    question: Question = Field(
        description="action: may this run? outcome: it was sent, nobody knows if it acted"
    )
    reason: str = Field(description="Why it asks")
    digest: str = Field(description="Fingerprint of exactly this call; send it back with the decision")
    origins: dict[str, str] = Field(description="Where each argument (JSON pointer) came from")
    allowed_decisions: list[DecisionKind]
    state: ApprovalState
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    message: str | None = None
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
            reason=approval.reason,
            digest=approval.digest,
            origins=approval.origins,
            allowed_decisions=list(approval.allowed_decisions),
            state=approval.state,
            created_at=approval.created_at,
            expires_at=approval.expires_at,
            decided_at=approval.decided_at,
            decided_by=approval.decided_by,
            message=approval.message,
            successor=approval.successor,
        )


class StepView(_Shown):
    """One line of a thread's story."""

    kind: Literal["user", "agent", "call", "result"]
    text: str
    tool: str | None = None
    arguments: dict[str, Any] | None = None
    ok: bool = True

    @classmethod
    def of(cls, step: Step) -> Self:
        """The view of a step."""
        return cls.model_validate(step)


class ThreadSummary(_Shown):
    """A thread in a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [THREAD_EXAMPLE]})

    thread_id: str
    title: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, thread: Thread) -> Self:
        """The summary of a thread."""
        return cls(
            thread_id=thread.id,
            title=thread.title,
            created_at=thread.created_at,
            updated_at=thread.updated_at,
        )


class ThreadState(ThreadSummary):
    """A thread as it stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [STATE_EXAMPLE]})

    status: Status = Field(
        description="idle; running; waiting for a decision; unfinished: cut off, or decided and not continued"
    )
    ending: str | None = Field(description="How the last run ended")
    answer: str = Field(description="What the agent said last, if the run has ended")
    steps: list[StepView]
    approvals: list[ApprovalView] = Field(description="Those that are pending")
    last_error: str | None = Field(default=None, description="What the last run by this server failed with")

    @classmethod
    def seen(cls, view: ThreadView, *, is_running: bool, last_error: str | None) -> Self:
        """The view of a thread, with what this server knows of its last run."""
        return cls(
            thread_id=view.id,
            title=view.title,
            created_at=view.created_at,
            updated_at=view.updated_at,
            status="running" if is_running else view.status,
            ending=view.ending,
            answer=view.answer,
            steps=[StepView.of(step) for step in view.steps],
            approvals=[ApprovalView.of(approval) for approval in view.approvals],
            last_error=last_error,
        )


class RunAccepted(_Shown):
    """A run has begun and goes on by itself."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"thread_id": THREAD_EXAMPLE["thread_id"], "status": "running"}]}
    )

    thread_id: str
    status: Literal["running"] = "running"


class RunResult(_Shown):
    """The thread after the run has ended or paused, with the run's last event."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"thread": STATE_EXAMPLE, "last_event": PAUSED_EXAMPLE}]}
    )

    thread: ThreadState
    last_event: Event


class DecisionRecorded(_Shown):
    """The decision is on record; the thread goes on by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"approval": {**APPROVAL_EXAMPLE, "state": "approved", "decided_by": "api"}}]
        }
    )

    approval: ApprovalView = Field(description="As decided; after an edit, the approval of the edited call")
    thread: ThreadState | None = Field(
        default=None, description="With wait=true: the thread when it stopped again"
    )


class Ok(_Shown):
    """The server answers."""

    ok: Literal[True] = True


async def thread_state(thread_id: str, service: Service, runs: Runs) -> ThreadState:
    """The thread as it stands. Raises NotFound."""
    view = await service.runner.view(thread_id)
    return ThreadState.seen(view, is_running=runs.is_running(view.id), last_error=runs.last_error(view.id))
