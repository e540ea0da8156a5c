"""Options that nobody named are left to the tool; everything that something speaks for stays."""

from __future__ import annotations

from typing import Any

import pytest

from nexus.core.invented import without_invented
from nexus.core.origin import Source

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "team": {"type": "string"},
        "league": {"type": "string", "description": "Name of the league"},
        "system": {"type": "string", "description": "metric or imperial"},
        "unit": {"type": "string"},
        "rounding": {"type": "integer"},
        "capacity": {"type": "number"},
        "minutes": {"type": "integer", "description": "How many minutes it takes"},
        "detail": {"enum": ["basic", "full"]},
        "labels": {"type": "array", "items": {"type": "string"}},
        "note": {"type": "string"},
        "place": {"type": "string"},
        "is_public": {"type": "boolean"},
        "start": {"type": "string"},
    },
    "required": ["team"],
}


def kept(request: str, *results: str, **options: Any) -> dict[str, Any]:
    sources = [Source("user", request), *(Source("tool:find", text) for text in results)]
    return without_invented({"team": "Whoever", **options}, SCHEMA, sources, request)


@pytest.mark.parametrize(
    "invented",
    [{"league": "Premier League"}, {"rounding": 2}, {"labels": ["urgent"]}, {"unit": "miles"}],
    ids=str,
)
def test_an_option_that_nothing_speaks_for_is_left_out(invented: dict[str, Any]):
    assert kept("How many goals did he score for Barcelona?", **invented) == {"team": "Whoever"}


@pytest.mark.parametrize(
    ("request_", "option"),
    [
        ("in the Premier League", {"league": "Premier League"}),
        ("70 kg and 180 cm", {"system": "metric"}),
        ("the distance in km", {"unit": "kilometers"}),
        ("rounded to 2 digits", {"rounding": 2}),
        ("with two digits", {"rounding": 2}),
        ("a capacity of 100µF", {"capacity": 0.0001}),
        ("it takes half an hour", {"minutes": 30}),
        ("whatever", {"detail": "full"}),
        ("an urgent one", {"labels": ["urgent", "bug"]}),
        ("whatever", {"labels": []}),
        ("whatever", {"note": "Hello"}),
        ("whatever", {"place": "The room beside the kitchen"}),
        ("whatever", {"is_public": False}),
        ("on Friday", {"start": "2026-11-27T09:00"}),
    ],
    ids=str,
)
def test_an_option_that_something_speaks_for_stays(request_: str, option: dict[str, Any]):
    assert kept(request_, **option) == {"team": "Whoever", **option}


def test_a_result_speaks_for_an_option_too():
    assert kept("his goals", "He plays in the Serie A", league="Serie A")["league"] == "Serie A"


def test_what_is_required_stays():
    assert kept("anything") == {"team": "Whoever"}
