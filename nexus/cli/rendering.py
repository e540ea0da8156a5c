"""What a person reads for each event of a run. Pure: an event goes in, lines come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nexus.cli.words import call_in_words, one_line
from nexus.core.display import visible

Event = Mapping[str, Any]

_NAMED = 4
"""Tools of a shortlist that are named; the rest are counted."""

_DECISIONS = {
    "approved": "yes",
    "rejected": "no",
    "responded": "answered instead",
    "expired": "nobody decided in time",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A label, a text that is safe to print, and how it is to be taken."""

    label: str
    text: str
    tone: str = "plain"


def line_of(event: Event) -> Line | None:
    """The line for an event; None for one that has nothing to say to a person."""
    match event.get("event"):
        case "shortlist":
            return Line("tools", _shortlist(event), "quiet")
        case "thought":
            return Line("thinks", one_line(_text(event), limit=600), "quiet")
        case "call":
            return Line("wants", call_in_words(_text(event, "tool"), _arguments(event)), "strong")
        case "correction":
            tool, problem = _text(event, "tool"), _text(event, "problem")
            return Line("mends", one_line(f"{tool}: {problem}", limit=300), "quiet")
        case "decided":
            return Line("decided", _decision(event), "good" if event.get("state") == "approved" else "bad")
        case "observation":
            done = event.get("outcome") == "done"
            text = visible(_text(event).strip(), limit=800)
            return Line("result" if done else "failed", text or "done", "good" if done else "bad")
        case "answer":
            asked = event.get("ending") == "asked"
            return Line("asks" if asked else "answer", visible(_text(event)), "answer")
        case _:
            return None


def work_after(event: Event) -> str | None:
    """What goes on after an event, for the spinner; None if nothing does."""
    match event.get("event"):
        case "answer" | "paused" | "ended":
            return None
        case "executing":
            return f"{one_line(_text(event, 'tool'))} is running"
        case "call":
            return "checking whether it may run"
        case _:
            return "thinking"


def _shortlist(event: Event) -> str:
    names = [str(hit["slug"]) for hit in event.get("tools", [])]
    if not names:
        return "none found"
    rest = len(names) - _NAMED
    shown = ", ".join(names[:_NAMED])
    return one_line(f"{shown} and {rest} more" if rest > 0 else shown, limit=400)


def _decision(event: Event) -> str:
    state = _text(event, "state")
    by = f", by {one_line(str(event['by']))}" if event.get("by") else ""
    return f"{_DECISIONS.get(state, state)}{by}"


def _text(event: Event, name: str = "text") -> str:
    return str(event.get(name, ""))


def _arguments(event: Event) -> Mapping[str, Any]:
    return event.get("arguments") or {}
