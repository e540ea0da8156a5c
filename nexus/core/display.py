"""Show hostile text safely: what a person sees is what is there."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that can hide, reorder or break a line: controls, formats (bidi, zero width), separators."""


def visible(text: str, *, limit: int = 2000) -> str:
    r"""`text` with every invisible or reordering character spelled out as `\u{...}`, cut at `limit`.

    Line breaks and tabs stay. A cut says how much is missing.
    """
    shown = "".join(_spell(character) for character in text[:limit])
    rest = len(text) - limit
    return f"{shown}… ({rest:,} more characters)" if rest > 0 else shown


def visible_value(value: Any, *, limit: int = 2000) -> str:
    """A JSON value as one readable text: strings as they are, the rest as JSON."""


    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return visible(text, limit=limit)


def _spell(character: str) -> str:
    if character in "\n\t":
        return character
    if unicodedata.category(character) in _HIDDEN:
        return f"\\u{{{ord(character):x}}}"
    return character
