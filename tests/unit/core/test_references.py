"""Addresses, links and ids in a text."""

from __future__ import annotations

import pytest

from nexus.core.origin import Source
from nexus.core.references import is_known, references


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Write to ana.b+c@mail.example.com, please.", ["ana.b+c@mail.example.com"]),
        ("See https://example.com/a?b=c#d.", ["https://example.com/a?b=c#d"]),
        ("I closed ABC-123 and task_7.", ["ABC-123", "task_7"]),
        ("It is 18f3a0c2b4d5, said 7d9f2c1e-0b3a.", ["18f3a0c2b4d5", "7d9f2c1e-0b3a"]),
        ("task-7, then task-7 again", ["task-7"]),
        ("By mid-2026, on 2026-11-27 at 15:30, for 3 pm, $1,200.50 or 12345678 in all.", []),
        ("A decade-old facade, added deadbeef.", []),
    ],
)
def test_what_is_a_reference(text: str, found: list[str]):
    assert references(text) == found


@pytest.mark.parametrize(
    ("reference", "is_there"),
    [("task-7", True), ("TASK-7", True), ("task-71", False), ("sub-task-7", False), ("ask-7", False)],
)
def test_a_reference_is_known_only_as_a_whole(reference: str, is_there: bool):  # noqa: FBT001
    assert is_known(reference, [Source("user", "x"), Source("tool:t", "Added task-7.")]) is is_there


@pytest.mark.parametrize("part", ["x", "a-", "1a", "a@", "a.", "A_", "a@a.", "."])
def test_a_text_made_to_be_read_for_ever_is_read_at_once(part: str):
    """What reads on from every place of half a million characters takes hours."""
    assert all(part[0] in each for each in references(part * 500_000))
