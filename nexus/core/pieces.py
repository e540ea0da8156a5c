"""A long text in pieces, each a part that can be shown."""

from __future__ import annotations

from collections.abc import Sequence

_ENDS = ("\n", "},", "],", ". ", ",", " ")
"""Where a piece may end, the best first: after a line, an item, a sentence, a word."""


def pieces(text: str, limit: int) -> Sequence[str]:
    """`text` cut into pieces of at most `limit` characters, that put together are the text again.

    Each ends at the best place in its second half; if there is none, wherever it is full.
    """
    found: list[str] = []
    start = 0
    while len(text) - start > limit:
        end = _end(text, start, limit)
        found.append(text[start:end])
        start = end
    return [*found, text[start:]]


def _end(text: str, start: int, limit: int) -> int:
    for mark in _ENDS:
        place = text.rfind(mark, start + limit // 2, start + limit)
        if place >= 0:
            return place + len(mark)
    return start + limit
