"""Schemas of tools by the ten thousand: kept as text, read when somebody looks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any


class StoredSchema(Mapping[str, Any]):
    """A JSON Schema that was checked before it was written down; kept as the text it was written in.

    Read into Python values, 40,000 schemas would take some ten times the memory of their text.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @property
    def text(self) -> str:
        """What it was made from."""
        return self._text

    def __getitem__(self, key: str) -> Any:
        return _read(self._text)[key]

    def __iter__(self) -> Iterator[str]:
        return iter(_read(self._text))

    def __len__(self) -> int:
        return len(_read(self._text))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StoredSchema):
            return self._text == other._text
        return Mapping.__eq__(self, other)

    def __hash__(self) -> int:
        return hash(self._text)


@lru_cache(maxsize=256)
def _read(text: str) -> dict[str, Any]:
    """The schema; a run looks at few of them, at each many times."""
    return json.loads(text)
