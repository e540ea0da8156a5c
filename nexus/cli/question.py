"""An approval as a person and as a program see it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nexus.cli.words import one_line, until
from nexus.core.approval import Approval
from nexus.core.tool import ToolSpec


def heading(approval: Approval, spec: ToolSpec | None) -> str:
    """The question, written by code, never by the model."""
    title = one_line(spec.title if spec else approval.call.tool)
    if approval.question == "outcome":
        return f"{title}: did it happen?"
    return f"{title}?"


def reason(approval: Approval) -> str:
    """Why a person is asked."""
    if approval.question == "outcome":
        return (
            "It was sent, but no answer came back, so nobody can know whether it happened. Look at the place"
            " where it would show, then say what is true."
        )
    return f"It asks because {one_line(approval.reason)}."


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
    said = f": {one_line(approval.message, limit=400)}" if approval.message else ""
    return f"It is {approval.state}{by}{when}{said}. Approval {approval.id}"


def how_to_decide(approval: Approval) -> list[str]:
    """The commands that decide later."""
    command = f"nexus approvals {{}} {approval.id}"
    if approval.question == "outcome":
        return [
            f"{command.format('respond')} 'It happened.'",
            f"{command.format('approve')}    (try once more)",
            f"{command.format('reject')}    (give up)",
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
        "tool": approval.call.tool,
        "arguments": dict(approval.call.arguments),
        "origins": approval.origins,
        "reason": approval.reason,
        "digest": approval.digest,
        "allowed_decisions": list(approval.allowed_decisions),
        "created_at": approval.created_at.isoformat(),
        "expires_at": approval.expires_at.isoformat(),
        "decided_at": decided.isoformat() if decided else None,
        "decided_by": approval.decided_by,
        "message": approval.message,
        "successor": approval.successor,
    }
