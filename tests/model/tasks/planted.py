"""Requests of one and two calls with an API error planted in them: some are plain ones once more.

`mail-late+limited` is `mail-late` with an error, so that the two together show what the error costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.bench.faults import (
    Fault,
    demands,
    locked,
    not_reached,
    rate_limited,
    unavailable,
    unknown,
)
from tests.model.desk_checks import answers, does, drafted, knows, moved
from tests.model.tasks.one_step import ONE_STEP
from tests.model.tasks.task import DeskTask
from tests.model.tasks.two_steps import TWO_STEPS


def with_seconds(tool: str, *, instead: str) -> Fault:
    """The calendar takes only times with seconds."""
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?"
    words = "422: must be a date and time with seconds, e.g. 2026-01-31T08:00:00"
    return demands(tool, "start", pattern, words, instead=instead)


def with_label(*, instead: str) -> Fault:
    """The mail service takes only subjects that begin with a label."""
    words = "422: must begin with one of the labels [INFO], [ACTION], [URGENT]"
    return demands("desk_send_email", "subject", r"\[(INFO|ACTION|URGENT)\].+", words, instead=instead)


def _again(
    task_id: str, mark: str, fault: Fault, ideal: Sequence[tuple[str, Mapping[str, Any]]] = ()
) -> DeskTask:
    """A plain task once more, with a fault; `ideal` where the fault asks for other arguments."""
    plain = next(task for task in (*ONE_STEP, *TWO_STEPS) if task.id == task_id)
    return replace(plain, id=f"{task_id}+{mark}", fault=fault, ideal=ideal or plain.ideal)


PLANTED_ONE_STEP = (
    _again("mail-late", "limited", rate_limited("desk_send_email")),
    _again(
        "event-lunch",
        "seconds",
        with_seconds("desk_create_event", instead="2026-11-26T12:30"),
        [("desk_create_event", {"title": "Lunch with Ben", "start": "2026-11-26T12:30:00"})],
    ),
    _again("task-tickets", "unreached", not_reached("desk_add_task")),
    _again(
        "note-new",
        "ending",
        demands("desk_write_note", "name", r".+\.md", "422: must end with .md", instead="packing list"),
        [("desk_write_note", {"name": "packing list.md", "text": "- tent\n- boots\n- torch"})],
    ),
    _again("note-append", "locked", locked("desk_add_to_note")),
    _again("ask-address", "limited", rate_limited("desk_find_contact")),
    DeskTask(
        "where-lunch",
        "Where am I meeting Maria for lunch next week?",
        1,
        answers(r"caf. lisboa"),
        [("desk_find_event", {"title": "Lunch with Maria"})],
        "At Café Lisboa.",
        unavailable("desk_find_event", "desk_list_events"),
    ),
)

PLANTED_TWO_STEPS = (
    _again(
        "bug-to-task",
        "short",
        demands(
            "desk_add_task",
            "title",
            r".{1,24}",
            "422: must have at most 24 characters",
            instead="Fix the login button that does nothing",
        ),
        [
            ("desk_search_emails", {"query": "bug report"}),
            ("desk_add_task", {"title": "Fix the login button"}),
        ],
    ),
    _again(
        "reply-tom",
        "thread",
        demands(
            "desk_send_email",
            "in_reply_to",
            r"mail-\d+",
            "422: is required in an answer: the id of the e-mail it answers",
            instead=None,
        ),
    ),
    _again("tick-invoice", "unavailable", unavailable("desk_complete_task")),
    _again(
        "wifi-to-priya",
        "label",
        with_label(instead="Guest wifi"),
        [
            ("desk_read_note", {"name": "wifi"}),
            (
                "desk_send_email",
                {
                    "to": ["priya.nair@example.com"],
                    "subject": "[INFO] Guest wifi",
                    "body": "The password is blue-heron-42.",
                },
            ),
        ],
    ),
    _again("event-and-mail", "limited", rate_limited("desk_send_email")),
    DeskTask(
        "tom-phone",
        "Tom's new number is +49 30 0000 222, please change it in my contacts",
        2,
        does(knows("Tom Becker", email="tom.becker@example.com", phone="+49 30 0000 222")),
        [
            ("desk_find_contact", {"name": "Tom"}),
            ("desk_update_contact", {"name": "Tom Becker", "phone": "+49 30 0000 222"}),
        ],
        fault=unknown(
            "desk_update_contact",
            "name",
            "Tom Becker",
            "It takes the full name, as find_contact shows it.",
            instead="Tom",
        ),
    ),
    DeskTask(
        "invoice-due",
        "How much does Northwind want for their invoice, and when is it due?",
        2,
        answers(r"480", r"last day|end of|30"),
        [("desk_search_emails", {"query": "Northwind invoice"}), ("desk_read_email", {"email_id": "mail-4"})],
        "480.00 EUR, due on the last day of the month.",
        not_reached("desk_read_email"),
    ),
    DeskTask(
        "dentist-shift",
        "The dentist moved my appointment to Thursday 3 December at 8am, as long as before. Please change it "
        "in my calendar",
        2,
        does(moved("event-6", "2026-12-03T08:00", "2026-12-03T09:30")),
        [
            ("desk_find_event", {"title": "dentist"}),
            ("desk_move_event", {"event_id": "event-6", "start": "2026-12-03T08:00:00"}),
        ],
        fault=with_seconds("desk_move_event", instead="2026-12-03T08:00"),
    ),
    DeskTask(
        "priya-draft",
        "Draft an answer to Priya's mail about the quarterly numbers: I agree with all of them. Don't send "
        "it",
        2,
        does(drafted(["priya.nair@example.com"], r"agree")),
        [
            ("desk_search_emails", {"query": "Priya quarterly numbers"}),
            (
                "desk_draft_email",
                {
                    "to": ["priya.nair@example.com"],
                    "subject": "Re: Quarterly numbers",
                    "body": "Hi Priya,\n\nI agree with all of them.",
                    "in_reply_to": "mail-6",
                },
            ),
        ],
        fault=unavailable("desk_draft_email"),
    ),
)
