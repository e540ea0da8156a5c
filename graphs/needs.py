"""The separate needs of a request: each is searched by itself, for one vector cannot mean two things."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from nexus.ports.index import Hit

_STEPS = re.compile(r"\s*(?:,|;|\.\s|\bthen\b|\band\b)\s*", re.IGNORECASE)
_SHORTEST_NEED = 8  # characters; shorter pieces of a split request ("Anna") are parts of the one before


def needs_in(request: str) -> list[str]:
    """The atomic needs of a request, by its punctuation and its `and`s; empty if it is a single one."""
    pieces: list[str] = []
    for piece in filter(None, _STEPS.split(request)):
        if pieces and len(piece) < _SHORTEST_NEED:
            pieces[-1] = f"{pieces[-1]} {piece}"
        else:
            pieces.append(piece)
    return pieces if len(pieces) > 1 else []


def merged(lists: Sequence[Sequence[Hit]], limit: int) -> list[Hit]:
    """The best of every list in turn, no tool twice."""
    found: dict[str, Hit] = {}
    for row in zip_longest(*lists):
        for hit in row:
            if hit is not None:
                found.setdefault(hit.slug, hit)
    return list(found.values())[:limit]
