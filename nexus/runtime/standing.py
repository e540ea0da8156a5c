"""Where a thread stands, in words: what happened, and who has to do what next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from nexus.core.approval import Approval
from nexus.core.display import visible

Status = Literal["idle", "running", "waiting", "unfinished"]
"""idle: nothing to do; running: a run is under way; waiting: a person must decide; unfinished: a run was cut
off, or was decided on and not continued: resume it."""

_ENDINGS: Mapping[str | None, str] = {
    "answered": "The request was served, and answered.",
    "asked": "It asked you something: answer with your next message.",
    "rejected": "It went no further: you said no, or nobody decided in time.",
    "budget": "It stopped at a limit before it was done.",
}


def explained(status: Status, ending: str | None, approvals: Sequence[Approval], *, has_begun: bool) -> str:
    """One or two sentences for whoever asked.

    Args:
        status: How the thread stands.
        ending: How its last run ended.
        approvals: What it waits for.
        has_begun: False if nothing was ever said in it.
    """
    match status:
        case "running":
            return "A run is under way."
        case "waiting":
            return " ".join(_question(approval) for approval in approvals)
        case "unfinished":
            return (
                "Its last run was cut off, or failed, before its end. What was decided and done is on record,"
                " and it goes on from there: by itself where a server runs, else when you resume it."
            )
        case "idle":
            told = _ENDINGS.get(ending, "Its last run left nothing to do.")
            return told if has_begun else "Nothing was begun in it."


def _question(approval: Approval) -> str:
    tool = visible(approval.call.tool, limit=100)
    match approval.question:
        case "outcome":
            why = visible(approval.reason)
            return f"{tool} was sent, and {why}. Say what is true: before that it is not sent again."
        case "connect":
            return f"{tool} was not sent: {visible(approval.reason)}. Connect it, then say so."
        case "action":
            who = ", ".join(approval.approvers) or "you"
            return f"{tool} was not sent: it waits for {who} to decide."
