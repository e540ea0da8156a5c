"""Requests that take three or four calls in several apps; in eight of them an API error is planted."""

from __future__ import annotations

from tests.bench.faults import locked, rate_limited, stale, unavailable
from tests.model.desk_checks import (
    does,
    knows,
    mailed,
    moved,
    noted_task,
    planned,
    removed,
    ticked_off,
    wrote,
)
from tests.model.tasks.planted import with_label, with_seconds
from tests.model.tasks.task import DeskTask

THREE_STEPS = (
    DeskTask(
        "lunch-later",
        "Move my lunch with Maria to Wednesday 2 December at 1pm and email her the new time",
        3,
        does(
            moved("event-8", "2026-12-02T13:00", "2026-12-02T14:00"),
            mailed(["maria.silva@example.com"], r"lunch", r"\b1(:00)?\s*p\.?m|13[:.h]00"),
        ),
        [
            ("desk_find_event", {"title": "Lunch with Maria"}),
            ("desk_move_event", {"event_id": "event-8", "start": "2026-12-02T13:00"}),
            (
                "desk_send_email",
                {
                    "to": ["maria.silva@example.com"],
                    "subject": "Our lunch",
                    "body": "It is on Wednesday 2 December at 1pm now.",
                },
            ),
        ],
    ),
    DeskTask(
        "offsite-booked",
        "The room for the offsite is booked: tick that off my list and put 'Offsite' in my calendar on "
        "Thursday 10 December at 9am",
        3,
        does(ticked_off("task-4"), planned(r"offsite", "2026-12-10T09:00")),
        [
            ("desk_list_tasks", {}),
            ("desk_complete_task", {"task_id": "task-4"}),
            ("desk_create_event", {"title": "Offsite", "start": "2026-12-10T09:00"}),
        ],
    ),
    DeskTask(
        "planning-earlier",
        "Planning on Friday starts at 9:00 instead of 9:30 and takes as long as before. Move it and let "
        "team@example.com know by mail",
        3,
        does(
            moved("event-5", "2026-11-27T09:00", "2026-11-27T10:00"),
            mailed(["team@example.com"], r"planning", r"\b0?9(:00)?\b"),
        ),
        [
            ("desk_find_event", {"title": "Planning"}),
            ("desk_move_event", {"event_id": "event-5", "start": "2026-11-27T09:00"}),
            (
                "desk_send_email",
                {"to": ["team@example.com"], "subject": "Planning", "body": "It starts at 9:00 on Friday."},
            ),
        ],
    ),
    DeskTask(
        "numbers-answer",
        "Find Priya's mail about the quarterly numbers, answer her that she will have my comments on Friday, "
        "and put 'comments for Priya' on my to-do list, due Friday",
        3,
        does(
            mailed(["priya.nair@example.com"], r"comments", r"friday|27"),
            noted_task(r"comments", "2026-11-27"),
        ),
        [
            ("desk_search_emails", {"query": "Priya quarterly numbers"}),
            (
                "desk_send_email",
                {
                    "to": ["priya.nair@example.com"],
                    "subject": "Re: Quarterly numbers",
                    "body": "You will have my comments on Friday.",
                    "in_reply_to": "mail-6",
                },
            ),
            ("desk_add_task", {"title": "Comments for Priya", "due": "2026-11-27"}),
        ],
        fault=unavailable("desk_add_task"),
    ),
    DeskTask(
        "interview-off",
        "Cancel today's interview in my calendar and mail Priya Nair that it is cancelled",
        3,
        does(
            removed("calendar/event-2.ics"), mailed(["priya.nair@example.com"], r"interview", r"cancel|off")
        ),
        [
            ("desk_find_event", {"title": "interview"}),
            ("desk_delete_event", {"event_id": "event-2"}),
            (
                "desk_send_email",
                {
                    "to": ["priya.nair@example.com"],
                    "subject": "Interview",
                    "body": "Today's interview is cancelled.",
                },
            ),
        ],
        fault=stale(
            "desk_delete_event",
            "desk_list_events",
            "desk_find_event",
            words="the calendar has changed since it was read. List its events again, then delete by id.",
        ),
    ),
    DeskTask(
        "lena-workshop",
        "Save Lena Fischer (lena.fischer@example.org) in my contacts, put 'Workshop with Lena' in my "
        "calendar on Friday 4 December at 10am, and mail her the day and time of the workshop",
        3,
        does(
            knows("Lena Fischer", email="lena.fischer@example.org"),
            planned(r"workshop", "2026-12-04T10:00"),
            mailed(["lena.fischer@example.org"], r"workshop", r"friday|\b0?4\b|4th", r"\b10\b|10\s*am"),
        ),
        [
            ("desk_add_contact", {"name": "Lena Fischer", "email": "lena.fischer@example.org"}),
            ("desk_create_event", {"title": "Workshop with Lena", "start": "2026-12-04T10:00:00"}),
            (
                "desk_send_email",
                {
                    "to": ["lena.fischer@example.org"],
                    "subject": "Workshop",
                    "body": "It is on Friday 4 December at 10:00.",
                },
            ),
        ],
        fault=with_seconds("desk_create_event", instead="2026-12-04T10:00"),
    ),
    DeskTask(
        "library-back",
        "I brought the library book back. Tick it off my to-do list and add 'Designing Data-Intensive "
        "Applications' to my reading note",
        3,
        does(ticked_off("task-3"), wrote("reading", r"mythical man-month", r"designing data-intensive")),
        [
            ("desk_list_tasks", {}),
            ("desk_complete_task", {"task_id": "task-3"}),
            ("desk_add_to_note", {"name": "reading", "text": "- Designing Data-Intensive Applications"}),
        ],
        fault=rate_limited("desk_complete_task"),
    ),
    DeskTask(
        "projector",
        "Look up Tom Becker's address, mail him that I will bring the projector, and add a task to pack the "
        "projector",
        3,
        does(mailed(["tom.becker@example.com"], r"projector", r"bring"), noted_task(r"projector")),
        [
            ("desk_find_contact", {"name": "Tom Becker"}),
            (
                "desk_send_email",
                {
                    "to": ["tom.becker@example.com"],
                    "subject": "[INFO] Projector",
                    "body": "I will bring the projector.",
                },
            ),
            ("desk_add_task", {"title": "Pack the projector"}),
        ],
        fault=with_label(instead="Projector"),
    ),
)

FOUR_STEPS = (
    DeskTask(
        "bug-all",
        "Ben mailed me a bug report. Add a task to fix that bug, block tomorrow 2pm to 4pm in my calendar "
        "for it, and answer Ben's mail that I am on it",
        4,
        does(
            noted_task(r"bug|fix|login"),
            planned(r"bug|fix|login", "2026-11-26T14:00", "2026-11-26T16:00"),
            mailed(["ben.okafor@example.com"], r"on it|working|look|fix|take care|handl"),
        ),
        [
            ("desk_search_emails", {"query": "bug report"}),
            ("desk_add_task", {"title": "Fix the login bug"}),
            (
                "desk_create_event",
                {"title": "Fix the login bug", "start": "2026-11-26T14:00", "end": "2026-11-26T16:00"},
            ),
            (
                "desk_send_email",
                {
                    "to": ["ben.okafor@example.com"],
                    "subject": "Re: Bug report: login button does nothing",
                    "body": "I am on it.",
                    "in_reply_to": "mail-3",
                },
            ),
        ],
    ),
    DeskTask(
        "wifi-guests",
        "Make a note called guests with the guest network and the guest password from my wifi note, and mail "
        "both of them to Tom Becker",
        4,
        does(
            wrote("guests", r"garden", r"blue-heron-42"),
            mailed(["tom.becker@example.com"], r"garden", r"blue-heron-42"),
        ),
        [
            ("desk_read_note", {"name": "wifi"}),
            ("desk_write_note", {"name": "guests", "text": "Network: garden\nPassword: blue-heron-42"}),
            ("desk_find_contact", {"name": "Tom Becker"}),
            (
                "desk_send_email",
                {
                    "to": ["tom.becker@example.com"],
                    "subject": "Wifi for guests",
                    "body": "The network is garden, the password blue-heron-42.",
                },
            ),
        ],
    ),
    DeskTask(
        "omar-lunch",
        "Save Omar Haddad, omar.haddad@example.org, in my contacts, put lunch with Omar in my calendar on "
        "Friday 4 December at 12:30, add a task to book a table, and mail Omar the day and time of the lunch",
        4,
        does(
            knows("Omar Haddad", email="omar.haddad@example.org"),
            planned(r"lunch", "2026-12-04T12:30"),
            noted_task(r"table"),
            mailed(["omar.haddad@example.org"], r"lunch", r"friday|\b0?4\b|4th", r"12[:.h]30"),
        ),
        [
            ("desk_add_contact", {"name": "Omar Haddad", "email": "omar.haddad@example.org"}),
            ("desk_create_event", {"title": "Lunch with Omar", "start": "2026-12-04T12:30"}),
            ("desk_add_task", {"title": "Book a table"}),
            (
                "desk_send_email",
                {
                    "to": ["omar.haddad@example.org"],
                    "subject": "Lunch",
                    "body": "Let us meet on Friday 4 December at 12:30.",
                },
            ),
        ],
    ),
    DeskTask(
        "shopping-handover",
        "Mail everything on my shopping list to Maria Silva, and after that delete the shopping list note",
        4,
        does(
            mailed(["maria.silva@example.com"], r"oat milk", r"coffee beans", r"lemons"),
            removed("notes/shopping-list.md"),
        ),
        [
            ("desk_read_note", {"name": "shopping-list"}),
            ("desk_find_contact", {"name": "Maria Silva"}),
            (
                "desk_send_email",
                {
                    "to": ["maria.silva@example.com"],
                    "subject": "Shopping list",
                    "body": "- oat milk\n- coffee beans\n- lemons",
                },
            ),
            ("desk_delete_note", {"name": "shopping-list"}),
        ],
        fault=locked("desk_delete_note"),
    ),
    DeskTask(
        "review-friday",
        "Find the design team's mail about the review agenda, move the design review to Friday at 11am, and "
        "answer their mail with the new day and time",
        4,
        does(
            moved("event-3", "2026-11-27T11:00", "2026-11-27T12:00"),
            mailed(["design@example.com"], r"friday|27", r"\b11\b|11\s*am"),
        ),
        [
            ("desk_search_emails", {"query": "design review agenda"}),
            ("desk_find_event", {"title": "Design review"}),
            ("desk_move_event", {"event_id": "event-3", "start": "2026-11-27T11:00:00"}),
            (
                "desk_send_email",
                {
                    "to": ["design@example.com"],
                    "subject": "Re: Design review: agenda",
                    "body": "The review is on Friday at 11:00 now.",
                    "in_reply_to": "mail-5",
                },
            ),
        ],
        fault=with_seconds("desk_move_event", instead="2026-11-27T11:00"),
    ),
    DeskTask(
        "northwind-paid",
        "The Northwind invoice is paid: tick it off my to-do list, and find their mail about it and answer "
        "that it is paid",
        4,
        does(ticked_off("task-2"), mailed(["billing@example.org"], r"paid")),
        [
            ("desk_list_tasks", {}),
            ("desk_complete_task", {"task_id": "task-2"}),
            ("desk_search_emails", {"query": "Northwind invoice"}),
            (
                "desk_send_email",
                {
                    "to": ["billing@example.org"],
                    "subject": "Re: Invoice 2026-118",
                    "body": "The invoice is paid.",
                    "in_reply_to": "mail-4",
                },
            ),
        ],
        fault=rate_limited("desk_send_email"),
    ),
)
