"""How questions and their ends are put into words for a page."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nexus.core.approval import Approval, ApprovalState, Question
from nexus.core.decision import DecisionKind
from nexus.core.display import visible
from nexus.core.effect import Effect
from nexus.core.reading import Reading, reading
from nexus.core.shown import WHOLE
from nexus.errors import NexusError
from nexus.runtime.inbox import Asked, Ended

SHORT = 3_000
"""Characters of arguments that a list shows. What is longer has to be opened before it can be approved."""

CUT = 200
"""Characters of one value in a list that shows only the beginning of a call."""

MOST_VALUES = 40
"""Values of a call that a list shows."""

HUES = 8
"""Colours of app tiles in `nexus.css`."""

_TITLES: Mapping[Question, str] = {
    "action": "May this be done?",
    "outcome": "Did this happen?",
    "connect": "Is this account connected?",
}

_LABELS: Mapping[Question, Mapping[DecisionKind, str]] = {
    "action": {"approve": "Approve", "reject": "Reject", "respond": "Answer instead"},
    "outcome": {"respond": "It happened", "approve": "Try once more", "reject": "Give up"},
    "connect": {"approve": "It is connected", "reject": "Reject"},
}

_ASKED: Mapping[Question, str] = {
    "action": "Why not, or what to answer instead. The model is told.",
    "outcome": "What happened, or why you give up. The model is told.",
    "connect": "Why not. The model is told.",
}

_HELD: Mapping[DecisionKind, str] = {
    "approve": "Approved",
    "edit": "Edited and approved",
    "reject": "Rejected",
    "respond": "Answered",
}

_ENDS: Mapping[tuple[Question | None, ApprovalState], tuple[str, str]] = {
    ("connect", "approved"): ("done", "Connected."),
    ("outcome", "responded"): ("done", "It happened, as you said."),
    ("outcome", "rejected"): ("unknown", "Given up: nobody knows whether it happened."),
    (None, "rejected"): ("no", "Rejected: it was not done."),
    (None, "responded"): ("no", "Answered instead: it was not done."),
    (None, "expired"): ("no", "Nobody decided in time: it was not done."),
    (None, "superseded"): ("no", "Its thread went on without it: it was not done."),
}
"""Kinds of ends and what is said of them, but for calls that may run."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Stands for an app: its first letter, in a colour that is always the same."""

    letter: str
    hue: int

    @classmethod
    def of(cls, app: str) -> Tile:
        """The tile of an app."""
        first = next((character for character in app if character.isalnum()), "?")
        return cls(first.upper(), zlib.crc32(app.encode()) % HUES)


@dataclass(frozen=True, slots=True)
class Card:
    """A question on a page.

    Attributes:
        version: Another text whenever the card is another one.
        is_whole: True if every value is there to its end: only then it can be approved where it stands.
        yes: What a yes is called; None if it is not theirs to say.
        others: The answers that take words, with their names.
        problem: Why the visitor's last answer came to nothing.
    """

    asked: Asked
    title: str
    app: str
    tile: Tile
    reading: Reading
    is_whole: bool
    yes: str | None
    others: Sequence[tuple[DecisionKind, str]]
    words: str
    held: str | None
    problem: str | None
    of: str | None

    @property
    def approval(self) -> Approval:
        """What it asks about."""
        return self.asked.approval

    @property
    def path(self) -> str:
        """Where its own pages are."""
        return f"/ui/inbox/{self.approval.id}"

    @property
    def query(self) -> str:
        """Behind the path: whose call it is, if not the visitor's."""
        return _query(self.of)

    @property
    def version(self) -> str:
        """What the card depends on beside the question itself, which never changes."""
        return f"{self.held}.{self.problem}.{len(self.approval.votes)}.{len(self.asked.answers)}"


@dataclass(frozen=True, slots=True)
class End:
    """What became of a question.

    Attributes:
        kind: done, failed, unknown, no, or open while its call is under way.
        problem: Why the visitor's answer came to nothing.
        of: Whom its call was for, if not the visitor.
    """

    ended: Ended
    title: str
    tile: Tile
    kind: str
    said: str
    text: str
    effect: Effect | None
    problem: str | None
    of: str | None

    @property
    def approval(self) -> Approval:
        """What was asked about."""
        return self.ended.approval

    @property
    def path(self) -> str:
        """Where its own page is."""
        return f"/ui/inbox/{self.approval.id}{_query(self.of)}"


def card_of(asked: Asked, *, user: str, whole: bool = False) -> Card:
    """The card of a question; with `whole` every value to its end, whatever its length."""
    approval, spec = asked.approval, asked.spec
    fits = whole or _size(approval.call.arguments) <= SHORT
    shown = reading(
        approval.call.tool, approval.call.arguments, approval.origins, limit=WHOLE if fits else CUT
    )
    is_whole = whole or (fits and len(shown.rest) + len(shown.lines) <= MOST_VALUES)
    labels = _LABELS[approval.question]
    return Card(
        asked=asked,
        title=_TITLES[approval.question],
        app=approval.toolkit or spec.toolkit or "unknown app",
        tile=Tile.of(approval.toolkit or spec.toolkit),
        reading=shown,
        is_whole=is_whole,
        yes=labels["approve"] if is_whole and "approve" in asked.answers else None,
        others=[
            (kind, label) for kind, label in labels.items() if kind != "approve" and kind in asked.answers
        ],
        words=_ASKED[approval.question],
        held=_HELD[asked.held.kind] if asked.held else None,
        problem=_problem(asked.failure),
        of=None if asked.user == user else asked.user,
    )


def end_of(ended: Ended, *, user: str) -> End:
    """What became of a question, in words."""
    kind, said, text = _told(ended)
    return End(
        ended=ended,
        title=ended.spec.title,
        tile=Tile.of(ended.spec.toolkit),
        kind=kind,
        said=said,
        text=text,
        effect=ended.effect,
        problem=_problem(ended.failure),
        of=None if ended.user == user else ended.user,
    )


def _query(of: str | None) -> str:
    return f"?of={of}" if of else ""


def _told(ended: Ended) -> tuple[str, str, str]:
    """The kind of its end, what is said of it, and what others said."""
    approval = ended.approval
    found = _ENDS.get((approval.question, approval.state)) or _ENDS.get((None, approval.state))
    return (*found, approval.message or "") if found else _told_of_call(ended.effect)


def _told_of_call(effect: Effect | None) -> tuple[str, str, str]:
    match effect:
        case None:
            return "open", "Approved. It has not ended yet.", ""
        case Effect(outcome="done"):
            return "done", "Done", effect.text
        case Effect(outcome="unknown"):
            return "unknown", "We do not know whether it happened:", effect.text
        case _:
            return "failed", "It did not happen:", effect.text


def _problem(error: NexusError | None) -> str | None:
    if error is None:
        return None
    remedy = f" {error.remedy}" if error.remedy else ""
    return f"Your answer was not taken: {visible(error.message)}{remedy}"


def _size(value: Any) -> int:
    """Characters in a value, all of it."""
    if isinstance(value, Mapping):
        return sum(len(str(key)) + _size(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(_size(item) for item in value)
    return len(str(value))
