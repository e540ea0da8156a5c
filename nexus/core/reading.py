"""A call as a person reads it: a mail looks like a mail, an issue like an issue, an event like an event.

Only the order and the names of what is shown depend on what a call looks like. Every single value is shown
whatever it looks like, each once, by the same rules as everywhere (`nexus.core.shown`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from nexus.core.display import visible
from nexus.core.shown import Row, rows, value_in_words
from nexus.core.words import words_of

Kind: TypeAlias = Literal["mail", "issue", "event", "fields"]

_NAMES: Mapping[Kind, Mapping[str, str]] = {
    "mail": {
        "from": "From",
        "sender": "From",
        "from_email": "From",
        "to": "To",
        "recipient_email": "To",
        "recipient": "To",
        "recipients": "To",
        "to_email": "To",
        "to_emails": "To",
        "to_recipients": "To",
        "extra_recipients": "To, too",
        "cc": "Copy",
        "cc_recipients": "Copy",
        "bcc": "Hidden copy",
        "bcc_recipients": "Hidden copy",
        "reply_to": "Replies go to",
        "in_reply_to": "Answers",
        "subject": "Subject",
        "body": "Text",
        "message": "Text",
        "message_body": "Text",
        "content": "Text",
        "text": "Text",
    },
    "issue": {
        "owner": "Owner",
        "repo": "Repository",
        "repository": "Repository",
        "project": "Project",
        "project_id": "Project",
        "team": "Team",
        "team_id": "Team",
        "title": "Title",
        "summary": "Title",
        "labels": "Labels",
        "assignee": "Assigned to",
        "assignees": "Assigned to",
        "body": "Text",
        "description": "Text",
    },
    "event": {
        "title": "Title",
        "summary": "Title",
        "name": "Title",
        "start": "Starts",
        "start_time": "Starts",
        "start_date": "Starts",
        "start_datetime": "Starts",
        "end": "Ends",
        "end_time": "Ends",
        "end_date": "Ends",
        "end_datetime": "Ends",
        "timezone": "Time zone",
        "location": "Place",
        "attendees": "Guests",
        "description": "Text",
        "notes": "Text",
    },
    "fields": {},
}
"""What arguments are called on a page, by their names in the tool, in the order in which they are shown."""

_HEADINGS = ("Subject", "Title")


@dataclass(frozen=True, slots=True)
class Line:
    """One value: what people call it, and what it is.

    Attributes:
        items: The texts of a list, each to be shown by itself; empty for anything else.
    """

    label: str
    row: Row
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """Every value of a call, once.

    Attributes:
        kind: What it looks like.
        heading: The subject or title, if it has one.
        lines: What stands above its text, by names people know.
        text: Its text, if it has one.
        rest: Everything else, by its name in the tool.
    """

    kind: Kind
    heading: Line | None
    lines: list[Line]
    text: Line | None
    rest: list[Line]


def reading(tool: str, arguments: Mapping[str, Any], origins: Mapping[str, str], *, limit: int) -> Reading:
    """How a person reads a call. `limit` is the number of characters of one value that are shown."""
    kind = _kind(words_of(tool), {name.casefold() for name in arguments})
    names = _NAMES[kind]
    order = list(names)
    known = sorted(
        (name for name in arguments if name.casefold() in names),
        key=lambda name: order.index(name.casefold()),
    )
    found: list[Line] = []
    for name in known:
        label, value = names[name.casefold()], arguments[name]
        # What has parts shows which part each value is: nothing is called by a name that is not its own.
        for row in rows({name: value}, origins, limit=limit):
            is_whole = row.name == visible(name)
            found.append(
                Line(
                    label if is_whole else f"{label} ({row.name})",
                    row,
                    _items(value, limit) if is_whole else (),
                )
            )
    rest = {name: value for name, value in arguments.items() if name not in known}
    heading = next((line for line in found if line.label in _HEADINGS), None)
    text = next((line for line in found if line.label == "Text"), None)
    lines = [line for line in found if line is not heading and line is not text]
    return Reading(
        kind, heading, lines, text, [Line(row.name, row) for row in rows(rest, origins, limit=limit)]
    )


def _items(value: Any, limit: int) -> tuple[str, ...]:
    """The texts of a list of short ones, none of which could be taken for anything else."""
    if not isinstance(value, list):
        return ()
    items = cast("list[Any]", value)
    if sum(len(str(item)) for item in items) > limit or not all(isinstance(item, str) for item in items):
        return ()
    return tuple(value_in_words(item, limit=limit) for item in items)


def _kind(tool: list[str], names: set[str]) -> Kind:
    """What a call looks like, by the words of its tool and the names of its arguments."""
    mail, event = _NAMES["mail"], _NAMES["event"]
    if _has(names, mail, "To") and ("subject" in names or _has(names, mail, "Text")):
        return "mail"
    if _has(names, event, "Starts") and _has(names, event, "Title"):
        return "event"
    if {"issue", "ticket", "bug"} & set(tool) and _has(names, _NAMES["issue"], "Title"):
        return "issue"
    return "fields"


def _has(names: set[str], known: Mapping[str, str], label: str) -> bool:
    return any(known.get(name) == label for name in names)
