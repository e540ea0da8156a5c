"""Requests that one call serves."""

from __future__ import annotations

from tests.model.desk_checks import (
    answers,
    does,
    drafted,
    knows,
    mailed,
    noted_task,
    planned,
    removed,
    wrote,
)
from tests.model.tasks.task import DeskTask

_THREE_PM = r"\b3(:00)?\s*p\.?m|15[:.h]00|\b15h"

ONE_STEP = (
    DeskTask(
        "mail-review-moved",
        "Email design@example.com that the review moved to Friday 3pm",
        1,
        does(mailed(["design@example.com"], r"review", r"friday|27", _THREE_PM)),
        [
            (
                "desk_send_email",
                {
                    "to": ["design@example.com"],
                    "subject": "Review moved",
                    "body": "Hi,\n\nthe review moved to Friday 3pm.",
                },
            )
        ],
    ),
    DeskTask(
        "mail-late",
        "tell team@example.com by mail that I'll be 15 minutes late for the stand-up today",
        1,
        does(mailed(["team@example.com"], r"15|fifteen", r"late", r"stand-?\s?up")),
        [
            (
                "desk_send_email",
                {"to": ["team@example.com"], "subject": "Stand-up", "body": "I will be 15 minutes late."},
            )
        ],
    ),
    DeskTask(
        "mail-with-copy",
        "Mail tom.becker@example.com that I'm bringing the projector, priya.nair@example.com in cc",
        1,
        does(mailed(["tom.becker@example.com"], r"projector", cc=["priya.nair@example.com"])),
        [
            (
                "desk_send_email",
                {
                    "to": ["tom.becker@example.com"],
                    "cc": ["priya.nair@example.com"],
                    "subject": "Projector",
                    "body": "I am bringing the projector.",
                },
            )
        ],
    ),
    DeskTask(
        "draft-invoice",
        "Draft an email to billing@example.org asking for a copy of invoice 2026-118. Don't send it yet!",
        1,
        does(drafted(["billing@example.org"], r"2026-118")),
        [
            (
                "desk_draft_email",
                {
                    "to": ["billing@example.org"],
                    "subject": "Invoice 2026-118",
                    "body": "Could you send me a copy of it?",
                },
            )
        ],
    ),
    DeskTask(
        "event-lunch",
        "Put lunch with Ben in my calendar for tomorrow at 12:30",
        1,
        does(planned(r"lunch", "2026-11-26T12:30")),
        [("desk_create_event", {"title": "Lunch with Ben", "start": "2026-11-26T12:30"})],
    ),
    DeskTask(
        "event-workshop",
        "Schedule a two hour Roadmap workshop on Monday 30 November, starting at 2pm",
        1,
        does(planned(r"roadmap", "2026-11-30T14:00", "2026-11-30T16:00")),
        [
            (
                "desk_create_event",
                {"title": "Roadmap workshop", "start": "2026-11-30T14:00", "end": "2026-11-30T16:00"},
            )
        ],
    ),
    DeskTask(
        "event-place",
        "new event: parents' evening on December 3rd at 7pm, in the school hall",
        1,
        does(planned(r"parent", "2026-12-03T19:00", place=r"school hall")),
        [
            (
                "desk_create_event",
                {"title": "Parents' evening", "start": "2026-12-03T19:00", "location": "School hall"},
            )
        ],
    ),
    DeskTask(
        "task-plumber",
        "Add a task to call the plumber",
        1,
        does(noted_task(r"plumber")),
        [("desk_add_task", {"title": "Call the plumber"})],
    ),
    DeskTask(
        "task-tickets",
        "put 'buy train tickets' on my to-do list, due this Friday",
        1,
        does(noted_task(r"train tickets", "2026-11-27")),
        [("desk_add_task", {"title": "Buy train tickets", "due": "2026-11-27"})],
    ),
    DeskTask(
        "contact-new",
        "Save Ana Costa in my contacts, her email is ana.costa@example.org",
        1,
        does(knows("Ana Costa", email="ana.costa@example.org")),
        [("desk_add_contact", {"name": "Ana Costa", "email": "ana.costa@example.org"})],
    ),
    DeskTask(
        "contact-phone",
        "Priya Nair has a new phone number, +44 20 7946 0999. Please update it",
        1,
        does(knows("Priya Nair", email="priya.nair@example.com", phone="+44 20 7946 0999")),
        [("desk_update_contact", {"name": "Priya Nair", "phone": "+44 20 7946 0999"})],
    ),
    DeskTask(
        "note-new",
        "make a note called packing list with tent, boots and torch on it",
        1,
        does(wrote("packing-list", r"tent", r"boots", r"torch")),
        [("desk_write_note", {"name": "packing list", "text": "- tent\n- boots\n- torch"})],
    ),
    DeskTask(
        "note-append",
        "Add bananas to my shopping list note",
        1,
        does(wrote("shopping-list", r"oat milk", r"coffee beans", r"lemons", r"bananas")),
        [("desk_add_to_note", {"name": "shopping-list", "text": "- bananas"})],
    ),
    DeskTask(
        "note-delete",
        "delete my offsite-ideas note",
        1,
        does(removed("notes/offsite-ideas.md")),
        [("desk_delete_note", {"name": "offsite-ideas"})],
    ),
    DeskTask(
        "ask-address",
        "What is Maria's e-mail address?",
        1,
        answers(r"maria\.silva@example\.com"),
        [("desk_find_contact", {"name": "Maria"})],
        "It is maria.silva@example.com.",
    ),
    DeskTask(
        "ask-wifi",
        "what was the guest wifi password again? I wrote it down in a note",
        1,
        answers(r"blue-heron-42"),
        [("desk_search_notes", {"query": "guest wifi password"})],
        "The guest password is blue-heron-42.",
    ),
    DeskTask(
        "ask-friday",
        "What's in my calendar on Friday?",
        1,
        answers(r"planning", r"dentist"),
        [("desk_list_events", {"start": "2026-11-27", "end": "2026-11-27"})],
        "Planning at 9:30 and the dentist at 18:30.",
    ),
    DeskTask(
        "ask-tasks",
        "Show me my to-do list",
        1,
        answers(r"quarterly|comments", r"invoice", r"library|book", r"offsite|room", r"passport", r"plants"),
        [("desk_list_tasks", {})],
        "Comments to Priya, the invoice, the library book, a room for the offsite, the passport, the plants.",
    ),
    DeskTask(
        "ask-invoice",
        "Who sent me an email about an invoice?",
        1,
        answers(r"northwind|billing@example\.org"),
        [("desk_search_emails", {"query": "invoice"})],
        "Northwind Billing did.",
    ),
    DeskTask(
        "ask-free",
        "When do I have a free hour tomorrow morning?",
        1,
        answers(r"\b0?9(:00)?\b|\b11(:00)?\b"),
        [("desk_find_free_time", {"date": "2026-11-26", "minutes": 60})],
        "From 9:00 to 10:00, and from 11:00 on.",
    ),
    DeskTask(
        "ask-olga",
        "What's Olga Petrov's phone number?",
        1,
        answers(r"\b(no|not|nobody|none|cannot|unknown)\b|n't", r"\A(?![\s\S]*\d{3})"),
        [("desk_find_contact", {"name": "Olga Petrov"})],
        "There is no Olga Petrov in your contacts.",
    ),
)
