"""Arguments against a tool's schema: what the model is told when they do not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nexus.core.arguments import check_arguments
from nexus.errors import ArgumentsInvalid
from tests.world import SEND

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "description": "an e-mail address"},
        "when": {"enum": ["now", "later"]},
        "count": {"type": "integer", "minimum": 1},
        "people": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["to"],
    "additionalProperties": False,
}
TOOL = replace(SEND, parameters=PARAMETERS)

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({}, "arguments: to is missing"),
    "wrong type": ({"to": 7}, "to: 7 is not of type string Expected: an e-mail address"),
    "unknown": (
        {"to": "a", "cc": "b"},
        r"arguments: Additional properties are not allowed \('cc' was unexpected\)",
    ),
    "not one of": ({"to": "a", "when": "soon"}, r"when: 'soon' is not one of \['now', 'later'\]"),
    "too small": ({"to": "a", "count": 0}, r"count: 0 does not fit \(minimum: 1\)"),
    "deep inside": ({"to": "a", "people": ["b", 3]}, "people.1: 3 is not of type string"),
    "long": ({"to": ["x" * 500]}, "to: .{80}… is not of type string"),
    "not a number": ({"to": "a", "count": float("nan")}, "/count: is not a finite number"),
}


@pytest.mark.parametrize(("arguments", "problem"), WRONG.values(), ids=WRONG.keys())
def test_what_does_not_fit_is_told_with_the_field_and_what_is_expected(
    arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ArgumentsInvalid, match=problem):
        check_arguments(TOOL, arguments)


def test_what_fits_is_taken() -> None:
    check_arguments(TOOL, {"to": "a", "when": "now", "count": 1, "people": []})


def test_a_schema_that_no_object_fits_is_told_as_such() -> None:
    with pytest.raises(ArgumentsInvalid, match="does not fit"):
        check_arguments(replace(SEND, parameters={"type": "object", "properties": {"to": False}}), {"to": 1})
    with pytest.raises(ArgumentsInvalid, match="to is missing"):
        check_arguments(replace(SEND, parameters={"allOf": [{"required": ["to"]}]}), {})
