"""Events of a calendar."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.servers.composio.toolkits.base import (
    CREATES,
    DELETES,
    READS,
    UPDATES,
    Arguments,
    Toolkit,
    flag,
    found,
    number,
    text,
    texts,
    tool,
)

_EVENT = text("Id of the event.", pattern="^[a-v0-9]{5,}$")
_MOMENT = {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}"}


class GoogleCalendar:
    """The events of one account's main calendar."""

    toolkit: ClassVar[Toolkit] = Toolkit("googlecalendar", "Google Calendar", "Events.", "scheduling")

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self._add({"summary": "Weekly sync", "start_datetime": "2026-08-24T10:00", "attendees": []})

    def _add(self, event: dict[str, Any]) -> dict[str, Any]:
        identity = f"event{len(self.events)}"
        self.events[identity] = {"id": identity, "status": "confirmed", **event}
        return self.events[identity]

    @tool(
        "GOOGLECALENDAR_FIND_EVENT",
        "Find Event",
        (*READS, "important"),
        optional={
            "query": text("Words in the title.", default=""),
            "max_results": number("How many at most.", minimum=1, maximum=2500, default=10),
        },
    )
    def find_event(self, given: Arguments) -> dict[str, Any]:
        """Find events by their title."""
        wanted = [each for each in self.events.values() if given["query"].lower() in each["summary"].lower()]
        return {"items": wanted[: given["max_results"]]}

    @tool(
        "GOOGLECALENDAR_CREATE_EVENT",
        "Create Event",
        (*CREATES, "important"),
        required={
            "summary": text("Title of the event."),
            "start_datetime": text("Start as YYYY-MM-DDTHH:MM:SS.", **_MOMENT),
        },
        optional={
            "event_duration_minutes": number("Length in minutes.", minimum=0, maximum=59, default=30),
            "event_duration_hour": number("Length in hours.", minimum=0, maximum=24, default=0),
            "attendees": texts("Addresses of the people invited.", default=[]),
            "visibility": text("Who sees it.", enum=["default", "public", "private"], default="default"),
            "send_updates": flag("Whether the people invited get a mail.", default=True),
        },
    )
    def create_event(self, given: Arguments) -> dict[str, Any]:
        """Put an event into the calendar and invite people to it."""
        return self._add(dict(given))

    @tool(
        "GOOGLECALENDAR_UPDATE_EVENT",
        "Update Event",
        UPDATES,
        required={"event_id": _EVENT},
        optional={"summary": text("New title."), "start_datetime": text("New start.", **_MOMENT)},
    )
    def update_event(self, given: Arguments) -> dict[str, Any]:
        """Change the title or the start of an event."""
        event = found(self.events, given["event_id"], "event")
        event.update({name: value for name, value in given.items() if name != "event_id"})
        return event

    @tool("GOOGLECALENDAR_DELETE_EVENT", "Delete Event", DELETES, required={"event_id": _EVENT})
    def delete_event(self, given: Arguments) -> dict[str, Any]:
        """Take an event out of the calendar."""
        found(self.events, given["event_id"], "event")
        return {"deleted": self.events.pop(given["event_id"])["id"]}
