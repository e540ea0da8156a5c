"""The calendar on the desk: standard files, local times, nothing double-booked in silence."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from nexus.errors import ArgumentsInvalid, NotFound
from nexus.testing import FakeClock
from nexus.tools.desk import desk_provider
from tests.unit.tools.conftest import Call, caller_of

BERLIN = ZoneInfo("Europe/Berlin")


def _event(path: Path) -> Any:
    calendar = Calendar.from_ical(path.read_bytes().decode())
    assert (calendar["version"], calendar["prodid"]) == ("2.0", "-//Nexus//Desk//EN")
    (event,) = calendar.walk("VEVENT")
    return event


def _file(event: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:1", *event.split("\n")]
    return "\r\n".join([*lines, "END:VEVENT", "END:VCALENDAR", ""]).encode()


async def test_a_created_event_is_a_standard_file(call: Call, root: Path):
    result = await call(
        "create_event",
        title="Lunch, with; Maria",
        start="2026-11-27T12:00",
        end="2026-11-27T13:30",
        location="Café",
        attendees=["maria@example.com", "Ben <ben@example.com>"],
    )

    event = _event(root / "calendar/event-9.ics")
    assert result.reference == "calendar/event-9.ics"
    assert result.text == "Created event-9: 'Lunch, with; Maria', Fri 2026-11-27 12:00-13:30."
    assert (event["summary"], event["location"]) == ("Lunch, with; Maria", "Café")
    assert event.decoded("dtstart") == datetime(2026, 11, 27, 12, tzinfo=UTC)
    assert event.decoded("dtend") == datetime(2026, 11, 27, 13, 30, tzinfo=UTC)
    assert event.decoded("dtstamp") == datetime(2026, 11, 25, 9, tzinfo=UTC)
    assert [str(one) for one in event["attendee"]] == ["mailto:maria@example.com", "mailto:ben@example.com"]
    assert event["uid"]


@pytest.mark.parametrize(
    "start",
    [
        "2026-11-27T15:00",
        "2026-11-27 15:00",
        "2026-11-27T15:00:00",
        "2026-11-27 3pm",
        "2026-11-27, 3:00 PM",
        "2026-11-27 at 3 p.m.",
        "Fri 2026-11-27 15:00",
        "2026-11-27T15:00Z",
        "2026-11-27T16:00+01:00",
    ],
)
async def test_a_time_may_be_written_in_many_ways_and_lasts_an_hour(call: Call, root: Path, start: str):
    await call("create_event", title="Review", start=start)

    event = _event(root / "calendar/event-9.ics")
    assert event.decoded("dtstart") == datetime(2026, 11, 27, 15, tzinfo=UTC)
    assert event.decoded("dtend") == datetime(2026, 11, 27, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "field", "why"),
    [
        ("Friday 3pm", None, "start", "Today is Wednesday 2026-11-25; then come .*Friday 2026-11-27"),
        ("tomorrow", None, "start", "write it like 2026-11-25T15:00"),
        ("2026-02-30T10:00", None, "start", "is not a date"),
        ("2026-11-27T25:00", None, "start", "is not a date"),
        ("2026-11-27 15", None, "start", "is not a date"),
        ("2026-11-27 13pm", None, "start", "is not a date"),
        ("Thu 2026-11-27 15:00", None, "start", "2026-11-27 is a Friday, not Thu"),
        ("2026-11-27T15:00", "2026-11-27T15:00", "end", "is not after the start"),
        ("2026-11-27T15:00", "2026-11-27", "end", "has no time of day"),
        ("2026-11-27", "2026-11-26", "end", "is not after the start"),
        ("2026-11-27T15:00\nLOCATION:x", None, "start", "is not a date"),
    ],
)
async def test_a_time_that_cannot_be_meant_is_refused_with_the_way_to_write_it(
    call: Call, root: Path, *, start: str, end: str | None, field: str, why: str
):
    with pytest.raises(ArgumentsInvalid, match=why) as caught:
        await call("create_event", title="Review", start=start, end=end)

    assert caught.value.field == field
    assert not (root / "calendar/event-9.ics").exists()


async def test_a_day_without_a_time_is_an_all_day_event(call: Call, root: Path):
    result = await call("create_event", title="Holiday", start="2026-11-30", end="2026-12-01")

    event = _event(root / "calendar/event-9.ics")
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (date(2026, 11, 30), date(2026, 12, 2))
    assert "Mon 2026-11-30 to Tue 2026-12-01, all day" in result.text
    assert "event-9 | Mon 2026-11-30 to Tue 2026-12-01, all day | Holiday" in (await call("list_events")).text


async def test_an_attendee_by_name_is_refused_with_the_address(call: Call):
    with pytest.raises(ArgumentsInvalid, match=r"tom\.becker@example\.com; write that"):
        await call("create_event", title="Talk", start="2026-11-27T15:00", attendees="Tom Becker")


async def test_a_title_cannot_bring_lines_into_the_file(call: Call):
    with pytest.raises(ArgumentsInvalid, match="title: must be one line"):
        await call("create_event", title="x\r\nATTENDEE:mailto:x@example.org", start="2026-11-27T15:00")


async def test_an_overlap_is_told(call: Call):
    result = await call("create_event", title="Talk", start="2026-11-26T10:30")

    assert result.text.endswith("It overlaps event-3 'Design review'.")


async def test_times_are_local_to_the_desk_and_stored_in_utc(root: Path, clock: FakeClock):
    berlin = caller_of(desk_provider(root, clock, zone=BERLIN))
    await berlin("create_event", title="Review", start="2026-11-27T15:00")
    await berlin("create_event", title="Summer", start="2026-07-01T15:00")

    assert _event(root / "calendar/event-9.ics").decoded("dtstart") == datetime(2026, 11, 27, 14, tzinfo=UTC)
    assert _event(root / "calendar/event-10.ics").decoded("dtstart") == datetime(2026, 7, 1, 13, tzinfo=UTC)
    assert "event-9 | Fri 2026-11-27 15:00-16:00 | Review" in (await berlin("list_events")).text


async def test_a_time_the_clocks_jump_over_is_refused(root: Path, clock: FakeClock):
    berlin = caller_of(desk_provider(root, clock, zone=BERLIN))

    with pytest.raises(ArgumentsInvalid, match="start: 2026-03-29T02:30 does not exist"):
        await berlin("create_event", title="Night", start="2026-03-29T02:30")


async def test_without_a_zone_the_machine_s_own_is_used(root: Path, clock: FakeClock):
    machine = caller_of(desk_provider(root, clock))
    await machine("create_event", title="Review", start="2026-11-27T15:00")

    expected = datetime(2026, 11, 27, 15).astimezone().astimezone(UTC)
    assert _event(root / "calendar/event-9.ics").decoded("dtstart") == expected
    assert "Fri 2026-11-27 15:00-16:00 | Review" in (await machine("list_events")).text


async def test_events_are_listed_for_the_days_asked_for_with_the_last_one_included(call: Call):
    friday = (await call("list_events", start="2026-11-27", end="2026-11-27")).text

    assert friday.splitlines() == [
        "event-5 | Fri 2026-11-27 09:30-10:30 | Planning | Room 1 | with team@example.com",
        "event-6 | Fri 2026-11-27 18:30-20:00 | Dentist | 12 Mill Lane",
    ]
    assert (await call("list_events", start="2027-01-01")).text == (
        "Nothing is planned from Fri 2027-01-01 to Thu 2027-01-07."
    )
    with pytest.raises(ArgumentsInvalid, match="end: 2026-11-26 is before the start"):
        await call("list_events", start="2026-11-27", end="2026-11-26")


async def test_free_time_leaves_out_what_is_planned_and_what_is_past(call: Call, clock: FakeClock):
    assert (await call("find_free_time", date="2026-11-26", minutes=90)).text == (
        "Free on Thu 2026-11-26 for at least 90 minutes: 11:00-16:00."
    )
    clock.time = clock.time.replace(hour=15, minute=50)
    assert "16:00-18:00." in (await call("find_free_time", date="2026-11-25")).text
    clock.time = clock.time.replace(hour=19)
    assert (await call("find_free_time", date="2026-11-25")).text.endswith("nothing.")


async def test_a_moved_event_keeps_its_length_and_everything_else(call: Call, root: Path):
    before = _event(root / "calendar/event-6.ics")
    result = await call("move_event", event_id="event-6", start="2026-11-30T08:00")

    after = _event(root / "calendar/event-6.ics")
    assert result.text == "Moved event-6 'Dentist' to Mon 2026-11-30 08:00-09:30."
    assert after.decoded("dtstart") == datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert after.decoded("dtend") == datetime(2026, 11, 30, 9, 30, tzinfo=UTC)
    assert after["sequence"] == 1
    for key in ("uid", "summary", "location", "created"):
        assert after.get(key) == before.get(key)


async def test_an_event_whose_length_is_a_duration_can_be_moved(call: Call, root: Path):
    (root / "calendar/talk.ics").write_bytes(
        _file("SUMMARY:Talk\nDTSTART;TZID=Europe/Berlin:20261126T120000\nDURATION:PT45M\nX-COLOUR:red")
    )
    await call("move_event", event_id="talk", start="2026-11-26T13:00")

    (event,) = Calendar.from_ical((root / "calendar/talk.ics").read_bytes().decode()).walk("VEVENT")
    assert event.decoded("dtend") == datetime(2026, 11, 26, 13, 45, tzinfo=UTC)
    assert ("duration" in event, event["x-colour"]) == (False, "red")


async def test_a_deleted_event_goes_to_the_trash_and_its_id_is_never_used_again(call: Call, root: Path):
    result = await call("delete_event", event_id="event-8")
    again = await call("create_event", title="New", start="2026-11-27T15:00")

    assert result.text == "Deleted event-8 'Lunch with Maria' (Tue 2026-12-01 12:30)."
    assert (root / "trash/calendar/event-8.ics").exists()
    assert again.reference == "calendar/event-9.ics"


async def test_a_title_in_place_of_an_id_is_answered_with_the_id(call: Call):
    with pytest.raises(
        NotFound, match=r"Did you mean event-3 \| Thu 2026-11-26 10:00-11:00 \| Design review"
    ):
        await call("delete_event", event_id="design review")
    with pytest.raises(NotFound, match=r"there are event-1, event-2, .*, event-8\. Did you mean event-1"):
        await call("delete_event", event_id="event-77")


async def test_a_repeated_event_is_listed_each_time_and_changed_only_by_the_person(call: Call, root: Path):
    (root / "calendar/yoga.ics").write_bytes(
        _file(
            "SUMMARY:Yoga\nDTSTART;TZID=Europe/Berlin:20200101T190000\nDTEND;TZID=Europe/Berlin:20200101T200000\n"
            "RRULE:FREQ=DAILY;UNTIL=20261128\nEXDATE;TZID=Europe/Berlin:20261126T190000"
        )
    )
    lines = [line for line in (await call("list_events")).text.splitlines() if "Yoga" in line]

    assert [line.split(" | ")[1] for line in lines] == [
        "Wed 2026-11-25 18:00-19:00",
        "Fri 2026-11-27 18:00-19:00",
        "Sat 2026-11-28 18:00-19:00",
    ]
    with pytest.raises(ArgumentsInvalid, match="yoga 'Yoga' repeats; change it in a calendar program"):
        await call("move_event", event_id="yoga", start="2026-11-27T15:00")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"BEGIN:VCALENDAR\r\n",
        b"hello",
        _file("SUMMARY:no start"),
        _file("DTSTART:nonsense"),
    ],
)
async def test_a_damaged_file_does_not_hide_the_others(call: Call, root: Path, content: bytes):
    (root / "calendar/broken.ics").write_bytes(content)

    assert "Design review" in (await call("list_events")).text
    with pytest.raises(NotFound, match="the file of broken holds no event"):
        await call("delete_event", event_id="broken")
