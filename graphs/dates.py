"""The days and times in a request, worked out by code: small models cannot count to Friday."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from dateparser.search import search_dates

_DAY_WORD = re.compile(
    r"\b(today|tonight|tomorrow|yesterday|(mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|(next|this|last) (week|month|year)|in \w+ (days?|weeks?|months?)"
    r"|(january|february|march|april|june|july|august|september|october|november|december)\s+\d"
    r"|\d{1,2}(st|nd|rd|th)?\s+(of\s+)?(january|february|march|april|may|june|july|august|september|october"
    r"|november|december)|may\s+\d|\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2})",
    re.IGNORECASE,
)
_TIME_WORD = re.compile(r"\d\s*(am|pm)\b|\d:\d\d|\bnoon\b|\bmidnight\b|\bat \d", re.IGNORECASE)
_FAR = timedelta(days=800)


def dates_in(request: str, now: datetime) -> list[tuple[str, str]]:
    """Each day or time that `request` names, with its ISO 8601 spelling; a time without a day as `HH:MM`.

    Found with dateparser, whose finds without a word for a day or a time (numbers, durations) are dropped.
    A time that follows its day is put together with it. English only; blocking (its tables load slowly).
    """
    base = now.replace(tzinfo=None)
    settings = {"RELATIVE_BASE": base, "PREFER_DATES_FROM": "future", "RETURN_AS_TIMEZONE_AWARE": False}
    found: list[tuple[str, str]] = []
    day: datetime | None = None
    for words, moment in search_dates(request, languages=["en"], settings=settings) or []:
        has_day, has_time = _DAY_WORD.search(words), _TIME_WORD.search(words)
        if abs(moment - base) > _FAR or not (has_day or has_time):
            continue
        if has_day and has_time:
            found.append((words, f"{moment:%Y-%m-%dT%H:%M}"))
        elif has_day:
            day = moment
            found.append((words, f"{moment:%Y-%m-%d}"))
        else:
            found.append((words, _with_day(moment.time(), day)))
    return found


def _with_day(at: time, day: datetime | None) -> str:
    return f"{day:%Y-%m-%d}T{at:%H:%M}" if day else f"{at:%H:%M}"
