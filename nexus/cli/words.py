"""Facts in words: arguments, origins, times. Everything that others wrote is made visible here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nexus.core.display import visible

SHORT = 2_000
"""Characters of one value in a prompt; a longer one is cut, and says so."""

WHOLE = 1_000_000
"""More than the arguments of a call may have."""

_ORIGINS = {
    "user": "you",
    "model": "the model",
    "approver": "you, edited",
    "memory": "memory",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a call: its name, what a person sees of it, where it came from."""

    name: str
    value: str
    origin: str


def rows(arguments: Mapping[str, Any], origins: Mapping[str, str], *, limit: int = SHORT) -> list[Row]:
    """One row for each single value, in order; nothing is left out."""
    return [
        Row(visible(name, limit=limit) or '""', value_in_words(value, limit=limit), origin)
        for name, value, origin in _values(arguments, origins)
    ]


def is_cut(arguments: Mapping[str, Any], *, limit: int = SHORT) -> bool:
    """True if `rows` shows only the beginning of some value."""
    return any(len(str(value)) > limit for _, _, value in _leaves(arguments, "", ""))


def value_in_words(value: Any, *, limit: int = SHORT) -> str:
    """A text as it is, unless it could be taken for something else; every other value as JSON."""
    if isinstance(value, str) and not _is_ambiguous(value):
        return visible(value, limit=limit)
    return visible(json.dumps(value, ensure_ascii=False), limit=limit)


def origin_in_words(origin: str | None) -> str:
    """Where a value came from, for the person who reads it."""
    if origin is None:
        return "unknown"
    kind, _, name = origin.partition(":")
    if kind == "tool":
        return f"result of {visible(name, limit=80)}"
    return _ORIGINS.get(kind, visible(origin, limit=80))


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


def _values(arguments: Mapping[str, Any], origins: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    """Name, value and origin of each single value; a list of one origin stays in one piece."""
    for key, value in arguments.items():
        part = str(key).replace("~", "~0").replace("/", "~1")
        leaves = [
            (name, leaf, origin_in_words(origins.get(pointer)))
            for name, pointer, leaf in _leaves(value, str(key), f"/{part}")
        ]
        is_plain_list = isinstance(value, list) and not any(
            isinstance(item, Mapping | list) for item in value
        )
        if is_plain_list and len({origin for _, _, origin in leaves}) == 1:
            yield str(key), value, leaves[0][2]
        else:
            yield from leaves


def _leaves(value: Any, name: str, pointer: str) -> Iterator[tuple[str, str, Any]]:
    """Every single value, and every empty container, with its name and JSON pointer."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            part = str(key).replace("~", "~0").replace("/", "~1")
            yield from _leaves(item, f"{name}.{key}" if name else str(key), f"{pointer}/{part}")
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from _leaves(item, f"{name}.{number}", f"{pointer}/{number}")
    elif pointer:
        yield name, pointer, value


def _is_ambiguous(text: str) -> bool:
    """True for a text that would look like nothing, a number, or JSON if it stood without quotes."""
    if text != text.strip() or not text:
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def size_in_words(size: int) -> str:
    """Bytes in the largest unit that leaves at least one of it."""
    units = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
    for unit, name in units:
        if size >= unit:
            return f"{size / unit:.1f} {name}".replace(".0 ", " ")
    return f"{size} bytes"
