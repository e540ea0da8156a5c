"""How a request is split into needs, and what is found for them is merged."""

from __future__ import annotations

import pytest

from graphs.needs import merged, needs_in
from nexus.ports.index import Hit
from nexus.testing import FixedIndex
from tests.world import MakeWorld

BOTH = "find the bug report and mail it to the team"


def hits(slugs: str) -> list[Hit]:
    return [Hit(slug, 1.0) for slug in slugs]


def found(lists: list[list[Hit]], limit: int = 99) -> str:
    return "".join(hit.slug for hit in merged(lists, limit))


@pytest.mark.parametrize(
    ("request_text", "needs"),
    [
        (BOTH, ["find the bug report", "mail it to the team"]),
        ("Look it up, then write it down", ["Look it up", "write it down"]),
        ("mail Ana and Ben", []),
        ("write to Ben and Ana, then note it down", ["write to Ben Ana", "note it down"]),
        ("send a mail", []),
        ("", []),
    ],
)
def test_a_request_is_split_at_its_punctuation_and_its_ands(request_text: str, needs: list[str]):
    assert needs_in(request_text) == needs


def test_the_best_of_every_need_take_turns_and_none_comes_twice():
    assert found([hits("abc"), hits("xay"), hits("")]) == "axbcy"
    assert found([hits("abc"), hits("xay")], limit=2) == "ax"
    assert found([]) == ""


async def test_a_run_searches_for_the_request_and_for_each_of_its_needs(make_world: MakeWorld):
    world = await make_world()
    await world.start(BOTH)
    assert isinstance(world.parts.index, FixedIndex)
    assert world.parts.index.queries == [BOTH, *needs_in(BOTH)]
