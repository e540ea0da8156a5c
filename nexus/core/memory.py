"""A memory: what a person told or showed Nexus, kept from one thread for another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, NewType, TypeVar, get_args

from nexus.core.action import ThreadId
from nexus.core.words import words_of
from nexus.errors import InvalidInput

Value = TypeVar("Value")

MemoryId = NewType("MemoryId", str)

Kind = Literal["preference", "fact", "procedure"]
"""preference: how the person wants things; fact: what is so; procedure: what worked for a request."""

KINDS: tuple[Kind, ...] = get_args(Kind)
"""All of them."""

Author = Literal["person", "edit", "call", "model"]
"""person: they said it; edit: they changed a proposed call so; call: they approved it and it worked;
model: it proposed it at the end of a run."""

LONGEST = 500
"""Characters of a memory's text at most."""

EARLIER_KEPT = 10
"""Earlier texts that a memory keeps at most."""

CONFIDENCE: Mapping[Author, float] = {"person": 1.0, "edit": 0.9, "call": 0.8, "model": 0.6}
"""How sure a memory is, by whom it is from."""

_AUTHORS: tuple[Author, ...] = get_args(Author)
_EMPTY = frozenset(
    {"a", "an", "the", "this", "that", "it", "i", "we", "of", "for", "to", "in", "at", "on", "from", "and"}
    | {"be", "do", "please", "always", "now", "remember", "note", "s", "t"}
)
_IS = re.compile(r"\s(?:is|are|was|were)\s|\s?=\s?|:\s", re.IGNORECASE)
_WITH = re.compile(r"\s(?:is|are|was|were|with|as)\s|\s?=\s?|:\s", re.IGNORECASE)
_SUBJECT_WORDS = 2
_NOT = re.compile(r"\b(?:not|never|no|none|without|stop)\b|n['\u2019]t\b", re.IGNORECASE)
_NAME = re.compile(r"(?<!^)\b[A-Z]\w+")
_VALUE = re.compile(
    r"[^\s,;]*[\d@/_][^\s,;]*|(?<!\w)['\"\u201c\u2018][^'\"\u201d\u2019]+['\"\u201d\u2019](?!\w)"
)


@dataclass(frozen=True, slots=True)
class EarlierText:
    """What a memory said before.

    Attributes:
        until: When it was replaced.
    """

    text: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """One thing that is remembered for one user.

    Attributes:
        text: One sentence, as the person would say it.
        subject: What it is about; a newer memory of the same kind and subject replaces it. Empty: none does.
        author: Whom it is from.
        thread: Where it was said or done; None if it was written outside of any.
        created_at: When it was first written.
        updated_at: When it got its present text.
        confidence: 0 to 1.
        apps: The toolkits it matters for; empty: for all.
        tool: The tool that a procedure names.
        is_pending: True while a person has to say yes to it; until then it is never recalled.
        expires_at: When it is forgotten by itself; None: never.
        history: What it said before, the latest first.
    """

    id: MemoryId
    kind: Kind
    text: str
    author: Author
    created_at: datetime
    updated_at: datetime
    subject: str = ""
    thread: ThreadId | None = None
    confidence: float = 1.0
    apps: frozenset[str] = frozenset()
    tool: str | None = None
    is_pending: bool = False
    expires_at: datetime | None = None
    history: tuple[EarlierText, ...] = ()

    def is_expired(self, now: datetime) -> bool:
        """True once its time is over."""
        return self.expires_at is not None and self.expires_at <= now


def checked_text(text: str) -> str:
    """The text of a memory on one line. Raises InvalidInput: It is empty or too long."""
    line = " ".join(text.split())
    if not line:
        raise InvalidInput("a memory needs some text", field="text")
    if len(line) > LONGEST:
        raise InvalidInput(f"it has {len(line)} characters, more than {LONGEST}", field="text")
    return line


def subject_of(text: str, kind: Kind = "fact") -> str:
    """What a sentence is about, as sorted words; empty if that cannot be told.

    `The deadline of Apollo is Friday` and `Apollo's deadline is 3 May` have one subject.
    """
    found = (_WITH if kind == "preference" else _IS).search(text)
    if found is None:
        return ""
    words = {word for word in words_of(text[: found.start()]) if word not in _EMPTY}
    return " ".join(sorted(words)) if len(words) >= _SUBJECT_WORDS else ""


def content_words(text: str) -> frozenset[str]:
    """The words of a text that say something."""
    return frozenset(word for word in words_of(text) if word not in _EMPTY)


def telling(text: str) -> frozenset[str]:
    """The names, numbers, addresses and quotes in a text, in lower case."""
    found = [*_VALUE.findall(text), *_NAME.findall(text)]
    return frozenset(each.strip("'\"\u201c\u201d\u2018\u2019.!?()").casefold() for each in found)


def same_words(one: str, other: str) -> bool:
    """True if two texts differ in nothing but order, case and little words."""
    return _content(one) == _content(other) and could_be_same(one, other)


def could_be_same(one: str, other: str) -> bool:
    """False if two texts differ in a name, a number, an address, a quote or a `not`."""
    return telling(one) == telling(other) and bool(_NOT.search(one)) == bool(_NOT.search(other))


def contradicts(new: Memory, old: Memory) -> bool:
    """True if `new` takes the place of `old`: they are about the same."""
    return new.kind == old.kind and bool(new.subject) and new.subject == old.subject


def replaced(old: Memory, new: Memory) -> Memory:
    """`old` with what `new` says; what it said before goes into its history, unless it is the same."""
    history = old.history
    if old.text.casefold() != new.text.casefold():
        history = (EarlierText(old.text, new.updated_at), *history)[:EARLIER_KEPT]
    return replace(new, id=old.id, created_at=old.created_at, history=history)


def merged(old: Memory, new: Memory) -> Memory:
    """`old` after the same was said again: surer, for the apps of both, and as pending as both.

    What is pending changes nothing that is not. What a person said of its apps and of its end, only a person
    changes.
    """
    if new.is_pending and not old.is_pending:
        return old
    apps = old.apps | new.apps if old.apps and new.apps else frozenset[str]()
    again = replace(
        old,
        updated_at=new.updated_at,
        confidence=max(old.confidence, new.confidence, 1 - (1 - old.confidence) * (1 - new.confidence)),
        is_pending=old.is_pending and new.is_pending,
    )
    if is_persons_own(old, new):
        return again
    author = new.author if new.author == "person" else old.author
    return replace(again, author=author, apps=apps, expires_at=new.expires_at)


def is_persons_own(old: Memory, new: Memory) -> bool:
    """True if a person said `old`, and `new` is what Nexus made of their words or calls."""
    return old.author == "person" and new.author != "person"


def to_json(memory: Memory) -> dict[str, Any]:
    """The memory as plain values, times in ISO 8601."""
    return {
        "id": memory.id,
        "kind": memory.kind,
        "text": memory.text,
        "subject": memory.subject,
        "author": memory.author,
        "thread": memory.thread,
        "created_at": memory.created_at.isoformat(),
        "updated_at": memory.updated_at.isoformat(),
        "confidence": memory.confidence,
        "apps": sorted(memory.apps),
        "tool": memory.tool,
        "is_pending": memory.is_pending,
        "expires_at": memory.expires_at.isoformat() if memory.expires_at else None,
        "history": [{"text": each.text, "until": each.until.isoformat()} for each in memory.history],
    }


def from_json(values: Mapping[str, Any]) -> Memory:
    """The memory that `to_json` wrote; its times are in UTC.

    Raises:
        InvalidInput: It is no such memory; names what is wrong with it.
    """
    kind, author = values.get("kind"), values.get("author")
    if kind not in KINDS:
        raise InvalidInput(f"it is {kind!r}, none of {', '.join(KINDS)}", field="kind")
    if author not in _AUTHORS:
        raise InvalidInput(f"it is {author!r}, none of {', '.join(_AUTHORS)}", field="author")
    try:
        return Memory(
            id=MemoryId(_is_a(str, values["id"])),
            kind=kind,
            text=checked_text(_is_a(str, values["text"])),
            subject=_is_a(str, values.get("subject") or ""),
            author=author,
            thread=ThreadId(_is_a(str, values["thread"])) if values.get("thread") else None,
            created_at=_time(values["created_at"]),
            updated_at=_time(values["updated_at"]),
            confidence=min(1.0, max(0.0, float(values.get("confidence", 1.0)))),
            apps=frozenset(_is_a(str, app) for app in _is_a(list, values.get("apps") or [])),
            tool=_is_a(str, values["tool"]) if values.get("tool") else None,
            is_pending=_is_a(bool, values.get("is_pending", False)),
            expires_at=_time(values["expires_at"]) if values.get("expires_at") else None,
            history=tuple(
                EarlierText(_is_a(str, each["text"]), _time(each["until"]))
                for each in _is_a(list, values.get("history") or [])
            ),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"it is no memory ({type(error).__name__}: {error})", field="memory") from error


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC, as all times are kept. Raises ValueError: it has no zone, or no place there."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} is out of range in UTC") from None


def _content(text: str) -> frozenset[str]:
    return content_words(text) | telling(text)


def _is_a(wanted: type[Value], value: Any) -> Value:
    """The value, if it is one of those. Raises TypeError."""
    if not isinstance(value, wanted):
        raise TypeError(f"{value!r:.80} is no {wanted.__name__}")
    return value


def _time(text: Any) -> datetime:
    """A moment in UTC. Raises TypeError, ValueError."""
    return in_utc(datetime.fromisoformat(_is_a(str, text)))
