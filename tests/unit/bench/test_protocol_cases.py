"""The cases of the protocol bench: which arguments count as right, and what is offered as not fitting."""

from __future__ import annotations

from typing import Any

import pytest

from nexus.models.minilm import MiniLM
from tests.bench.protocols.action import Action, is_valid
from tests.bench.protocols.cases import DATA, SAME_PURPOSE, Case, accepts, load_cases, purpose
from tests.world import MAIL, SEND

ACCEPTED: dict[str, list[Any]] = {
    "city": ["New York", "NYC"],
    "days": [3],
    "ratio": [0.5, ""],
    "filter": [{"kind": ["open"], "limit": ["", 5]}],
    "points": [[1, 2]],
}
RIGHT = {"city": "new york", "days": 3, "filter": {"kind": "open"}, "points": [1, 2]}
WRONG: dict[str, dict[str, Any]] = {
    "another value": {**RIGHT, "city": "Boston"},
    "one that is missing": {name: RIGHT[name] for name in RIGHT if name != "days"},
    "one that nobody asked for": {**RIGHT, "colour": "red"},
    "true for a number": {**RIGHT, "days": True},
    "a wrong value inside": {**RIGHT, "filter": {"kind": "closed"}},
    "a list in another order": {**RIGHT, "points": [2, 1]},
}


def case_of(**accepted: Any) -> Case:
    return Case("0-fits", "fits", "…", [SEND], SEND.slug, accepted)


@pytest.mark.parametrize("more", [{}, {"ratio": 0.5}, {"city": "NYC"}])
def test_accepted_values_are_right_however_they_are_spelled(more: dict[str, Any]) -> None:
    assert accepts(case_of(**ACCEPTED), {**RIGHT, **more})


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG.keys())
def test_others_are_not(arguments: dict[str, Any]) -> None:
    assert not accepts(case_of(**ACCEPTED), arguments)


def test_a_valid_action_calls_an_offered_tool_with_arguments_that_fit_its_schema() -> None:
    case = case_of()
    assert is_valid(Action(SEND.slug, MAIL), case)
    assert not is_valid(Action(SEND.slug, {}), case)
    assert not is_valid(Action(SEND.slug), case)
    assert not is_valid(Action("another", MAIL), case)


@pytest.mark.skipif(not DATA.exists(), reason="the data to measure with is not here")
async def test_what_does_not_fit_is_unlike_every_tool_that_does() -> None:
    cases = await load_cases("dev", 6)
    embedder = MiniLM()
    assert [case.fit for case in cases] == ["fits", "near", "far"] * 6
    for fits, *strange in zip(cases[::3], cases[1::3], cases[2::3], strict=True):
        assert fits.gold in [tool.slug for tool in fits.tools]
        own = await embedder.embed([purpose(tool) for tool in fits.tools])
        for case in strange:
            assert case.request == fits.request
            assert case.gold is None
            assert (len(case.tools) > 1) is (len(fits.tools) > 1)
            others = await embedder.embed([purpose(tool) for tool in case.tools])
            assert (others @ own.T).max() < SAME_PURPOSE
