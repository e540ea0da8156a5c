"""The life of an approval: pending, then decided exactly once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from nexus.core.action import ApprovalId, Call, Digest, ThreadId
from nexus.core.decision import Approve, Decision, DecisionKind, Edit, Reject
from nexus.core.user import OWNER
from nexus.errors import ApprovalExpired, Conflict, DecisionInvalid, DigestMismatch, Refused

ApprovalState = Literal["pending", "approved", "edited", "rejected", "responded", "expired", "superseded"]
Question = Literal["action", "outcome", "connect"]
"""`action`: may this call run? `outcome`: it was sent, nobody knows whether it acted; what now? `connect`: it
needs an account that is not connected; is it now? A yes to that is no yes to the call."""

MAX_MESSAGE = 4_000
"""Characters of a reason or an answer: it goes to the model, whose context window is small."""

MAX_COMMENT = 4_000
"""Characters of a comment: it is read by people, wherever decisions are shown."""

DECIDED: dict[DecisionKind, ApprovalState] = {
    "approve": "approved",
    "edit": "edited",
    "reject": "rejected",
    "respond": "responded",
}


@dataclass(frozen=True, slots=True)
class Reminding:
    """How people are reminded of a question.

    Attributes:
        every: How long after the question, and after each reminder.
        times: How often at most.
    """

    every: timedelta
    times: int

    @classmethod
    def after(cls, minutes: float | None, times: int) -> Reminding | None:
        """That often, so many minutes apart; None for None."""
        return None if minutes is None else cls(timedelta(minutes=minutes), times)


@dataclass(frozen=True, slots=True)
class Vote:
    """One yes, where several people have to say it.

    Attributes:
        approver: The user who said it.
        by: Who and through what, e.g. `api:ben`; empty in what older versions wrote down.
        comment: For people.
    """

    approver: str
    by: str
    at: datetime
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """One question to a person about one attempt of one call.

    Attributes:
        digest: Fingerprint of what was shown; what runs must have the same.
        reason: Why it asks.
        policy_version: The rules in force when it was asked.
        origins: For each argument (JSON pointer), where its value came from.
        decided_by: Who decided and through what, e.g. `cli:ana`.
        message: The reason of a rejection, or the answer given instead of acting: the model is told.
        comment: What whoever decided wrote for people: the model is not told.
        successor: After an edit, the approval of the edited call (already approved).
        approvers: The users who decide; empty: whoever the call is for.
        approvals: How many of them must say yes.
        votes: The yes of those who have, in order.
        toolkit: For `connect`, the app whose account is missing.
        reminding: How people are reminded of it; None: they are not.
        reminders: When they were.
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
    comment: str | None = None
    successor: ApprovalId | None = None
    toolkit: str | None = None
    approvers: tuple[str, ...] = ()
    approvals: int = 1
    votes: tuple[Vote, ...] = ()
    reminding: Reminding | None = None
    reminders: tuple[datetime, ...] = ()

    @property
    def is_pending(self) -> bool:
        """True until somebody decides or the time is over."""
        return self.state == "pending"

    @property
    def allowed_decisions(self) -> tuple[DecisionKind, ...]:
        """What may be answered. Only whether a call may run is a question about its arguments."""
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
    approval: Approval,
    decision: Decision,
    *,
    actor: str,
    now: datetime,
    digest: str | None = None,
    user: str = OWNER,
) -> Approval:
    """The approval after `decision`. Pure: the store makes the first one win.

    Where several have to say yes, it stays pending until the last of them has, and `votes` grow.

    Args:
        approval: As it stands.
        decision: What the person answered.
        actor: Who, through what.
        now: The time.
        digest: The digest the person saw, if their client says so.
        user: Whom the call is for.

    Raises:
        Conflict: It is decided already, or this approver has said yes before.
        Refused: Others decide on it.
        ApprovalExpired: It is too late.
        DigestMismatch, DecisionInvalid: As `check_answer` says.
    """
    if not approval.is_pending:
        raise Conflict(f"Approval {approval.id} is already {approval.state}.")
    if now > approval.expires_at:
        raise ApprovalExpired(f"Approval {approval.id} expired at {approval.expires_at.isoformat()}.")
    check_answer(approval, decision, digest=digest)
    who = who_acts(actor, user)
    check_approver(approval, decision, who=who, user=user)
    if isinstance(decision, Approve) and approval.approvals > 1:
        if any(vote.approver == who for vote in approval.votes):
            raise Conflict(f"{who} has approved {approval.id} already; {_missing(approval)}.")
        vote = Vote(who, actor, now, decision.comment or None)
        approval = replace(approval, votes=(*approval.votes, vote))
        if len(approval.votes) < approval.approvals:
            return approval
    return replace(
        approval,
        state=DECIDED[decision.kind],
        decided_at=now,
        decided_by=actor,
        message=_message(decision),
        comment=decision.comment or None,
    )


def is_reminder_due(approval: Approval, *, now: datetime) -> bool:
    """True if people are to be reminded now; of what was missed while nothing ran, once."""
    reminding = approval.reminding
    if reminding is None or not approval.is_pending or len(approval.reminders) >= reminding.times:
        return False
    last = approval.reminders[-1] if approval.reminders else approval.created_at
    return last + reminding.every <= now <= approval.expires_at


def who_acts(actor: str, user: str) -> str:
    """The user who acts: known where they came in with a key or sit at the owner's own command line.

    Whoever answers in the thread itself, or by a link or a channel, counts as the user whom the call is for.
    """
    channel, _, name = actor.partition(":")
    match channel:
        case "api" | "web":
            return name or OWNER
        case "cli":
            return OWNER
        case _:
            return user


def check_approver(approval: Approval, decision: Decision, *, who: str, user: str) -> None:
    """Make sure that it is `who` who decides. Whom the call is for can always say no.

    Raises:
        Refused: Others decide.
        DecisionInvalid: One of several cannot change what the others see.
    """
    if not approval.approvers:
        return
    is_withdrawn = who == user and isinstance(decision, Reject)
    if who not in approval.approvers and not is_withdrawn:
        raise Refused(
            f"{', '.join(approval.approvers)} decide on approval {approval.id}.",
            remedy="They find it under GET /reviews; you can reject it.",
        )
    if approval.approvals > 1 and isinstance(decision, Edit):
        raise DecisionInvalid(
            "several have to approve the very same call",
            field="type",
            remedy="Reject it with what should be changed as the reason.",
        )


def _missing(approval: Approval) -> str:
    """How many more have to say yes, in words."""
    left = approval.approvals - len(approval.votes)
    return f"{left} more of {', '.join(approval.approvers)} must"


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
    _check_text("message", _message(decision) or "", MAX_MESSAGE)
    _check_text("comment", decision.comment, MAX_COMMENT)


def _check_text(field: str, text: str, most: int) -> None:
    if len(text) > most:
        raise DecisionInvalid(
            f"{len(text):,} characters are more than {most:,}", field=field, remedy="Be brief."
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise DecisionInvalid("it holds half of a character (a lone surrogate)", field=field)


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
