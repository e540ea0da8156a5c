"""The built-in toolkit: mail, calendar, contacts, notes and tasks as real files in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from email.headerregistry import Address
from pathlib import Path
from typing import Any

from nexus.ports.clock import Clock
from nexus.tools.desk.calendar import CalendarBook
from nexus.tools.desk.contacts import Contacts
from nexus.tools.desk.folder import Folder
from nexus.tools.desk.mail import Mail
from nexus.tools.desk.notes import Notes
from nexus.tools.desk.tasks import Tasks
from nexus.tools.desk.times import LocalTime
from nexus.tools.local import LocalProvider

__all__ = ["Desk", "desk_provider"]


class Desk:
    """One person's desk: everything is a file under `root`, and nothing outside of it is touched.

    Args:
        root: The folder; made when something is first written.
        clock: Says what time it is.
        owner: The address that mail is from.
        owner_name: The name that mail is from.
        zone: The zone of times written without one; the machine's own if None.
    """

    def __init__(
        self,
        root: Path,
        clock: Clock,
        owner: str = "me@desk.local",
        owner_name: str = "Me",
        *,
        zone: tzinfo | None = None,
    ) -> None:
        folder = Folder(root)
        self.time = LocalTime(clock, zone)
        self.owner = Address(display_name=owner_name, addr_spec=owner)
        self.contacts = Contacts(folder)
        self.mail = Mail(folder, self.time, self.owner, self.contacts.addresses_of)
        self.calendar = CalendarBook(folder, self.time, self.contacts.addresses_of)
        self.notes = Notes(folder)
        self.tasks = Tasks(folder, self.time)

    @property
    def functions(self) -> Sequence[Callable[..., Any]]:
        """The tools, in the order they are offered."""
        mail, calendar, contacts, notes, tasks = (
            self.mail,
            self.calendar,
            self.contacts,
            self.notes,
            self.tasks,
        )
        return (
            mail.list_emails,
            mail.search_emails,
            mail.read_email,
            mail.list_sent_emails,
            mail.draft_email,
            mail.send_email,
            calendar.list_events,
            calendar.find_event,
            calendar.find_free_time,
            calendar.create_event,
            calendar.move_event,
            calendar.delete_event,
            contacts.find_contact,
            contacts.add_contact,
            contacts.update_contact,
            notes.list_notes,
            notes.read_note,
            notes.search_notes,
            notes.write_note,
            notes.add_to_note,
            notes.delete_note,
            tasks.list_tasks,
            tasks.add_task,
            tasks.complete_task,
            tasks.delete_task,
        )


def desk_provider(
    root: Path,
    clock: Clock,
    owner: str = "me@desk.local",
    owner_name: str = "Me",
    *,
    zone: tzinfo | None = None,
) -> LocalProvider:
    """The desk as a provider called `desk`; the arguments are those of `Desk`."""
    return LocalProvider(
        "desk", Desk(root, clock, owner, owner_name, zone=zone).functions, acts_on_files=True
    )
