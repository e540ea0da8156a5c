"""The tasks of the demo, and how the desk shows that they are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from icalendar import Calendar

from nexus.runtime.demo import REQUESTS


def _anything(_: Sequence[Path]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class DemoTask:
    """A request, and the proof of the work.

    Attributes:
        request: What is asked for.
        is_done: Judges by the files that were made or changed.
    """

    request: str
    is_done: Callable[[Sequence[Path]], bool] = _anything


def letter_in(file: Path) -> EmailMessage:
    """The e-mail in an `.eml` file."""
    return BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(file.read_bytes())


def titles_in(file: Path) -> list[str]:
    """The titles of the events and tasks in an `.ics` file."""
    calendar = Calendar.from_ical(file.read_bytes())
    return [str(part["SUMMARY"]) for part in calendar.walk() if "SUMMARY" in part]


def _one_letter_to(address: str) -> Callable[[Sequence[Path]], bool]:
    """Exactly one e-mail went out, to this address."""

    def is_done(files: Sequence[Path]) -> bool:
        sent = [letter_in(file) for file in files if file.suffix == ".eml" and file.parent.name == "outbox"]
        return len(sent) == 1 and address in str(sent[0]["To"])

    return is_done


def _one_task_about(word: str) -> Callable[[Sequence[Path]], bool]:
    """Exactly one task was added, and its title has the word."""

    def is_done(files: Sequence[Path]) -> bool:
        added = [file for file in files if file.suffix == ".ics" and file.parent.name == "tasks"]
        return len(added) == 1 and any(word in title for title in titles_in(added[0]))

    return is_done


TASKS = tuple(
    DemoTask(request, is_done)
    for request, is_done in zip(
        REQUESTS, (_one_letter_to("design@example.com"), _one_task_about("Priya")), strict=True
    )
)
