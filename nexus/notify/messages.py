"""What a program is told: one message for one event of the audit log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args

from nexus.core.approval import Approval
from nexus.core.audit import AuditEvent, AuditKind
from nexus.ports.deliveries import Message
from nexus.ports.endpoints import Endpoint

MessageKind = Literal[
    "approval.requested",
    "approval.reminded",
    "review.requested",
    "approval.decided",
    "approval.expired",
    "approval.outcome_unknown",
    "run.completed",
    "run.failed",
]

MESSAGE_KINDS: tuple[MessageKind, ...] = get_args(MessageKind)
"""Everything an endpoint can be told of."""

_KINDS: dict[AuditKind, MessageKind] = {
    "approval.requested": "approval.requested",
    "approval.reminded": "approval.reminded",
    "review.requested": "review.requested",
    "approval.decided": "approval.decided",
    "approval.expired": "approval.expired",
    "outcome_unknown": "approval.outcome_unknown",
    "run.completed": "run.completed",
    "run.failed": "run.failed",
}

_QUESTIONS = ("approval.requested", "approval.reminded", "review.requested")


def kind_of(event: AuditEvent) -> MessageKind | None:
    """The kind of message that tells of an event; None if none does."""
    return _KINDS.get(event.kind)


def needs_approval(kind: MessageKind) -> bool:
    """True if the message shows the exact call that somebody has to decide on."""
    return kind in _QUESTIONS


def is_for(kind: MessageKind, endpoint: Endpoint) -> bool:
    """True if the endpoint is told: of a reminder, whichever was told of the question.

    Channels are for what can be decided by a link; who decides on others' calls needs a key.
    """
    if kind == "review.requested" and endpoint.medium != "webhook":
        return False
    return kind in endpoint.kinds or (kind in _QUESTIONS and "approval.requested" in endpoint.kinds)


def message_of(event: AuditEvent, kind: MessageKind, approval: Approval | None) -> Message:
    """The message that tells of an event. Its id is the event's, whoever is told, however often."""
    data: dict[str, Any] = {"thread_id": event.thread, "approval_id": event.approval_id, **event.data}
    if approval is not None:
        data |= _question(approval)
    body = {"type": kind, "timestamp": event.at.isoformat(), "data": data}
    return Message(f"msg_{event.hash[:32]}", kind, json.dumps(body))


def _question(approval: Approval) -> Mapping[str, Any]:
    """The exact call, as `GET /approvals/ID` shows it."""
    return {
        "arguments": dict(approval.call.arguments),
        "origins": approval.origins,
        "allowed_decisions": list(approval.allowed_decisions),
        "toolkit": approval.toolkit,
    }
