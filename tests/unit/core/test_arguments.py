"""Arguments against a tool's schema: what the model is shown, and what it is told when they do not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nexus.core.arguments import MAX_OPTIONAL, check_arguments, schema_for_model, without_examples
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


def test_the_model_gets_what_is_required_first_few_options_and_no_noise() -> None:
    names = [f"p{number}" for number in range(MAX_OPTIONAL + 4)]
    schema = schema_for_model(
        {
            "$schema": "x",
            "properties": {name: {"type": "string", "title": "T", "default": "d"} for name in names},
            "required": ["p11", "p10", "not there"],
        }
    )
    assert list(schema["properties"]) == ["p11", "p10", *names[:MAX_OPTIONAL]]
    assert schema["required"] == ["p11", "p10"]
    assert schema["properties"]["p0"] == {"type": "string"}
    assert schema["additionalProperties"] is False


def test_a_property_named_like_a_keyword_is_kept() -> None:
    inner = {"type": "object", "properties": {"title": {"type": "string", "title": "T"}, "default": {}}}
    schema = schema_for_model(
        {"properties": {"title": inner, "list": {"anyOf": [{"title": "x"}, {"enum": [1]}]}}}
    )
    assert schema["properties"]["title"]["properties"] == {"title": {"type": "string"}, "default": {}}
    assert schema["properties"]["list"] == {"anyOf": [{}, {"enum": [1]}]}


def test_a_tool_without_parameters_takes_an_empty_object() -> None:
    empty = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert schema_for_model({"type": "object"}) == empty


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("Who gets it", "Who gets it"),
        ("Who gets it, e.g. ana@example.com", "Who gets it"),
        ("When, e.g. 2026-05-01", "When as YYYY-MM-DD"),
        ("When, e.g. 2026-05-01T09:00", "When as YYYY-MM-DDTHH:MM"),
    ],
)
def test_examples_are_kept_from_the_model_but_for_the_pattern_of_a_date(description: str, shown: str) -> None:
    assert without_examples(description) == shown
