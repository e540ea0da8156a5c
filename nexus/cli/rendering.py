"""What a person reads for each event of a run. Pure: an event goes in, lines come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    render = _LINES.get(_text(event, "event"))
    return render(event) if render else None


def work_after(event: Event) -> str | None:
    """What goes on after an event, for the spinner; None if nothing does."""
    match event.get("event"):
        case "answer" | "paused" | "ended":
            return None
        case "executing":
            return f"{one_line(_text(event, 'tool'))} is running"
        case "again":
            return f"{one_line(_text(event, 'tool'))} is tried again soon"
        case "call":
            return "checking whether it may run"
        case _:
            return "thinking"


def _tools(event: Event) -> Line:
    names = [str(hit["slug"]) for hit in event.get("tools", [])]
    rest = len(names) - _NAMED
    shown = ", ".join(names[:_NAMED]) or "none found"
    return Line("tools", one_line(f"{shown} and {rest} more" if rest > 0 else shown, limit=400), "quiet")


def _recalled(event: Event) -> Line:
    return Line("memory", one_line("; ".join(_texts(event)), limit=600), "quiet")


def _remembered(event: Event) -> Line:
    told = "; ".join(_texts(event)) + (" (waits for your yes)" if event.get("pending") else "")
    return Line("remembers", one_line(told, limit=600), "quiet")


def _texts(event: Event) -> list[str]:
    return [str(memory["text"]) for memory in event.get("memories", [])]


def _thought(event: Event) -> Line:
    return Line("thinks", one_line(_text(event), limit=600), "quiet")


def _call(event: Event) -> Line:
    return Line("wants", call_in_words(_text(event, "tool"), event.get("arguments") or {}), "strong")


def _correction(event: Event) -> Line:
    told = f"{_text(event, 'tool')}: {_text(event, 'problem')}"
    return Line("mends", one_line(told, limit=300), "quiet")


def _decision(event: Event) -> Line:
    state = _text(event, "state")
    by = f", by {one_line(str(event['by']))}" if event.get("by") else ""
    return Line("decided", f"{_DECISIONS.get(state, state)}{by}", "good" if state == "approved" else "bad")


def _again(event: Event) -> Line:
    wait = float(event.get("seconds") or 0.0)
    return Line("again", one_line(f"in {wait:.0f} s: {_text(event)}", limit=300), "quiet")


def _observation(event: Event) -> Line:
    text = visible(_text(event).strip(), limit=800) or "done"
    is_done = event.get("outcome") == "done"
    return Line("result" if is_done else "failed", text, "good" if is_done else "bad")


def _answer(event: Event) -> Line:
    return Line("asks" if event.get("ending") == "asked" else "answer", visible(_text(event)), "answer")


def _text(event: Event, name: str = "text") -> str:
    return str(event.get(name, ""))


_LINES: Mapping[str, Callable[[Event], Line]] = {
    "shortlist": _tools,
    "recalled": _recalled,
    "remembered": _remembered,
    "thought": _thought,
    "call": _call,
    "correction": _correction,
    "decided": _decision,
    "again": _again,
    "observation": _observation,
    "answer": _answer,
}
