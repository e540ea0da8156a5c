"""What text may be written to the desk, and how text found there is shown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from nexus.errors import ArgumentsInvalid

LONGEST_LINE: Final = 250
LONGEST_TEXT: Final = 200_000
SHOWN_TEXT: Final = 8_000

_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_OVERRIDING = frozenset("\u202d\u202e")
_LINE_BREAKS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_CONTROLS = frozenset({"Cc", "Cs", "Cn", "Co", "Zl", "Zp"})

Item = TypeVar("Item")


def checked_line(field: str, text: str) -> str:
    """`text` trimmed, if a person who reads it sees all of it: one line, nothing hidden, not too long."""
    line = text.strip()
    if not line:
        raise ArgumentsInvalid("is empty", field=field)
    if len(line) > LONGEST_LINE:
        raise ArgumentsInvalid(f"has {len(line):,} characters; at most {LONGEST_LINE} fit", field=field)
    if _LINE_BREAKS & set(line):
        raise ArgumentsInvalid("must be one line, without line breaks", field=field)
    _refuse(field, line, lambda character: character in _REORDERING or _is_control(character))
    return line


def checked_text(field: str, text: str) -> str:
    """`text` with plain line breaks, if it is text: no control characters, no reversed runs, not too long."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    if not plain.strip():
        raise ArgumentsInvalid("is empty", field=field)
    if len(plain) > LONGEST_TEXT:
        raise ArgumentsInvalid(
            f"has {len(plain):,} characters; at most {LONGEST_TEXT:,} fit.", field=field, remedy="Shorten it."
        )
    _refuse(
        field,
        plain,
        lambda character: character in _OVERRIDING or (character not in "\n\t" and _is_control(character)),
    )
    return plain


def shown_line(text: str) -> str:
    """Foreign text as one line without anything that hides, reorders or breaks it."""
    plain = "".join(
        " " if _is_control(character) or character in _REORDERING else character for character in text
    )
    line = " ".join(plain.split())
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…"


def shown_text(text: str) -> str:
    """Foreign text without control and reordering characters; says so if it is cut."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    plain = "".join(
        character
        for character in lines
        if character in "\n\t" or not (_is_control(character) or character in _REORDERING)
    )
    rest = len(plain) - SHOWN_TEXT
    return f"{plain[:SHOWN_TEXT]}\n[cut here: {rest:,} more characters]" if rest > 0 else plain


def same(text: str) -> str:
    """What is equal for a person looking for it: case, accents and spacing do not count."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split())


def words_of(text: str) -> frozenset[str]:
    """The words of a text, as `same` compares them."""
    return frozenset(re.findall(r"\w+", same(text)))


def best_matches(query: str, items: Iterable[Item], text_of: Callable[[Item], str]) -> Sequence[Item]:
    """The items that hold every word of `query` (or its beginning), else those that hold the most of them."""
    wanted = words_of(query)
    scored = [(_score(wanted, text_of(item)), item) for item in items]
    best = max((score for score, _ in scored), default=0)
    return [item for score, item in scored if score == best] if best else []


def _score(wanted: frozenset[str], text: str) -> int:
    there = words_of(text)
    return sum(1 for word in wanted if any(other.startswith(word) for other in there))


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in _CONTROLS


def _refuse(field: str, text: str, is_bad: Callable[[str], bool]) -> None:
    bad = next((character for character in text if is_bad(character)), None)
    if bad is not None:
        name = unicodedata.name(bad, "control character")
        raise ArgumentsInvalid(
            f"must not contain U+{ord(bad):04X} ({name.lower()}), which hides text", field=field
        )
