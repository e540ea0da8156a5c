"""A believable desk to try Nexus with: invented people, all at example.com and example.org."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from email.headerregistry import Address
from pathlib import Path
from typing import Final

from icalendar import Event, Todo

from nexus.ports.clock import Clock
from nexus.tools.desk import Desk
from nexus.tools.desk.contacts import card_of
from nexus.tools.desk.entries import in_file, new_entry, stored
from nexus.tools.desk.folder import Folder
from nexus.tools.desk.letters import write_letter
from nexus.tools.desk.names import slug_of
from nexus.tools.desk.shelf import Shelf


@dataclass(frozen=True, slots=True)
class _Mail:
    sender: str
    hours_ago: int
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class _Event:
    workdays: int
    begins: str
    minutes: int
    title: str
    location: str = ""
    attendees: Sequence[str] = ()


_SATURDAY: Final = 5

_MAILS: Final = (
    _Mail(
        "Office <office@example.com>",
        140,
        "Fire drill",
        "Hello everybody,\n\nthere is a fire drill next week at 10:00. Please use the stairs.\n\nThe office",
    ),
    _Mail(
        "Maria Silva <maria.silva@example.com>",
        95,
        "Lunch next week?",
        "Hi,\n\nI am in town next week. Shall we have lunch? My treat.\n\nMaria",
    ),
    _Mail(
        "Ben Okafor <ben.okafor@example.com>",
        71,
        "Bug report: login button does nothing",
        "Hi,\n\non the staging site the login button does nothing in Safari 18.\n\n"
        "Steps: open /login, fill in both fields, press Log in. Expected: the dashboard. "
        "Seen: nothing, and the console says 'TypeError: form is null'.\n\n"
        "It blocks the release. Could you take it?\n\nBen",
    ),
    _Mail(
        "Northwind Billing <billing@example.org>",
        50,
        "Invoice 2026-118",
        "Dear customer,\n\nplease find the details of invoice 2026-118 over 480.00 EUR, "
        "due on the last day of the month.\n\nNorthwind Billing",
    ),
    _Mail(
        "Design Team <design@example.com>",
        26,
        "Design review: agenda",
        "Hi,\n\nfor the design review we would like to show the new onboarding and the empty states. "
        "Does the time still work for you?\n\nThe design team",
    ),
    _Mail(
        "Priya Nair <priya.nair@example.com>",
        22,
        "Quarterly numbers",
        "Hello,\n\nthe numbers are in: revenue is up 12 %, churn is down to 2.1 %. "
        "I need your comments this week.\n\nPriya",
    ),
    _Mail(
        "City Library <library@example.org>",
        18,
        "Your loan is due soon",
        "Dear reader,\n\n'The Mythical Man-Month' is due back in five days.\n\nCity Library",
    ),
    _Mail(
        "Tom Becker <tom.becker@example.com>",
        2,
        "Offsite: who brings what",
        "Hi,\n\nfor the offsite we still need a projector and a first-aid kit. "
        "Can you bring the projector?\n\nTom",
    ),
)

_CONTACTS: Final = (
    ("Maria Silva", "maria.silva@example.com", "+351 210 000 101", "Silva Architects"),
    ("Ben Okafor", "ben.okafor@example.com", "+44 20 7946 0102", "Example Ltd"),
    ("Priya Nair", "priya.nair@example.com", "+44 20 7946 0103", "Example Ltd"),
    ("Tom Becker", "tom.becker@example.com", "+49 30 0000 104", "Example Ltd"),
    ("Design Team", "design@example.com", None, "Example Ltd"),
    ("Team List", "team@example.com", None, "Example Ltd"),
)

_EVENTS: Final = (
    _Event(0, "11:00", 30, "Stand-up", "Room 1", ("team@example.com",)),
    _Event(0, "14:00", 60, "Interview with a candidate", "Room 3", ("priya.nair@example.com",)),
    _Event(1, "10:00", 60, "Design review", "Room 2", ("design@example.com",)),
    _Event(1, "16:00", 45, "Call with Northwind"),
    _Event(2, "09:30", 60, "Planning", "Room 1", ("team@example.com",)),
    _Event(2, "18:30", 90, "Dentist", "12 Mill Lane"),
    _Event(3, "10:00", 30, "Fire drill"),
    _Event(4, "12:30", 60, "Lunch with Maria", "Café Lisboa", ("maria.silva@example.com",)),
)

_NOTES: Final = (
    ("shopping-list", "# Shopping list\n\n- oat milk\n- coffee beans\n- lemons\n"),
    ("wifi", "# Wifi\n\nGuest network: garden\nGuest password: blue-heron-42\n"),
    ("offsite-ideas", "# Offsite ideas\n\n- kayaking\n- cooking class\n- a day without slides\n"),
    (
        "design-review",
        "# Design review\n\nOpen questions:\n\n- Is the empty state clear?\n- Who writes the error texts?\n",
    ),
    (
        "reading",
        "# Reading\n\n- The Mythical Man-Month (library, due back)\n- A Philosophy of Software Design\n",
    ),
)

_TASKS: Final = (
    ("Send comments on the quarterly numbers to Priya", 2),
    ("Pay the Northwind invoice", 5),
    ("Return the library book", 4),
    ("Book a room for the offsite", 9),
    ("Renew the passport", None),
    ("Water the plants", None),
)


def seed(root: Path, clock: Clock, *, zone: tzinfo | None = None) -> None:
    """Put the example desk into `root`, relative to today. What is there, or was deleted, stays as it is."""
    desk = Desk(root, clock, zone=zone)
    _seed_mail(desk, desk.mail.inbox)
    _seed_contacts(desk.contacts.shelf)
    _seed_calendar(desk, desk.calendar.shelf)
    _seed_tasks(desk, desk.tasks.shelf)
    for name, text in _NOTES:
        desk.notes.add_if_missing(name, text)
    with Folder(root).changing():
        for place in ("mail/drafts", "mail/outbox"):
            Folder(root).make(place)


def _seed_mail(desk: Desk, inbox: Shelf) -> None:
    for number, mail in enumerate(_MAILS, 1):
        name, _, spec = mail.sender.removesuffix(">").partition(" <")
        sender = Address(display_name=name, addr_spec=spec)
        date = desk.time.now() - timedelta(hours=mail.hours_ago)
        content = write_letter(
            sender=sender, to=[desk.owner], subject=mail.subject, body=mail.body, date=date
        )
        inbox.add_named(f"mail-{number}", content)


def _seed_contacts(shelf: Shelf) -> None:
    for name, email, phone, company in _CONTACTS:
        shelf.add_named(slug_of(name), card_of(name, email=email, phone=phone, company=company))


def _seed_calendar(desk: Desk, shelf: Shelf) -> None:
    for number, planned in enumerate(_EVENTS, 1):
        event = new_entry(Event, planned.title, desk.time.now())
        begins = _at(desk, _workday(desk.time.today(), planned.workdays), planned.begins)
        event.add("dtstart", stored(begins))
        event.add("dtend", stored(begins + timedelta(minutes=planned.minutes)))
        if planned.location:
            event.add("location", planned.location)
        for address in planned.attendees:
            event.add("attendee", f"mailto:{address}")
        shelf.add_named(f"event-{number}", in_file(event))


def _seed_tasks(desk: Desk, shelf: Shelf) -> None:
    for number, (title, days) in enumerate(_TASKS, 1):
        todo = new_entry(Todo, title, desk.time.now())
        todo.add("status", "NEEDS-ACTION")
        if days is not None:
            todo.add("due", desk.time.today() + timedelta(days=days))
        shelf.add_named(f"task-{number}", in_file(todo))


def _workday(today: date, number: int) -> date:
    """The working day that is `number` after the first one from today."""
    coming = (today + timedelta(days=days) for days in range(2 * number + 7))
    return [day for day in coming if day.weekday() < _SATURDAY][number]


def _at(desk: Desk, day: date, clock_time: str) -> datetime:
    return desk.time.local(datetime.combine(day, time.fromisoformat(clock_time)))
