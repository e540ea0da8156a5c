"""iCalendar files: events and tasks read from anybody's files, and written so that any program takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as Midnight  # noqa: N812 - `time` is the desk's here
from itertools import islice
from typing import Any, Final, TypeVar
from uuid import uuid4

from dateutil.rrule import rrulestr
from icalendar import Calendar, Component, Event, Todo, vRecur

from nexus.errors import ToolFailed
from nexus.tools.desk.text import shown_line
from nexus.tools.desk.times import LocalTime

Entry = TypeVar("Entry", Event, Todo)

_MOST_REPEATS: Final = 20_000
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that an event takes place. `begins` and `ends` are local times; whole days end at midnight."""

    event_id: str
    title: str
    begins: datetime
    ends: datetime
    is_all_day: bool
    is_busy: bool
    repeats: bool
    location: str
    attendees: Sequence[str]

    def overlaps(self, begins: datetime, ends: datetime) -> bool:
        """True if some of it lies between the two times."""
        return self.begins < ends and begins < max(self.ends, self.begins + timedelta(seconds=1))


def new_entry(kind: type[Entry], title: str, now: datetime) -> Entry:
    """An event or task with what every calendar program asks for."""
    entry = kind()
    entry.add("uid", str(uuid4()))
    entry.add("dtstamp", now.astimezone(UTC))
    entry.add("created", now.astimezone(UTC))
    entry.add("summary", title)
    return entry


def in_file(entry: Component) -> bytes:
    """An `.ics` file with one entry.

    Times are in UTC: with one fixed moment there is nothing to misread, and every program shows it in the
    zone of whoever looks. All-day events stay plain days.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Nexus//Desk//EN")
    calendar.add("version", "2.0")
    calendar.add_component(entry)
    return calendar.to_ical()


def stored(moment: date | datetime) -> date | datetime:
    """A day as it is, a time in UTC."""
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment


def parsed(item_id: str, content: bytes) -> Any:
    """The calendar in an `.ics` file."""
    try:
        return Calendar.from_ical(content.decode("utf-8-sig"))
    except (ValueError, IndexError, KeyError) as error:
        raise ToolFailed(
            f"The file of {item_id} is damaged; open it in a calendar program and repair it."
        ) from error


def changed(item_id: str, content: bytes, name: str, now: datetime, values: dict[str, Any]) -> bytes:
    """The same file with new values in its first entry of that name (`VEVENT` or `VTODO`)."""
    calendar = parsed(item_id, content)
    entry = calendar.walk(name)[0]
    stamp = now.astimezone(UTC)
    for key, value in {**values, "dtstamp": stamp, "last-modified": stamp}.items():
        entry.pop(key, None)
        if value is not None:
            entry.add(key, value)
    sequence = int(entry.get("sequence", 0)) + 1
    entry.pop("sequence", None)
    entry.add("sequence", sequence)
    return calendar.to_ical()


def occurrences(
    event_id: str, content: bytes, time: LocalTime, begins: datetime | None, ends: datetime
) -> list[Occurrence]:
    """Every time between the two that the event takes place; a file that cannot be read has none."""
    try:
        events = list(parsed(event_id, content).walk("VEVENT"))
        overridden = [
            _local(time, event.decoded("recurrence-id")) for event in events if "recurrence-id" in event
        ]
        found = [one for event in events for one in _times_of(event_id, event, time, ends, overridden)]
    except (ToolFailed, ValueError, TypeError, AttributeError, KeyError):
        return []
    return [one for one in found if begins is None or one.overlaps(begins, ends)]


def _times_of(
    event_id: str, event: Any, time: LocalTime, until: datetime, overridden: Sequence[datetime]
) -> Iterator[Occurrence]:
    start = event.decoded("dtstart")
    first = _local(time, start)
    length = _length_of(event, time, first)
    repeats = "rrule" in event
    for begins in _starts(event, time, until, overridden) if repeats else (first,):
        yield Occurrence(
            event_id=event_id,
            title=shown_line(str(event.get("summary", ""))) or "(no title)",
            begins=begins,
            ends=begins + length,
            is_all_day=not isinstance(start, datetime),
            is_busy=event.get("transp") != "TRANSPARENT" and event.get("status") != "CANCELLED",
            repeats=repeats or "recurrence-id" in event,
            location=shown_line(str(event.get("location", ""))),
            attendees=[shown_line(str(one)).removeprefix("mailto:") for one in _many(event.get("attendee"))],
        )


def _starts(
    event: Any, time: LocalTime, until: datetime, overridden: Sequence[datetime]
) -> Iterator[datetime]:
    """The starts of a repeated event. Nine o'clock stays nine o'clock when the clocks change."""
    left_out = set(overridden)
    for dates in _many(event.get("exdate")):
        left_out.update(_local(time, one.dt) for one in dates.dts)
    start = event.decoded("dtstart")
    anchor = start if isinstance(start, datetime) else datetime.combine(start, Midnight())
    # The end of a rule is judged here: dateutil refuses one whose zone is not like that of the start.
    rule = vRecur({key: value for key, value in event["rrule"].items() if key != "UNTIL"})
    last = min([until, *(_last_moment(time, one) for one in _many(event["rrule"].get("UNTIL")))])
    for begins in islice(rrulestr(rule.to_ical().decode(), dtstart=anchor), _MOST_REPEATS):
        moment = _local(time, begins)
        if moment > last:
            return
        if moment not in left_out:
            yield moment


def _last_moment(time: LocalTime, until: date | datetime) -> datetime:
    return _local(time, until) if isinstance(until, datetime) else time.start_of(until) + _DAY


def _length_of(event: Any, time: LocalTime, first: datetime) -> timedelta:
    if "dtend" in event:
        return max(_local(time, event.decoded("dtend")) - first, timedelta())
    if "duration" in event:
        return max(event.decoded("duration"), timedelta())
    return timedelta() if isinstance(event.decoded("dtstart"), datetime) else _DAY


def _local(time: LocalTime, moment: date | datetime) -> datetime:
    return time.local(moment) if isinstance(moment, datetime) else time.start_of(moment)


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
