"""A task for a small model on the seeded desk: a request, its judge, and the calls that would do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.faults import Fault
from tests.model.desk_checks import Check


@dataclass(frozen=True, slots=True)
class DeskTask:
    """What a person asks for.

    Attributes:
        id: A short name.
        request: The person's words.
        steps: How many tool calls it needs; 0 means that nothing must be done.
        check: Judges the desk and the answer afterwards.
        ideal: Calls that do it, whatever is planted.
        ideal_answer: An answer that would do.
        fault: The API error planted in it, if any; it costs a call more.
    """

    id: str
    request: str
    steps: int
    check: Check
    ideal: Sequence[tuple[str, Mapping[str, Any]]] = ()
    ideal_answer: str = "Done."
    fault: Fault | None = None
