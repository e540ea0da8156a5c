"""The desk's calendar: one `.ics` file an event, as calendar programs import them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final

from icalendar import Event
from pydantic import Field

from nexus.errors import ArgumentsInvalid, NotFound
from nexus.ports.tools import ToolResult
from nexus.tools.desk.addresses import NamedAddresses, OptionalAddressList, checked_addresses
from nexus.tools.desk.entries import Occurrence, changed, in_file, new_entry, occurrences, stored
from nexus.tools.desk.folder import Folder
from nexus.tools.desk.optional import OptionalText
from nexus.tools.desk.shelf import Shelf
from nexus.tools.desk.text import best_matches, checked_line, same
from nexus.tools.desk.times import LocalTime, shown_moment
from nexus.tools.local import tool

_HOUR: Final = timedelta(hours=1)
_WEEK: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)
_QUARTER: Final = timedelta(minutes=15)
_WORK_BEGINS: Final = 9
_WORK_ENDS: Final = 18
_MOST_FOUND: Final = 5
_FAR: Final = timedelta(days=366)

EventId = Annotated[str, Field(description="Id of the event, e.g. event-4")]
Start = Annotated[
    str, Field(description="Date and time it starts, e.g. 2026-11-27T15:00; a date alone is all day")
]
End = Annotated[
    OptionalText, Field(description="Date and time it ends, e.g. 2026-11-27T16:00; left out: one hour")
]


class CalendarBook:
    """The events in `calendar`. Times without a zone are local to the desk; files hold UTC."""

    def __init__(self, folder: Folder, time: LocalTime, known: NamedAddresses) -> None:
        self._time = time
        self._known = known
        self.shelf = Shelf(folder, place="calendar", prefix="event", suffix=".ics", noun="event")

    @tool(title="List events", hints=["readOnlyHint"])
    def list_events(
        self,
        start: Annotated[
            OptionalText, Field(description="First day, e.g. 2026-11-27; left out: today")
        ] = None,
        end: Annotated[
            OptionalText, Field(description="Last day, included; left out: six days later")
        ] = None,
    ) -> str:
        """List the calendar events between two days: id, time, title, place."""
        first = self._time.parse_day("start", start) if start else self._time.today()
        last = self._time.parse_day("end", end) if end else first + _WEEK - _DAY
        if last < first:
            raise ArgumentsInvalid(f"{last} is before the start {first}", field="end")
        found = self._between(self._time.start_of(first), self._time.start_of(last + _DAY))
        lines = [_line_of(one) for one in found]
        return "\n".join(lines) or f"Nothing is planned from {shown_moment(first)} to {shown_moment(last)}."

    @tool(title="Find an event", hints=["readOnlyHint"])
    def find_event(
        self, title: Annotated[str, Field(description="Words of the event's name, e.g. design review")]
    ) -> str:
        """Find calendar events by their name, from last week on: id, time, title, place."""
        now = self._time.now()
        found = best_matches(
            checked_line("title", title), self._between(now - _WEEK, now + _FAR), lambda one: one.title
        )
        return "\n".join(_line_of(one) for one in found[:_MOST_FOUND]) or f"No event is called {title!r}."

    @tool(title="Find free time", hints=["readOnlyHint"])
    def find_free_time(
        self,
        date: Annotated[str, Field(description="The day, e.g. 2026-11-27")],
        minutes: Annotated[int, Field(ge=5, le=540, description="How long it must be, in minutes")] = 60,
    ) -> str:
        """Find the free hours of a working day (9:00 to 18:00) in the calendar."""
        day = self._time.parse_day("date", date)
        begins = max(self._at(day, _WORK_BEGINS), _next_quarter(self._time.now()))
        ends = self._at(day, _WORK_ENDS)
        busy = [one for one in self._between(begins, ends) if one.is_busy and not one.is_all_day]
        gaps = [gap for gap in _gaps(begins, ends, busy) if gap[1] - gap[0] >= timedelta(minutes=minutes)]
        free = ", ".join(f"{since:%H:%M}-{until:%H:%M}" for since, until in gaps)
        return f"Free on {shown_moment(day)} for at least {minutes} minutes: {free or 'nothing'}."

    @tool(title="Create an event", hints=["createHint"])
    def create_event(
        self,
        title: Annotated[str, Field(description="Name of the event, e.g. Lunch with Maria")],
        start: Start,
        end: End = None,
        location: Annotated[OptionalText, Field(description="Place, e.g. Room 2")] = None,
        attendees: Annotated[
            OptionalAddressList, Field(description="E-mail addresses of who takes part; nobody is notified")
        ] = None,
    ) -> ToolResult:
        """Create a new event in the calendar at a date and time."""
        begins, ends = self._span(start, end, _HOUR)
        event = new_entry(Event, checked_line("title", title), self._time.now())
        event.add("dtstart", stored(begins))
        event.add("dtend", stored(ends))
        if location is not None:
            event.add("location", checked_line("location", location))
        for address in checked_addresses("attendees", attendees, self._known) if attendees else ():
            event.add("attendee", f"mailto:{address.addr_spec}")
        clashes = self._clashes(begins, ends)
        event_id = self.shelf.add(lambda _: in_file(event))
        text = f"Created {event_id}: {title.strip()!r}, {_span_text(begins, ends)}.{clashes}"
        return ToolResult(text, reference=self.shelf.path_of(event_id))

    @tool(title="Move an event", hints=["updateHint", "idempotentHint"])
    def move_event(
        self,
        event_id: EventId,
        start: Annotated[str, Field(description="New date and time it starts, e.g. 2026-11-27T15:00")],
        end: Annotated[
            OptionalText, Field(description="New end; left out: it stays as long as it was")
        ] = None,
    ) -> ToolResult:
        """Move an existing event to another date and time."""
        known = self._find(event_id)
        event = self._single(known)
        begins, ends = self._span(start, end, event.ends - event.begins)
        if event.is_all_day and isinstance(begins, datetime) and end is None:
            ends = begins + _HOUR
        times = {"dtstart": stored(begins), "dtend": stored(ends), "duration": None}
        self.shelf.change(known, lambda content: changed(known, content, "VEVENT", self._time.now(), times))
        clashes = self._clashes(begins, ends, besides=known)
        text = f"Moved {known} {event.title!r} to {_span_text(begins, ends)}.{clashes}"
        return ToolResult(text, reference=self.shelf.path_of(known))

    @tool(title="Delete an event", hints=["destructiveHint"])
    def delete_event(self, event_id: EventId) -> str:
        """Delete an event from the calendar; its file goes to the trash folder."""
        known = self._find(event_id)
        event = self._single(known)
        self.shelf.discard(known)
        return f"Deleted {known} {event.title!r} ({shown_moment(event.begins)})."

    def _at(self, day: date, hour: int) -> datetime:
        return self._time.local(datetime.combine(day, time(hour)))

    def _span(self, start: str, end: str | None, usual: timedelta) -> tuple[date | datetime, date | datetime]:
        """When it begins and ends; the end of whole days is the first day after, as iCalendar has it."""
        begins = self._time.parse("start", start)
        if not isinstance(begins, datetime):
            last = self._time.parse_day("end", end) if end else begins
            ends: date | datetime = last + _DAY
        else:
            ends = self._time.parse_time("end", end) if end else begins + usual
        if ends <= begins:  # type: ignore[operator]  # both are days or both are times
            raise ArgumentsInvalid(f"{end} is not after the start {start}", field="end")
        return begins, ends

    def _between(self, begins: datetime, ends: datetime) -> list[Occurrence]:
        ids = self.shelf.ids()
        found = [
            one
            for event_id in ids
            for one in occurrences(event_id, self.shelf.read(event_id), self._time, begins, ends)
        ]
        return sorted(found, key=lambda one: one.begins)

    def _single(self, event_id: str) -> Occurrence:
        """The only time an event takes place; one that repeats is for the person's calendar program."""
        now = self._time.now()
        found = occurrences(event_id, self.shelf.read(event_id), self._time, None, now + 10 * _FAR)
        if not found:
            raise NotFound(f"the file of {event_id} holds no event that can be read.")
        if found[0].repeats:
            raise ArgumentsInvalid(
                f"{event_id} {found[0].title!r} repeats; change it in a calendar program", field="event_id"
            )
        return found[0]

    def _find(self, asked: str) -> str:
        try:
            return self.shelf.find("event_id", asked)
        except NotFound as error:
            raise NotFound(error.message, remedy=self._hint(asked)) from error

    def _hint(self, asked: str) -> str:
        """What a model needs that gave a title, or made an id up."""
        now = self._time.now()
        events = self._between(now - _WEEK, now + _FAR)
        titled = [one for one in events if same(one.title) == same(asked)]
        found = titled or best_matches(asked, events, lambda one: one.title) or events
        return "Did you mean " + " or ".join(_line_of(one) for one in found[:3]) + "?" if found else ""

    def _clashes(self, begins: date | datetime, ends: date | datetime, besides: str | None = None) -> str:
        if not isinstance(begins, datetime) or not isinstance(ends, datetime):
            return ""
        there = self._between(begins, ends)
        names = [
            f"{one.event_id} {one.title!r}"
            for one in there
            if one.is_busy and not one.is_all_day and one.event_id != besides
        ]
        return f" It overlaps {', '.join(names)}." if names else ""


def _line_of(one: Occurrence) -> str:
    ends = one.ends - _DAY if one.is_all_day else one.ends
    begins = one.begins.date() if one.is_all_day else one.begins
    parts = (
        one.event_id,
        _until(begins, ends.date() if one.is_all_day else ends),
        one.title,
        one.location,
        f"with {', '.join(one.attendees)}" if one.attendees else "",
        "repeats" if one.repeats else "",
    )
    return " | ".join(part for part in parts if part)


def _span_text(begins: date | datetime, ends: date | datetime) -> str:
    return _until(begins, ends if isinstance(ends, datetime) else ends - _DAY)


def _until(begins: date | datetime, ends: date | datetime) -> str:
    if not isinstance(begins, datetime) or not isinstance(ends, datetime):
        whole = shown_moment(begins)
        return f"{whole}, all day" if begins == ends else f"{whole} to {shown_moment(ends)}, all day"
    if begins.date() == ends.date():
        return f"{shown_moment(begins)}-{ends:%H:%M}"
    return f"{shown_moment(begins)} to {shown_moment(ends)}"


def _gaps(begins: datetime, ends: datetime, busy: Sequence[Occurrence]) -> list[tuple[datetime, datetime]]:
    gaps: list[tuple[datetime, datetime]] = []
    for one in busy:
        if one.begins > begins:
            gaps.append((begins, one.begins))
        begins = max(begins, one.ends)
    return [*gaps, (begins, ends)] if begins < ends else gaps


def _next_quarter(moment: datetime) -> datetime:
    past = timedelta(minutes=moment.minute % 15, seconds=moment.second, microseconds=moment.microsecond)
    return moment - past + (_QUARTER if past else timedelta())
