"""The addresses, links, phone numbers and ids in texts: what a model may copy, so that it invents none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nexus.core.origin import Source
from nexus.core.words import words_of

Kind = Literal["address", "link", "phone", "id"]

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(r"https?://[^\s<>\"')\]]+")
_PHONE = re.compile(r"(?<![\w-])(?:\+|\(?\d)[\d ()./-]{5,}\d(?![\w-])")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}:\d{2}|\d{1,2}/\d{1,2}/\d{2,4}")
_DIGITS_OF_PHONE = 7  # the shortest subscriber numbers that are written with their area

_NUMBERED = re.compile(r"(?<![\w@.-])([A-Za-z]+)[-_]\d+(?![\w-])")
_OPAQUE = re.compile(r"(?<![\w@./:-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{8,}(?![\w@-])")
_LABELLED = re.compile(
    r"\b([A-Za-z]+)\s*(?:#|\bids?\b(?: is| of)?\s*[:=#]?|\bno\.?)\s*([\w-]*\d[\w-]*)", re.IGNORECASE
)
_MIXED = re.compile(r"(?<![\w@./:-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{5,}(?![\w@-])")
_MOMENT = re.compile(r"\d+(?:am|pm|st|nd|rd|th|h|min)", re.IGNORECASE)
_COUNTED = re.compile(r"\b([a-z]+) (\d+)\b(?![:./-])")
_JSON_START = re.compile(r"[\[{]")
_NEAR = 30  # characters beside an address in which its neighbours stand
_LONGEST = 200  # characters of an id: longer values are tokens or texts


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that stands in a source.

    Attributes:
        value: As it is written there.
        kind: What it is.
        origin: The source's.
        about: Words for what it is the id of, as far as its place tells: `event` for `event-4`. Of an
            address that the user wrote, the words beside it.
        is_keyed: True if it is an id only of what the words say: they are a JSON key, or `task` in `task 7`.
        is_guess: True if nothing but its letters and digits speaks for an id.
    """

    value: str
    kind: Kind
    origin: str
    about: frozenset[str] = frozenset()
    is_keyed: bool = False
    is_guess: bool = False


def candidates(sources: Sequence[Source]) -> list[Candidate]:
    """Every candidate of the sources, in their order, none twice."""
    found = (candidate for source in sources for candidate in _in_source(source))
    return list({(each.value, each.kind, each.about): each for each in found}.values())


def _in_source(source: Source) -> Iterator[Candidate]:
    for match in _ADDRESS.finditer(source.text):
        about = _beside(source.text, match) if source.origin == "user" else frozenset[str]()
        yield Candidate(match[0], "address", source.origin, about)
    for value in _LINK.findall(source.text):
        yield Candidate(value.rstrip(".,;:!?"), "link", source.origin)
    for value in _PHONE.findall(source.text):
        if not _DATE.search(value) and sum(map(str.isdigit, value)) >= _DIGITS_OF_PHONE:
            yield Candidate(value.strip(), "phone", source.origin)
    yield from _ids(source)


def _beside(text: str, match: re.Match[str]) -> frozenset[str]:
    """The word before an address and the two after it: `cc` in `ana@example.org in cc`."""
    before, after = words_of(text[: match.start()][-_NEAR:]), words_of(text[match.end() :][:_NEAR])
    return frozenset([*before[-1:], *after[:2]])


def _ids(source: Source) -> Iterator[Candidate]:
    """Ids from the keys of JSON; where there is none, words that look like ids."""
    value = _json_in(source.text)
    if value is not None:
        keyed = [
            Candidate(text, "id", source.origin, about, is_keyed=True) for text, about in _keyed(value, ())
        ]
        yield from keyed
        if keyed:
            return
    for match in _NUMBERED.finditer(source.text):
        yield Candidate(match[0], "id", source.origin, frozenset(words_of(match[1])))
    for label, text in _LABELLED.findall(source.text):
        if len(text) <= _LONGEST:
            yield Candidate(text, "id", source.origin, frozenset(words_of(label)))
    for text in _OPAQUE.findall(source.text):
        if not _DATE.search(text) and not _NUMBERED.fullmatch(text) and len(text) <= _LONGEST:
            yield Candidate(text, "id", source.origin)
    if source.origin == "user":
        yield from _typed(source)


def _typed(source: Source) -> Iterator[Candidate]:
    """What else a person may have meant as an id: `task 7`, if tasks have ids, and `XYZ123`."""
    for label, text in _COUNTED.findall(source.text):
        yield Candidate(text, "id", source.origin, frozenset(words_of(label)), is_keyed=True)
    for text in _MIXED.findall(source.text):
        if not _MOMENT.fullmatch(text) and not _DATE.search(text):
            yield Candidate(text, "id", source.origin, is_guess=True)


def _json_in(text: str) -> Any:
    """The first JSON object or array of `text`; None if there is none."""
    start = _JSON_START.search(text)
    if start is None:
        return None
    try:
        return json.JSONDecoder().raw_decode(text, start.start())[0]
    except (ValueError, RecursionError):
        return None


def _keyed(value: Any, inside: tuple[str, ...]) -> Iterator[tuple[str, frozenset[str]]]:
    """Each value under a key that ends in `id`, with the words of that key, or of the one around it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            words = tuple(words_of(str(key)))
            if words and words[-1] == "id" and isinstance(item, str | int) and not isinstance(item, bool):
                if 0 < len(str(item)) <= _LONGEST:
                    yield str(item), frozenset(words[:-1] or inside)
            else:
                yield from _keyed(item, words)
    elif isinstance(value, list):
        for item in value:
            yield from _keyed(item, inside)
