"""An approval as a person and as a program see it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nexus.cli.words import WHOLE, one_line, until
from nexus.core.approval import Approval, Vote
from nexus.core.origin import in_words
from nexus.core.tool import ToolSpec

_MOST_TOLD = 10
"""Values whose origin is told in words; those of all stand beside them."""


def heading(approval: Approval, spec: ToolSpec | None) -> str:
    """The question, written by code, never by the model."""
    title = one_line(spec.title if spec else approval.call.tool)
    if approval.question == "outcome":
        return f"{title}: did it happen?"
    if approval.question == "connect":
        return f"Connect {one_line(approval.toolkit or '')} for: {title}?"
    return f"{title}?"


def reason(approval: Approval) -> str:
    """Why a person is asked."""
    if approval.question == "outcome":
        return (
            f"It was sent, but {one_line(approval.reason, limit=400)}. Look at the place where it would show,"
            " then say what is true."
        )
    if approval.question == "connect":
        return f"Nothing was done yet: {one_line(approval.reason)}."
    return f"It asks because {one_line(approval.reason)}."


def provenance(approval: Approval) -> list[str]:
    """What of the call are not the person's own words, in so many words."""
    told = [f"{one_line(each)}." for each in in_words(approval.origins)]
    more = len(told) - _MOST_TOLD
    return [*told[:_MOST_TOLD], *([f"{more} more values came from results."] if more > 0 else [])]


def deciders(approval: Approval) -> list[str]:
    """Who decides, if it is not whoever the call is for."""
    if not approval.approvers:
        return []
    several = f"; {approval.approvals} of them must approve" if approval.approvals > 1 else ""
    decide = [one_line(f"{', '.join(approval.approvers)} decide{several}.", limit=WHOLE)]
    left = approval.approvals - len(approval.votes)
    more = [f"{left} more must approve."] if approval.votes and approval.is_pending else []
    return [*decide, *map(_vote, approval.votes), *more]


def _vote(vote: Vote) -> str:
    """A yes of several, with what was said to it."""
    when = f"{vote.at.astimezone():%Y-%m-%d %H:%M}"
    said = f": {one_line(vote.comment, limit=WHOLE)}" if vote.comment else "."
    return f"{one_line(vote.approver)} approved on {when}{said}"


def ordered(arguments: Mapping[str, Any], spec: ToolSpec | None) -> dict[str, Any]:
    """The arguments in the order of the tool's schema, where a person expects them."""
    known = spec.parameters.get("properties", {}) if spec else {}
    names = [
        *(name for name in known if name in arguments),
        *(name for name in arguments if name not in known),
    ]
    return {name: arguments[name] for name in names}


def account(spec: ToolSpec | None) -> list[str]:
    """For whom it would act, if the tool has accounts."""
    return [f"Account: {one_line(spec.account)}."] if spec and spec.account else []


def standing(approval: Approval, now: datetime) -> str:
    """Whether it can still be decided, or how it was."""
    if approval.is_pending:
        return f"Decide by {until(approval.expires_at, now)}. Approval {approval.id}"
    by = f" by {one_line(approval.decided_by)}" if approval.decided_by else ""
    when = f" on {approval.decided_at.astimezone():%Y-%m-%d %H:%M}" if approval.decided_at else ""
    return f"It is {approval.state}{by}{when}. Approval {approval.id}"


def reminded(approval: Approval) -> list[str]:
    """How often people were reminded of it."""
    if not approval.reminders:
        return []
    times = "once" if len(approval.reminders) == 1 else f"{len(approval.reminders)} times"
    return [f"People were reminded {times}, last on {approval.reminders[-1].astimezone():%Y-%m-%d %H:%M}."]


def words(approval: Approval) -> list[str]:
    """What whoever decided said: to the model, and to people."""
    said = (("The model was told", approval.message), ("Comment", approval.comment))
    return [f"{label}: {one_line(text, limit=WHOLE)}" for label, text in said if text]


def how_to_decide(approval: Approval) -> list[str]:
    """The commands that decide later."""
    command = f"nexus approvals {{}} {approval.id}"
    if approval.question == "outcome":
        return [
            f"nexus outcomes happened {approval.id} 'what came of it'",
            f"nexus outcomes retry {approval.id}",
            f"nexus outcomes give-up {approval.id}",
        ]
    if approval.question == "connect":
        return [
            f"nexus connect {one_line(approval.toolkit or '')}",
            f"{command.format('approve')}    (once it is connected)",
            f"{command.format('reject')} --reason 'why'",
        ]
    return [
        command.format("approve"),
        f"{command.format('edit')} --set NAME=VALUE",
        f"{command.format('reject')} --reason 'why'",
        f"{command.format('respond')} 'answer instead'",
    ]


def as_json(approval: Approval) -> dict[str, Any]:
    """The approval as plain JSON values."""
    decided = approval.decided_at
    return {
        "approval_id": approval.id,
        "thread_id": approval.thread,
        "state": approval.state,
        "question": approval.question,
        "toolkit": approval.toolkit,
        "tool": approval.call.tool,
        "arguments": dict(approval.call.arguments),
        "origins": approval.origins,
        "provenance": in_words(approval.origins),
        "approvers": list(approval.approvers),
        "approvals": approval.approvals,
        "votes": [_vote_facts(vote) for vote in approval.votes],
        "reminders": [at.isoformat() for at in approval.reminders],
        "reason": approval.reason,
        "digest": approval.digest,
        "allowed_decisions": list(approval.allowed_decisions),
        "created_at": approval.created_at.isoformat(),
        "expires_at": approval.expires_at.isoformat(),
        "decided_at": decided.isoformat() if decided else None,
        "decided_by": approval.decided_by,
        "message": approval.message,
        "comment": approval.comment,
        "successor": approval.successor,
    }


def _vote_facts(vote: Vote) -> dict[str, Any]:
    return {
        "approver": vote.approver,
        "by": vote.by,
        "at": vote.at.isoformat(),
        "comment": vote.comment,
    }
