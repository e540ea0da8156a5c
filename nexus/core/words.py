"""The words of names and texts, for telling what a parameter is about; sizes in words."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|\d+")


def words_of(text: str) -> list[str]:
    """The words of `text` in lower case and without a plural s; `eventIDs`, `event_ids` → event, id."""
    return [_singular(word.casefold()) for word in _WORD.findall(text)]


def brief(text: str, limit: int) -> str:
    """`text` on one line: as many of its sentences as fit into `limit` characters, at least a part of one."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    end = max(line.rfind(mark, 0, limit) for mark in (". ", "! ", "? ", "; ")) + 1
    return line[:end] if end > limit // 3 else f"{line[:limit].rsplit(' ', 1)[0]}…"


def size_in_words(size: int) -> str:
    """Bytes in the largest unit that leaves at least one of it."""
    units = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
    for unit, name in units:
        if size >= unit:
            return f"{size / unit:.1f} {name}".replace(".0 ", " ")
    return f"{size} bytes"


def _singular(word: str) -> str:
    is_plural = len(word) > 2 and word.endswith("s") and not word.endswith("ss")  # noqa: PLR2004 - `is`, `us`
    return word[:-1] if is_plural else word
