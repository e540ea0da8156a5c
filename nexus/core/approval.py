"""The life of an approval: pending, then decided exactly once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from nexus.core.action import ApprovalId, Call, Digest, ThreadId
from nexus.core.decision import Approve, Decision, DecisionKind, Edit, Reject
from nexus.errors import ApprovalExpired, Conflict, DecisionInvalid, DigestMismatch

ApprovalState = Literal["pending", "approved", "edited", "rejected", "responded", "expired"]
Question = Literal["action", "outcome"]
"""`action`: may this call run? `outcome`: it was sent, nobody knows whether it acted; what now?"""

MAX_MESSAGE = 4_000
"""Characters of a reason or an answer: it goes to the model, whose context window is small."""

DECIDED: dict[DecisionKind, ApprovalState] = {
    "approve": "approved",
    "edit": "edited",
    "reject": "rejected",
    "respond": "responded",
}


@dataclass(frozen=True, slots=True)
class Approval:
    """One question to a person about one attempt of one call.

    Attributes:
        digest: Fingerprint of what was shown; what runs must have the same.
        reason: Why it asks.
        policy_version: The rules in force when it was asked.
        origins: For each argument (JSON pointer), where its value came from.
        decided_by: Who decided and through what, e.g. `cli:ana`.
        message: The reason of a rejection, or the answer given instead of acting.
        successor: After an edit, the approval of the edited call (already approved).
    """

    id: ApprovalId
    thread: ThreadId
    call: Call
    question: Question
    digest: Digest
    reason: str
    policy_version: str
    origins: dict[str, str]
    created_at: datetime
    expires_at: datetime
    state: ApprovalState = "pending"
    decided_at: datetime | None = None
    decided_by: str | None = None
    message: str | None = None
    successor: ApprovalId | None = None

    @property
    def is_pending(self) -> bool:
        """True until somebody decides or the time is over."""
        return self.state == "pending"

    @property
    def allowed_decisions(self) -> tuple[DecisionKind, ...]:
        """What may be answered. The arguments of a call already sent cannot be edited any more."""
        return (
            ("approve", "edit", "reject", "respond")
            if self.question == "action"
            else (
                "approve",
                "reject",
                "respond",
            )
        )


def decide(
    approval: Approval, decision: Decision, *, actor: str, now: datetime, digest: str | None = None
) -> Approval:
    """The approval after `decision`. Pure: the store makes the first one win.

    Args:
        approval: As it stands.
        decision: What the person answered.
        actor: Who, through what.
        now: The time.
        digest: The digest the person saw, if their client says so.

    Raises:
        Conflict: It is decided already.
        ApprovalExpired: It is too late.
        DigestMismatch, DecisionInvalid: As `check_answer` says.
    """
    if not approval.is_pending:
        raise Conflict(f"Approval {approval.id} is already {approval.state}.")
    if now > approval.expires_at:
        raise ApprovalExpired(f"Approval {approval.id} expired at {approval.expires_at.isoformat()}.")
    check_answer(approval, decision, digest=digest)
    return replace(
        approval,
        state=DECIDED[decision.kind],
        decided_at=now,
        decided_by=actor,
        message=_message(decision),
    )


def check_answer(approval: Approval, decision: Decision, *, digest: str | None = None) -> None:
    """Make sure that `decision` answers this approval, whether or not it still can be decided.

    Raises:
        DigestMismatch: The person saw something else.
        DecisionInvalid: This question cannot be answered like that.
    """
    if digest is not None and digest != approval.digest:
        raise DigestMismatch(
            f"Approval {approval.id} has the digest {approval.digest}, not the one you saw.",
            remedy="Look at it again before you decide.",
        )
    if decision.kind not in approval.allowed_decisions:
        raise DecisionInvalid(
            f"{decision.kind!r} does not answer this question",
            field="type",
            remedy=f"Use one of: {', '.join(approval.allowed_decisions)}.",
        )
    message = _message(decision) or ""
    if len(message) > MAX_MESSAGE:
        raise DecisionInvalid(
            f"{len(message):,} characters are more than {MAX_MESSAGE:,}", field="message", remedy="Be brief."
        )
    if any("\ud800" <= character <= "\udfff" for character in message):
        raise DecisionInvalid("it holds half of a character (a lone surrogate)", field="message")


def expire(approval: Approval, *, now: datetime) -> Approval:
    """The approval as it stands at `now`: expired, if nobody decided in time."""
    overdue = approval.is_pending and now > approval.expires_at
    return replace(approval, state="expired", decided_at=now) if overdue else approval


def _message(decision: Decision) -> str | None:
    match decision:
        case Approve() | Edit():
            return None
        case Reject(reason=reason):
            return reason or None
        case _:
            return decision.message
