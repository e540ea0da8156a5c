"""The chain gives every change away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nexus.core.audit import FIRST, AuditEntry, AuditEvent, chained, check_chain

AT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def log(length: int = 4) -> list[AuditEvent]:
    """A log of that many events."""
    events: list[AuditEvent] = []
    head = (0, FIRST)
    for number in range(length):
        entry = AuditEntry("claim", "t", None, {"tool": "post_send", "number": number})
        events.append(chained(entry, after=head, at=AT, user="owner"))
        head = (events[-1].number, events[-1].hash)
    return events


def test_a_log_as_it_was_written_is_whole() -> None:
    events = log()
    check = check_chain(events)
    assert (check.events, check.head, check.problem) == (4, (4, events[-1].hash), None)
    assert check_chain([]).problem is None


CHANGES: dict[str, Callable[[AuditEvent], AuditEvent]] = {
    "data": lambda event: replace(event, data={"tool": "other"}),
    "time": lambda event: replace(event, at=datetime(2026, 11, 25, 9, 1, tzinfo=UTC)),
    "user": lambda event: replace(event, user="ana"),
    "kind": lambda event: replace(event, kind="verdict"),
    "thread": lambda event: replace(event, thread=None),
    "approval": lambda event: replace(event, approval_id="a-1"),
    "hash": lambda event: replace(event, hash="f" * 64),
    "number": lambda event: replace(event, number=7),
    "previous": lambda event: replace(event, previous=FIRST),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_anything_in_an_event_is_found(change: Callable[[AuditEvent], AuditEvent]) -> None:
    events = log()
    events[2] = change(events[2])
    check = check_chain(events)
    assert check.problem
    assert check.events in {2, 3}


def test_what_was_taken_out_put_in_or_swapped_is_found() -> None:
    events, others = log(), log(5)
    assert check_chain([*events[:1], *events[2:]]).problem == "event 2 is missing"
    assert check_chain(events[1:]).problem == "event 1 is missing"
    assert check_chain([events[0], events[2], events[1], events[3]]).problem
    assert check_chain([*events, others[0]]).problem


def test_a_log_written_anew_is_found_by_an_end_that_was_kept() -> None:
    events = log()
    kept = (3, events[2].hash)
    assert check_chain(events, expected=kept).problem is None
    assert check_chain(events[:2], expected=kept).problem
    anew = [chained(AuditEntry("claim", "u"), after=(0, FIRST), at=AT, user="owner")]
    assert check_chain(anew).problem is None
    assert check_chain(anew, expected=(1, events[0].hash)).problem
