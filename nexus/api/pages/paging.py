"""Long lists, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query

PageNumber = Annotated[int, Query(alias="page", ge=1, le=100_000)]
Words = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Paging:
    """Where in a list a page is.

    Attributes:
        path: Of the list.
        words: What was looked for.
        number: Of this page, from 1.
        size: How many items are on a page.
        total: How many there are in all.
    """

    path: str
    words: str
    number: int
    size: int
    total: int

    @property
    def start(self) -> int:
        """How many items come before this page."""
        return (self.number - 1) * self.size

    @property
    def last(self) -> int:
        """The number of the last page."""
        return max(1, -(-self.total // self.size))

    @property
    def earlier(self) -> str | None:
        """Where the page before is; None on the first."""
        return self.to(min(self.number - 1, self.last)) if self.number > 1 else None

    @property
    def later(self) -> str | None:
        """Where the next page is; None on the last."""
        return self.to(self.number + 1) if self.number < self.last else None

    def to(self, number: int) -> str:
        """Where a page of the same list is."""
        query = {"q": self.words} if self.words else {}
        query |= {"page": str(number)} if number > 1 else {}
        return f"{self.path}?{urlencode(query)}" if query else self.path
