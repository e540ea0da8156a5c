"""Requests that take two calls: look something up and act on it, or act twice."""

from __future__ import annotations

from tests.model.desk_checks import (
    answers,
    does,
    mailed,
    moved,
    noted_task,
    planned,
    removed,
    ticked_off,
    wrote,
)
from tests.model.tasks.task import DeskTask

TWO_STEPS = (
    DeskTask(
        "bug-to-task",
        "Find the bug report in my inbox and create a task to fix it",
        2,
        does(noted_task(r"bug|login|fix")),
        [
            ("desk_search_emails", {"query": "bug report"}),
            ("desk_add_task", {"title": "Fix the login button that does nothing in Safari"}),
        ],
    ),
    DeskTask(
        "lookup-and-mail",
        "Look up Maria Silva's address and mail her that lunch on Tuesday works for me",
        2,
        does(mailed(["maria.silva@example.com"], r"lunch", r"tuesday")),
        [
            ("desk_find_contact", {"name": "Maria Silva"}),
            (
                "desk_send_email",
                {
                    "to": ["maria.silva@example.com"],
                    "subject": "Lunch",
                    "body": "Hi Maria,\n\nTuesday works for me.",
                },
            ),
        ],
    ),
    DeskTask(
        "move-review",
        "Move the design review to Friday at 3pm",
        2,
        does(moved("event-3", "2026-11-27T15:00", "2026-11-27T16:00")),
        [
            ("desk_list_events", {}),
            ("desk_move_event", {"event_id": "event-3", "start": "2026-11-27T15:00"}),
        ],
    ),
    DeskTask(
        "cancel-dentist",
        "I'm feeling better, please delete the dentist appointment from my calendar",
        2,
        does(removed("calendar/event-6.ics")),
        [("desk_list_events", {}), ("desk_delete_event", {"event_id": "event-6"})],
    ),
    DeskTask(
        "tick-invoice",
        "I've paid the Northwind invoice, tick it off my list",
        2,
        does(ticked_off("task-2")),
        [("desk_list_tasks", {}), ("desk_complete_task", {"task_id": "task-2"})],
    ),
    DeskTask(
        "reply-tom",
        "Find Tom's mail about the offsite and answer him that I will bring the projector",
        2,
        does(mailed(["tom.becker@example.com"], r"projector")),
        [
            ("desk_search_emails", {"query": "Tom offsite"}),
            (
                "desk_send_email",
                {
                    "to": ["tom.becker@example.com"],
                    "subject": "Re: Offsite: who brings what",
                    "body": "Hi Tom,\n\nI will bring the projector.",
                    "in_reply_to": "mail-8",
                },
            ),
        ],
    ),
    DeskTask(
        "wifi-to-priya",
        "Look up the guest wifi password in my notes and email it to priya.nair@example.com",
        2,
        does(mailed(["priya.nair@example.com"], r"blue-heron-42")),
        [
            ("desk_read_note", {"name": "wifi"}),
            (
                "desk_send_email",
                {
                    "to": ["priya.nair@example.com"],
                    "subject": "Guest wifi",
                    "body": "The password is blue-heron-42.",
                },
            ),
        ],
    ),
    DeskTask(
        "event-to-note",
        "Check when my call with Northwind is and write the day and time into a note called northwind",
        2,
        does(wrote("northwind", r"26|thursday", r"16[:.h]00|\b4(:00)?\s*p\.?m")),
        [
            ("desk_list_events", {}),
            ("desk_write_note", {"name": "northwind", "text": "Call on Thursday 26 November at 16:00"}),
        ],
    ),
    DeskTask(
        "drop-plants",
        "remove the task about watering the plants",
        2,
        does(removed("tasks/task-6.ics")),
        [("desk_list_tasks", {}), ("desk_delete_task", {"task_id": "task-6"})],
    ),
    DeskTask(
        "event-and-mail",
        "Put 'Release' in my calendar on Monday November 30 at 5pm and let team@example.com know by email",
        2,
        does(
            planned(r"release", "2026-11-30T17:00"),
            mailed(["team@example.com"], r"release", r"monday|30", r"\b5(:00)?\s*p\.?m|17[:.h]00"),
        ),
        [
            ("desk_create_event", {"title": "Release", "start": "2026-11-30T17:00"}),
            (
                "desk_send_email",
                {"to": ["team@example.com"], "subject": "Release", "body": "It is on Monday at 5pm."},
            ),
        ],
    ),
    DeskTask(
        "bug-console",
        "What does the console say in the bug that Ben reported by mail?",
        2,
        answers(r"form is null"),
        [("desk_search_emails", {"query": "Ben bug"}), ("desk_read_email", {"email_id": "mail-3"})],
        "It says 'TypeError: form is null'.",
    ),
    DeskTask(
        "focus-hour",
        "Block the first free hour of my working day tomorrow for 'Focus time'",
        2,
        does(planned(r"focus", "2026-11-26T09:00", "2026-11-26T10:00")),
        [
            ("desk_find_free_time", {"date": "2026-11-26", "minutes": 60}),
            ("desk_create_event", {"title": "Focus time", "start": "2026-11-26T09:00"}),
        ],
    ),
    DeskTask(
        "maria-phone-to-team",
        "Email Maria Silva's phone number to team@example.com",
        2,
        does(mailed(["team@example.com"], r"\+351\s?210\s?000\s?101")),
        [
            ("desk_find_contact", {"name": "Maria Silva"}),
            (
                "desk_send_email",
                {
                    "to": ["team@example.com"],
                    "subject": "Maria Silva's phone number",
                    "body": "It is +351 210 000 101.",
                },
            ),
        ],
    ),
)
