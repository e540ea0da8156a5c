"""Judges what a run did to a desk by the files it left: strict about effects, lenient about wording."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from pathlib import Path
from typing import Any, TypeAlias, cast

import vobject
from icalendar import Calendar

from nexus.tools.desk.folder import LOCK_NAME

Snapshot: TypeAlias = Mapping[str, bytes]
"""The content of every file of a desk, by its path relative to the desk."""

Check: TypeAlias = Callable[[Snapshot, Path, str], str | None]
"""(the desk before, the desk's folder, the run's answer) -> None if the task is done, else why it is not."""


def snapshot(root: Path) -> Snapshot:
    """Every file of the desk; the lock is no part of it."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name != LOCK_NAME)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@dataclass
class Changes:
    """What is different on the desk; an effect claims the files it explains."""

    before: Snapshot
    after: Snapshot
    unexplained: set[str]

    def added(self, place: str) -> list[str]:
        """The new files below `place`."""
        return sorted(
            path for path in self.unexplained if path.startswith(f"{place}/") and path not in self.before
        )

    def claim_only_new(self, place: str) -> tuple[bytes, str | None]:
        """The content of the one new file below `place`, or why there is none."""
        added = self.added(place)
        if len(added) != 1:
            return b"", f"there are {len(added)} new files in {place}, not 1"
        self.unexplained.discard(added[0])
        return self.after[added[0]], None


Effect: TypeAlias = Callable[[Changes], str | None]


def does(*effects: Effect, answer: Sequence[str] = ()) -> Check:
    """A check: exactly these effects and no other, and an answer that matches each pattern."""

    def check(before: Snapshot, root: Path, said: str) -> str | None:
        after = snapshot(root)
        differs = {path for path in {*before, *after} if before.get(path) != after.get(path)}
        changes = Changes(before, after, differs)
        for effect in effects:
            fault = effect(changes)
            if fault:
                return fault
        if changes.unexplained:
            return f"this changed as well: {', '.join(sorted(changes.unexplained))}"
        return _lacks(said, answer, "the answer")

    return check


def nothing() -> Check:
    """A check: the desk is as it was."""
    return does()


def answers(*patterns: str) -> Check:
    """A check: the desk is as it was, and the answer matches each pattern."""
    return does(answer=patterns)


def mailed(to: Iterable[str], *patterns: str, cc: Iterable[str] = (), place: str = "mail/outbox") -> Effect:
    """One new e-mail to exactly these addresses, whose subject and text match each pattern."""

    def effect(changes: Changes) -> str | None:
        content, fault = changes.claim_only_new(place)
        if fault:
            return fault
        message = cast("EmailMessage", message_from_bytes(content, policy=default))
        for header, wanted in (("To", set(to)), ("Cc", set(cc))):
            found = {address for _, address in getaddresses(map(str, message.get_all(header, [])))}
            if found != wanted:
                return f"{header} is {sorted(found)}, not {sorted(wanted)}"
        text = cast("EmailMessage", message.get_body(("plain",))).get_content()
        return _lacks(f"{message['Subject']}\n{text}", patterns, "the e-mail")

    return effect


def drafted(to: Iterable[str], *patterns: str) -> Effect:
    """As `mailed`, but kept as a draft."""
    return mailed(to, *patterns, place="mail/drafts")


def planned(title: str, start: str, end: str | None = None, place: str = "") -> Effect:
    """One new event whose title matches, at exactly that time (UTC), at a place that matches."""

    def effect(changes: Changes) -> str | None:
        content, fault = changes.claim_only_new("calendar")
        if fault:
            return fault
        event: Any = Calendar.from_ical(content.decode()).walk("VEVENT")[0]
        wrong = _wrong_time(event, start, end)
        summary, location = str(event.get("summary", "")), str(event.get("location", ""))
        return wrong or _lacks(summary, [title], "the title") or _lacks(location, [place], "the place")

    return effect


def moved(event_id: str, start: str, end: str) -> Effect:
    """That event, otherwise unchanged, takes place at another time."""

    def effect(changes: Changes) -> str | None:
        path = f"calendar/{event_id}.ics"
        if path not in changes.unexplained or path not in changes.after:
            return f"{event_id} was not moved"
        changes.unexplained.discard(path)
        both = (changes.before[path], changes.after[path])
        old, new = (Calendar.from_ical(content.decode()).walk("VEVENT")[0] for content in both)
        if any(old.get(key) != new.get(key) for key in ("summary", "uid", "location")):
            return f"{event_id} is another event now"
        return _wrong_time(new, start, end)

    return effect


def removed(path: str) -> Effect:
    """That file is gone; where the trash keeps it does not matter."""

    def effect(changes: Changes) -> str | None:
        if path in changes.after:
            return f"{path} is still there"
        changes.unexplained.discard(path)
        changes.unexplained -= {kept for kept in changes.unexplained if kept.startswith("trash/")}
        return None

    return effect


def noted_task(title: str, due: str | None = None) -> Effect:
    """One new open task whose title matches, due on exactly that day if one is given."""

    def effect(changes: Changes) -> str | None:
        content, fault = changes.claim_only_new("tasks")
        if fault:
            return fault
        todo: Any = Calendar.from_ical(content.decode()).walk("VTODO")[0]
        if due is not None:
            day = todo.decoded("due") if "due" in todo else None
            day = day.date() if isinstance(day, datetime) else day
            if day != date.fromisoformat(due):
                return f"it is due {day}, not {due}"
        return _lacks(str(todo.get("summary", "")), [title], "the title")

    return effect


def ticked_off(task_id: str) -> Effect:
    """That task is done."""

    def effect(changes: Changes) -> str | None:
        path = f"tasks/{task_id}.ics"
        changes.unexplained.discard(path)
        todo: Any = Calendar.from_ical(changes.after.get(path, changes.before[path]).decode()).walk("VTODO")[
            0
        ]
        return None if todo.get("status") == "COMPLETED" else f"{task_id} is not done"

    return effect


def knows(name: str, *, email: str | None = None, phone: str | None = None) -> Effect:
    """There is exactly one contact of that name, new or changed, with these details."""

    def effect(changes: Changes) -> str | None:
        paths = [
            path for path in changes.unexplained if path.startswith("contacts/") and path in changes.after
        ]
        if len(paths) != 1:
            return f"{len(paths)} contacts are new or changed, not 1"
        changes.unexplained.discard(paths[0])
        card: Any = vobject.readOne(changes.after[paths[0]].decode())
        found = {
            "name": card.fn.value,
            "email": card.email.value if email else None,
            "phone": re.sub(r"[\s()-]", "", card.tel.value) if phone else None,
        }
        wanted = {"name": name, "email": email, "phone": re.sub(r"\s", "", phone) if phone else None}
        return None if found == wanted else f"the contact is {found}, not {wanted}"

    return effect


def wrote(name: str, *patterns: str) -> Effect:
    """The note of exactly that name is new or changed, and its text matches each pattern."""

    def effect(changes: Changes) -> str | None:
        path = f"notes/{name}.md"
        if path not in changes.unexplained or path not in changes.after:
            return f"the note {name} was not written"
        kept = f"trash/notes/{name}.md"
        if path in changes.before and changes.after.get(kept) == changes.before[path]:
            changes.unexplained.discard(kept)
        changes.unexplained.discard(path)
        return _lacks(changes.after[path].decode(), patterns, "the note")

    return effect


def _wrong_time(event: Any, start: str, end: str | None) -> str | None:
    for name, wanted in (("dtstart", start), ("dtend", end)):
        if wanted is None:
            continue
        found = event.decoded(name)
        if found != datetime.fromisoformat(wanted).replace(tzinfo=UTC):
            return f"{name} is {found}, not {wanted}"
    return None


def _lacks(text: str, patterns: Iterable[str], what: str) -> str | None:
    missing = [pattern for pattern in patterns if not re.search(pattern, text, re.IGNORECASE)]
    return f"{what} does not say {missing[0]!r}: {text[:200]!r}" if missing else None
