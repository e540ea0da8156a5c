"""The arguments of a call as a person sees them, value by value; what others wrote is made visible."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nexus.core.display import visible

SHORT = 2_000
"""Characters of one value in a prompt; a longer one is cut, and says so."""

WHOLE = 2_500_000
"""More than the arguments of a call may have."""

_ORIGINS = {
    "user": "you",
    "model": "the model",
    "default": "the tool's default",
    "approver": "you, edited",
    "memory": "memory",
}


_EMPTY = "-"
"""Where nothing came from: an empty list, an empty object."""


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


def _values(arguments: Mapping[str, Any], origins: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    """Name, value and origin of each single value; a list of one origin stays in one piece."""
    for key, value in arguments.items():
        part = str(key).replace("~", "~0").replace("/", "~1")
        leaves = [
            (name, leaf, _EMPTY if leaf in ([], {}) else origin_in_words(origins.get(pointer)))
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
