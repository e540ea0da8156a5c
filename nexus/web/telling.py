"""What pages say of a thread, in words. Pure: what is on record goes in, plain text comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nexus.core.audit import AuditEvent
from nexus.runtime.standing import Status
from nexus.runtime.view import ThreadView


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a thread stands: in words, and how they are shown (good, bad, busy, asks or quiet)."""

    words: str
    tone: str


_STANDINGS: Mapping[Status, Standing] = {
    "running": Standing("working", "busy"),
    "waiting": Standing("waits for you", "asks"),
}

_ENDINGS: Mapping[str | None, Standing] = {
    "answered": Standing("answered", "good"),
    "asked": Standing("asks you", "asks"),
    "rejected": Standing("went no further", "quiet"),
    "budget": Standing("stopped at a limit", "bad"),
    None: Standing("nothing begun", "quiet"),
}


def standing_of(view: ThreadView, *, is_running: bool, last_error: str | None = None) -> Standing:
    """Where a thread stands; `is_running` if a server is at it, `last_error` if its last run failed."""
    if is_running:
        return _STANDINGS["running"]
    if view.status == "unfinished":
        return Standing("failed", "bad") if last_error else Standing("stopped", "bad")
    return _STANDINGS.get(view.status) or _ENDINGS.get(view.ending, _ENDINGS[None])


@dataclass(frozen=True, slots=True)
class Told:
    """One line of what happened to a call."""

    at: datetime
    text: str
    tone: str = ""


def told_of(event: AuditEvent) -> Told | None:
    """An event of the audit log as a line; None for one that other lines tell as well."""
    tell = _EVENTS.get(event.kind)
    told = tell(event.data) if tell else None
    return Told(event.at, told[0], told[1]) if told else None


Line = tuple[str, str] | None


def _verdict(data: Mapping[str, Any]) -> Line:
    reason = data.get("reason") or "no reason was kept"
    match data.get("verdict"):
        case "allow":
            return f"May run without asking: {reason}", ""
        case "ask":
            return f"Has to be asked about: {reason}", "asks"
        case _:
            return f"Forbidden: {reason}", "bad"


def _requested(data: Mapping[str, Any]) -> Line:
    if data.get("question") == "action":
        return "A person was asked", "asks"
    return f"A person was asked: {data.get('reason')}", "asks"


def _decided(data: Mapping[str, Any]) -> Line:
    said = "".join(f". {each}" for each in (data.get("message"), data.get("comment")) if each)
    tone = {"approved": "good", "edited": "good", "rejected": "bad"}.get(str(data.get("state")), "")
    return f"{str(data.get('state')).capitalize()} by {data.get('by') or 'nobody'}{said}", tone


def _claimed(data: Mapping[str, Any]) -> Line:
    if data.get("again"):
        why = f": {data['said']}" if data.get("said") else ""
        return f"The call leaves once more (try {data.get('tries')}){why}", "busy"
    return "The call leaves", "busy"


def _ended(data: Mapping[str, Any]) -> Line:
    outcome = str(data.get("outcome"))
    said = f": {data['said']}" if data.get("said") else ""
    if data.get("resolved"):
        return f"A person said what came of it ({outcome}){said}", ""
    if outcome == "released":
        return "The call never left", ""
    return f"It ended: {outcome}{said}", "good" if outcome == "done" else "bad"


_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], Line]] = {
    "verdict": _verdict,
    "approval.requested": _requested,
    "approval.reminded": lambda _: ("A reminder was sent", ""),
    "approval.voted": lambda data: (f"{data.get('by')} said yes; others still have to", "asks"),
    "approval.decided": _decided,
    "approval.expired": lambda _: ("Nobody decided in time", "bad"),
    "claim": _claimed,
    "outcome": _ended,
}


def amount(number: float) -> str:
    """A count with thousands apart."""
    return f"{number:,.0f}"


def duration(seconds: float) -> str:
    """A time span for people: `0.42 s`, `12 s`, `3 min 5 s`."""
    if seconds < 10:  # noqa: PLR2004 - below, tenths matter
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
