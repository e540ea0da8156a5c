"""What is different about a tool since a person accepted it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """One fact of a tool's definition, each side on one line. Every word of it may be hostile.

    Attributes:
        before: As it was accepted; None for a tool that is new.
    """

    fact: str
    before: str | None
    now: str


def changes(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Iterator[Change]:
    """The facts that are not as they were; of a tool that is new, all of them."""
    for fact, value in now.items():
        if before is None:
            yield Change(fact, None, _in_a_line(value))
        elif before.get(fact) != value:
            yield Change(fact, _in_a_line(before.get(fact)), _in_a_line(value))


def _in_a_line(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.split())
