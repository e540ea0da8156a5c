"""Times as people write them: local to the desk, ISO 8601 with some slack, shown with the day of the week."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from nexus.errors import ArgumentsInvalid
from nexus.ports.clock import Clock

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_MOMENT = re.compile(
    r"""(?:(?P<weekday>mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?
        (?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)
        (?:(?:t|,?\s+(?:at\s+)?)
           (?P<hour>\d\d?)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?)?)?
           \s*(?P<half>[ap])?(?(half)\.?m\.?)
           \s*(?P<offset>z|[+-]\d\d:?\d\d)?)?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_NOON = 12


@dataclass(frozen=True, slots=True)
class LocalTime:
    """The desk's time: what the clock says, in the desk's zone.

    Attributes:
        clock: Says what time it is.
        zone: The zone that times without one are in; None is the machine's own.
    """

    clock: Clock
    zone: tzinfo | None = None

    def now(self) -> datetime:
        """The current time, aware, local."""
        return self.local(self.clock.now())

    def today(self) -> date:
        """The local day."""
        return self.now().date()

    def local(self, moment: datetime) -> datetime:
        """`moment` in the desk's zone; one without a zone is local already."""
        if moment.tzinfo is not None:
            return moment.astimezone(self.zone)
        return moment.astimezone() if self.zone is None else moment.replace(tzinfo=self.zone)

    def start_of(self, day: date) -> datetime:
        """Midnight of that day, aware."""
        return self.local(datetime.combine(day, time()))

    def parse(self, field: str, text: str) -> date | datetime:
        """The day or the time that is written in `text`, e.g. `2026-11-27` or `2026-11-27T15:00`."""
        found = _MOMENT.fullmatch(text.strip())
        if found is None or _is_bare_hour(found):
            raise self._unclear(field, text)
        try:
            day = date(int(found["year"]), int(found["month"]), int(found["day"]))
            moment = _clock_time(found, day)
        except ValueError:
            raise self._unclear(field, text) from None
        _check_weekday(field, found, day)
        return day if moment is None else self._checked(field, moment)

    def parse_time(self, field: str, text: str) -> datetime:
        """The time that is written in `text`, aware and local; a day alone is not enough."""
        moment = self.parse(field, text)
        if isinstance(moment, datetime):
            return moment
        raise ArgumentsInvalid(f"{text!r} has no time of day; write it like {moment}T15:00", field=field)

    def parse_day(self, field: str, text: str) -> date:
        """The day that is written in `text`; a time of day does not matter."""
        moment = self.parse(field, text)
        return moment.date() if isinstance(moment, datetime) else moment

    def _checked(self, field: str, moment: datetime) -> datetime:
        aware = self.local(moment)
        if (
            moment.tzinfo is None
            and aware.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) != moment
        ):
            raise ArgumentsInvalid(
                f"{moment:%Y-%m-%dT%H:%M} does not exist: the clocks go forward then", field=field
            )
        return aware

    def _unclear(self, field: str, text: str) -> ArgumentsInvalid:
        today = self.today()
        week = ", ".join(
            f"{WEEKDAYS[day.weekday()]} {day}"
            for day in (today + timedelta(days=number) for number in range(1, 7))
        )
        return ArgumentsInvalid(
            f"{text[:60]!r} is not a date or time; write it like {today}T15:00.",
            field=field,
            remedy=f"Today is {WEEKDAYS[today.weekday()]} {today}; then come {week}.",
        )


def shown_moment(moment: date | datetime) -> str:
    """A day or local time for people and models, e.g. `Fri 2026-11-27 15:00`."""
    day = f"{WEEKDAYS[moment.weekday()][:3]} {moment:%Y-%m-%d}"
    return f"{day} {moment:%H:%M}" if isinstance(moment, datetime) else day


def _is_bare_hour(found: re.Match[str]) -> bool:
    return found["hour"] is not None and found["minute"] is None and found["half"] is None


def _clock_time(found: re.Match[str], day: date) -> datetime | None:
    if found["hour"] is None:
        return None
    hour = int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= _NOON:
            raise ValueError(hour)
        hour = hour % _NOON + (_NOON if found["half"].lower() == "p" else 0)
    moment = datetime.combine(day, time(hour, int(found["minute"] or 0), int(found["second"] or 0)))
    offset = found["offset"]
    return moment if offset is None else datetime.fromisoformat(f"{moment.isoformat()}{offset.upper()}")


def _check_weekday(field: str, found: re.Match[str], day: date) -> None:
    actual = WEEKDAYS[day.weekday()]
    if found["weekday"] and not actual.lower().startswith(found["weekday"].lower()):
        raise ArgumentsInvalid(f"{day} is a {actual}, not {found['weekday'].capitalize()}", field=field)
