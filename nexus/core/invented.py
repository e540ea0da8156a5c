"""Options that a small model fills in though nobody named them: a league, a rounding, a year."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nexus.core.origin import Source
from nexus.core.plain_schema import Node
from nexus.core.words import words_of

_SHORT = 3
"""Words of a value that is a name or a setting; a longer one is a text that the model is to write."""

_ONES = ("one", "once", "first", "single", "ten")
_TWOS = ("two", "twice", "second", "both", "couple", "pair")
_OTHERS = {"three": "3", "third": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8"}
_MORE = {"nine": "9", "eleven": "11", "twelve": "12", "dozen": "12"}
_COUNTS = dict.fromkeys(_ONES, "1") | dict.fromkeys(_TWOS, "2") | _OTHERS | _MORE
"""Numbers in words, each as `_digits` has it."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_TIMES = frozenset({"second", "minute", "hour", "day", "week", "month", "year", "duration", "length"})
"""What a number may measure that people say in other words: `half an hour` is 30 minutes."""

_WRITTEN = frozenset(
    {"subject", "title", "body", "text", "message", "content", "description", "note", "comment", "summary"}
    | {"caption", "reason", "query", "search"}
)
"""Words for what the model is to write in its own words."""

_ABBREVIATION = 4  # letters of the longest one: km, lbs, mins


def without_invented(
    written: Mapping[str, Any], schema: Node, sources: Sequence[Source], request: str
) -> dict[str, Any]:
    """What the model wrote, without options that nothing speaks for: the tool's own default is better then.

    An option is kept if a word or number of it stands in a source, if its description or the tool's fixed
    choices have it, or if it is more than a name: a date, a text, a nested value.

    Args:
        written: By the names of `schema`.
        schema: What the model was asked for.
        sources: The request and the results.
        request: The request with the days and times in it spelled out.
    """
    known = _Known([request, *(source.text for source in sources)])
    return {
        name: value
        for name, value in written.items()
        if name in schema["required"] or known.speaks_for(value, name, schema["properties"].get(name, {}))
    }


class _Known:
    """The words and numbers of the request and the results."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._words = frozenset(word for text in texts for word in words_of(text))
        self._digits = frozenset(_digits(number) for text in texts for number in _NUMBER.findall(text))
        self._digits |= {_COUNTS[word] for word in self._words & _COUNTS.keys()}

    def speaks_for(self, value: Any, name: str, node: Node) -> bool:
        """True if it is named, or nothing that could be invented."""
        if "enum" in node or isinstance(value, bool):
            return True
        if isinstance(value, int | float):
            about = {*words_of(name), *words_of(str(node.get("description", "")))}
            return bool(about & _TIMES) or _digits(str(value)) in self._digits
        if isinstance(value, list):
            return not value or any(self.speaks_for(item, name, node.get("items", {})) for item in value)
        if not isinstance(value, str) or _WRITTEN.intersection(words_of(name)):
            return True
        return self._names(value, str(node.get("description", "")))

    def _names(self, value: str, description: str) -> bool:
        words = words_of(value)
        if not words or len(words) > _SHORT or any(not letter.isalpha() for letter in value if letter != " "):
            return True
        if set(words) <= set(words_of(description)):
            return True
        return any(word in self._words or self._is_short_for(word) for word in words)

    def _is_short_for(self, word: str) -> bool:
        """True if a source has an abbreviation of it: `km` for `kilometer`."""
        return any(_abbreviates(short, word) for short in self._words)


def _digits(number: str) -> str:
    """The digits that count, whatever the unit makes of them: of 50, of 0.05 and of 50,000 a `5`."""
    return re.sub(r"\D", "", number.removesuffix(".0")).strip("0")


def _abbreviates(short: str, word: str) -> bool:
    if not (len(short) <= _ABBREVIATION < len(word) and short[:1] == word[:1]):
        return False
    letters = iter(word)
    return all(letter in letters for letter in short)
