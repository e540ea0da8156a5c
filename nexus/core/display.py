"""Show hostile text safely: what a person sees is what is there."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that hide, reorder or break a line: controls, formats, separators."""

_BLANK = frozenset(
    chr(code)
    for first, last in [
        (0x034F, 0x034F),  # combining grapheme joiner
        (0x115F, 0x1160),  # Hangul fillers
        (0x17B4, 0x17B5),  # Khmer inherent vowels
        (0x180B, 0x180F),  # Mongolian variation selectors
        (0x2800, 0x2800),  # Braille blank
        (0x3164, 0x3164),  # Hangul filler
        (0xFE00, 0xFE0F),  # variation selectors
        (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
        (0xE0100, 0xE01EF),  # variation selectors, in which whole texts have been smuggled
    ]
    for code in range(first, last + 1)
)
"""Letters, marks and symbols that show nothing (Default_Ignorable_Code_Point outside the above)."""


def visible(text: str, *, limit: int = 2000) -> str:
    r"""`text` with invisible and reordering characters spelled out as `\u{...}`, cut at `limit`.

    Line breaks and tabs stay. A cut says how much is missing.
    """
    shown = text[:limit].replace("\r\n", "\n").translate(_SPELLED)
    rest = len(text) - limit
    return f"{shown}… ({rest:,} more characters)" if rest > 0 else shown


def visible_value(value: Any, *, limit: int = 2000) -> str:
    """A JSON value as one readable text: strings as they are, the rest as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return visible(text, limit=limit)


class _Spelled(dict[int, str]):
    """How each character is shown, found out when it is first met: a million are shown in an instant."""

    def __missing__(self, code: int) -> str:
        shown = self[code] = _spell(chr(code))
        return shown


def _spell(character: str) -> str:
    if character in "\n\t":
        return character
    if character in _BLANK or unicodedata.category(character) in _HIDDEN:
        return f"\\u{{{ord(character):x}}}"
    return character


_SPELLED = _Spelled()
