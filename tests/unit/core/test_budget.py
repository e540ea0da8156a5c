"""Every run ends, and says which limit it hit."""

from __future__ import annotations

from typing import Any

import pytest

from nexus.core.budget import Budget, Spent, exhausted, nothing_spent

BUDGET = Budget(steps=3, corrections=2, tokens=1_000, seconds=60)


@pytest.mark.parametrize(
    ("spent", "limit"),
    [
        ({}, None),
        ({"steps": 2, "tokens": 999, "seconds": 59.9, "failures": 2}, None),
        ({"steps": 3}, "the budget of 3 steps is used up"),
        ({"tokens": 1_000}, "the budget of 1,000 tokens is used up"),
        ({"seconds": 60.0}, "the budget of 60 seconds of work is used up"),
        ({"failures": 3}, "the budget of 2 corrections in a row is used up"),
        ({"steps": 3, "failures": 9}, "the budget of 3 steps is used up"),
    ],
)
def test_a_run_stops_at_the_first_limit_and_names_it(spent: dict[str, Any], limit: str | None) -> None:
    assert exhausted(BUDGET, Spent(**{**nothing_spent(), **spent})) == limit
