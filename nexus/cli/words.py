"""Facts in words for a terminal: calls, times, sizes. Everything that others wrote is made visible."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nexus.core.display import visible
from nexus.core.shown import SHORT, WHOLE, Row, is_cut, origin_in_words, rows, value_in_words
from nexus.core.words import size_in_words

__all__ = [
    "SHORT",
    "WHOLE",
    "Row",
    "call_in_words",
    "is_cut",
    "one_line",
    "origin_in_words",
    "rows",
    "size_in_words",
    "until",
    "value_in_words",
]


def one_line(text: str, *, limit: int = 160) -> str:
    """`text` on one line, cut at `limit`."""
    flat = visible(" ".join(text[: 4 * limit].split()), limit=WHOLE)
    return flat if len(flat) <= limit and len(text) <= 4 * limit else f"{flat[: limit - 1]}…"


def call_in_words(tool: str, arguments: Mapping[str, Any], *, limit: int = 160) -> str:
    """A call on one line, as a programmer would write it."""
    inner = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items())
    return one_line(f"{tool}({inner})", limit=limit)


def until(time: datetime, now: datetime) -> str:
    """When `time` is here, and how long it is until then."""
    minutes = int((time - now).total_seconds() // 60)
    when = time.astimezone().strftime("%Y-%m-%d %H:%M")
    if minutes < 0:
        return f"{when} (over)"
    left = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004 - two hours
    return f"{when} ({left} left)"
