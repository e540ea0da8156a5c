"""Long results, cut where their structure allows it: whole items and whole lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from nexus.core.tool import JsonSchema
from nexus.core.words import words_of

_LONG_TEXT = 300
"""Characters of a text inside of JSON from which on it is cut before whole items are."""

_PAGING = frozenset({"page", "offset", "cursor", "limit", "skip", "per", "max", "count", "start", "token"})
"""Words of parameters that ask for another part of a list, or for less of it."""

_PAGING_ENDS = frozenset(
    {"page", "offset", "cursor", "limit", "skip", "result", "count", "index", "token", "size"}
)


def fits(text: str, limit: int) -> bool:
    """True if `excerpt` leaves nothing of `text` out."""
    if len(text) <= limit:
        return True
    try:
        return len(_written(json.loads(text))) <= limit
    except (ValueError, RecursionError):
        return False


def excerpt(
    text: str, limit: int, parameters: JsonSchema | None = None, how_to_read: str | None = None
) -> str:
    """`text` in about `limit` characters: all of it, or its head with a note on the rest and how to read on.

    JSON stays JSON: it is written without spaces, then its long texts are cut, then the ends of its lists
    are left out. Other text keeps whole lines. `parameters` are those of the tool it came from;
    `how_to_read` says how to see the rest, if not by asking that tool for it.
    """
    note_on = how_to_read or _how_to_read_on(parameters or {})
    if len(text) <= limit:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _lines(text, limit, note_on)
    compact = _written(value)
    if len(compact) <= limit:
        return compact
    cut, left = _smaller(value, limit)
    if cut is None:
        return _lines(compact, limit, note_on)
    return f"{_written(cut)}\n({left}; {note_on})"


def _smaller(value: Any, limit: int) -> tuple[Any, str]:
    """The value with its texts cut, and then as many items of its longest list as there is room for."""
    short = _with_short_texts(value)
    if len(_written(short)) <= limit:
        return short, "long texts are cut"
    longest = max(_lists(short), key=lambda items: len(_written(items)), default=None)
    if longest is None:
        return None, ""
    everything = list(longest)
    fewest, most = 0, len(everything)
    while fewest < most:
        middle = (fewest + most + 1) // 2
        longest[:] = everything[:middle]
        fewest, most = (middle, most) if len(_written(short)) <= limit else (fewest, middle - 1)
    longest[:] = everything[:fewest]
    if fewest == 0:
        return None, ""
    return short, f"{len(everything) - fewest} more of {len(everything)} items"


def _lists(value: Any) -> Iterable[list[Any]]:
    if isinstance(value, list):
        yield value
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for item in inside:
        yield from _lists(item)


def _with_short_texts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_short_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_short_texts(item) for item in value]
    is_long = isinstance(value, str) and len(value) > _LONG_TEXT
    return f"{value[:_LONG_TEXT]}… ({len(value) - _LONG_TEXT:,} more characters)" if is_long else value


def _lines(text: str, limit: int, note_on: str) -> str:
    """Whole lines; of a single long one, whole words."""
    head = text[: limit + 1]
    end = max(head.rfind("\n"), 0) or max(head.rfind(" "), 0) or limit
    rest = text[end:].strip("\n")
    left = (
        f"{rest.count(chr(10)) + 1} more lines"
        if "\n" in head[: end + 1]
        else f"{len(rest):,} more characters"
    )
    return f"{text[:end]}\n({left}; {note_on})"


def _how_to_read_on(parameters: JsonSchema) -> str:
    names = [name for name in parameters.get("properties", {}) if _pages(words_of(name))]
    return f"to see them use {' or '.join(names)}, or ask for less" if names else "ask for less to see them"


def _pages(words: list[str]) -> bool:
    return bool(words) and words[-1] in _PAGING_ENDS and bool(_PAGING.intersection(words))


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
