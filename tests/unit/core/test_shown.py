"""The arguments of a call, row by row, as a person sees them."""

from __future__ import annotations

import pytest

from nexus.core.shown import rows


@pytest.mark.parametrize("empty", [[], {}])
def test_what_is_empty_came_from_nobody(empty: object) -> None:
    (row,) = rows({"cc": empty}, {})
    assert (row.name, row.origin) == ("cc", "-")


def test_a_list_of_one_origin_stays_in_one_piece() -> None:
    (row,) = rows({"to": ["a", "b"]}, {"/to/0": "user", "/to/1": "user"})
    assert (row.value, row.origin) == ('["a", "b"]', "you")


def test_what_nobody_knows_the_origin_of_says_so() -> None:
    assert [row.origin for row in rows({"to": "a"}, {})] == ["unknown"]
