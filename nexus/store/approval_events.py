"""What the audit log says of an approval. Pure."""

from __future__ import annotations

from typing import Any

from nexus.core.approval import Approval
from nexus.core.audit import AuditEntry, AuditKind


def asked(approval: Approval) -> list[AuditEntry]:
    """What the log says of a new question. A call is proposed, and judged, when it is asked about first."""
    asked = _told(
        "approval.requested",
        approval,
        **_waiting(approval),
        origins=approval.origins,
    )
    if approval.question != "action":
        return [asked]
    proposal = _told("proposal", approval, arguments=dict(approval.call.arguments))
    verdict = _told(
        "verdict", approval, verdict="ask", reason=approval.reason, policy=approval.policy_version
    )
    return [proposal, verdict, asked]


def decided_entry(approval: Approval, successor: Approval | None) -> AuditEntry:
    """How it was decided; after an edit, with the call that was approved instead."""
    changed: dict[str, Any] = {}
    if successor is not None:
        changed = {
            "successor": successor.id,
            "successor_digest": successor.digest,
            "arguments": dict(successor.call.arguments),
        }
    return _told(
        "approval.decided",
        approval,
        state=approval.state,
        by=approval.decided_by,
        message=approval.message,
        comment=approval.comment,
        **changed,
    )


def voted(approval: Approval) -> AuditEntry:
    """What the log says of a yes after which others still have to say it."""
    vote, names = approval.votes[-1], [vote.approver for vote in approval.votes]
    facts = {"by": vote.approver, "through": vote.by, "comment": vote.comment, "votes": names}
    return _told("approval.voted", approval, **facts)


def expired_entry(approval: Approval) -> AuditEntry:
    """Nobody decided in time."""
    return _told("approval.expired", approval)


def reminded(approval: Approval, number: int) -> AuditEntry:
    """People are reminded, for the so manieth time."""
    return _told("approval.reminded", approval, **_waiting(approval), reminder=number)


def review_requested(approval: Approval, user: str, number: int) -> AuditEntry:
    """An approver is asked about a call that is for `user`, or reminded of it."""
    more = {"reminder": number} if number else {}
    return _told("review.requested", approval, user=user, **_waiting(approval), **more)


def _waiting(approval: Approval) -> dict[str, Any]:
    return {"reason": approval.reason, "expires_at": approval.expires_at.isoformat()}


def _told(kind: AuditKind, approval: Approval, **more: Any) -> AuditEntry:
    facts = {
        "call": approval.call.key,
        "tool": approval.call.tool,
        "question": approval.question,
        "digest": approval.digest,
    }
    return AuditEntry(kind, approval.thread, approval.id, {**facts, **more})
