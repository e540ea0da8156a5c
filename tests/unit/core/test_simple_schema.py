"""A tool's parameters as a small model gets them, and the exact way back."""

from __future__ import annotations

from typing import Any

import pytest

from nexus.core.schema_text import schema_text
from nexus.core.simple_schema import MAX_ITEMS, MAX_OPTIONAL, simplified, without_examples

TEXT = {"type": "string"}


def schema(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    """An object schema."""
    return {"type": "object", "properties": properties, "required": list(required), **more}


EVENT = schema(
    {
        "calendar": TEXT,
        "event": schema({"start": schema({"date": TEXT}, "date"), "title": TEXT}, "start"),
    },
    "event",
)


def test_what_is_required_comes_first_then_a_few_options_without_noise() -> None:
    names = [f"p{number}" for number in range(MAX_OPTIONAL + 4)]
    noisy = {**TEXT, "title": "T", "default": "d", "examples": ["e"], "nullable": True}
    simple = simplified(schema(dict.fromkeys(names, noisy), "p11", "p10"))
    assert list(simple.schema["properties"]) == ["p11", "p10", *names[:MAX_OPTIONAL]]
    assert simple.schema["required"] == ["p11", "p10"]
    assert simple.schema["properties"]["p0"] == TEXT
    assert simple.schema["additionalProperties"] is False
    assert simple.lost == ("/p8: optional", "/p9: optional")


@pytest.mark.parametrize(
    ("required", "subject", "is_written"),
    [(("to", "body"), TEXT, True), (("to",), TEXT, False), (("to", "body"), {"type": "integer"}, False)],
    ids=["a message", "no text", "no words"],
)
def test_a_message_with_a_text_gets_a_subject(
    required: tuple[str, ...], subject: dict[str, Any], *, is_written: bool
) -> None:
    message = schema({"subject": subject, "to": TEXT, "body": TEXT}, *required)
    assert ("subject" in simplified(message).schema["required"]) is is_written


def test_options_that_the_request_mentions_are_among_the_few() -> None:
    names = [f"p{number}" for number in range(MAX_OPTIONAL + 4)]
    parameters = schema(
        {**dict.fromkeys(names, TEXT), "dueDate": TEXT, "x": {**TEXT, "description": "a colour"}}
    )
    offered = simplified(parameters, "Paint it in a warm colour, due Friday").schema["properties"]
    assert {"dueDate", "x"} <= offered.keys()
    assert len(offered) == MAX_OPTIONAL


def test_objects_inside_are_opened_and_put_together_again() -> None:
    simple = simplified(EVENT)
    assert simple.schema["properties"] == {"event_start_date": TEXT, "calendar": TEXT, "event_title": TEXT}
    assert simple.schema["required"] == ["event_start_date"]
    written = {"event_start_date": "2026-11-27", "event_title": "Lunch", "calendar": "home"}
    arguments = {"event": {"start": {"date": "2026-11-27"}, "title": "Lunch"}, "calendar": "home"}
    assert simple.restore(written) == arguments
    assert simple.flat(arguments) == written


def test_an_object_that_is_required_is_there_even_if_nothing_is_in_it() -> None:
    assert simplified(schema({"options": schema({"a": TEXT})}, "options")).restore({}) == {"options": {}}
    assert simplified(schema({"options": schema({"a": TEXT})})).restore({}) == {}


def test_an_optional_object_that_requires_something_stays_closed() -> None:
    author = schema({"name": TEXT, "email": TEXT}, "name")
    simple = simplified(schema({"author": author}))
    assert simple.schema["properties"]["author"]["required"] == ["name"]
    assert simple.restore({"author": {"name": "Ana"}}) == {"author": {"name": "Ana"}}


def test_an_object_stays_closed_if_its_values_would_get_the_names_of_others() -> None:
    simple = simplified(schema({"event": schema({"start": TEXT}), "event_start": TEXT}))
    assert list(simple.schema["properties"]) == ["event", "event_start"]


def test_references_are_written_out() -> None:
    parameters = {
        **schema({"to": {"$ref": "#/$defs/Person", "description": "Who gets it"}}, "to"),
        "$defs": {"Person": schema({"name": TEXT}, "name")},
    }
    assert simplified(parameters).schema["properties"] == {"to_name": TEXT}


def test_what_contains_itself_ends_where_it_may() -> None:
    node = schema({"value": TEXT, "next": {"$ref": "#/$defs/Node"}}, "value")
    simple = simplified({**schema({"list": {"$ref": "#/$defs/Node"}}, "list"), "$defs": {"Node": node}})
    assert simple.schema["properties"] == {"list_value": TEXT}
    assert any("no finite form" in each for each in simple.lost)


@pytest.mark.parametrize(
    ("several", "one"),
    [
        ({"anyOf": [{"type": "null"}, TEXT]}, TEXT),
        ({"type": ["null", "integer"]}, {"type": "integer"}),
        ({"type": ["integer", "string"]}, TEXT),
        ({"oneOf": [schema({"a": TEXT}), TEXT]}, TEXT),
        ({"anyOf": [{"const": "a"}, {"enum": ["b", None]}]}, {"enum": ["a", "b"]}),
        ({"const": 3}, {"enum": [3]}),
        ({"allOf": [{"type": "integer", "minimum": 1}, {"maximum": 9, "minimum": 0}]}, None),
        ({}, TEXT),
        ({"type": "string", "pattern": "^(?:top|bottom)$"}, {"enum": ["top", "bottom"]}),
        ({"type": "string", "pattern": "^(?!x)"}, TEXT),
        ({"type": "array"}, {"type": "array", "items": TEXT, "maxItems": MAX_ITEMS}),
        ({"type": "array", "minItems": 30}, {"type": "array", "items": TEXT, "minItems": 30, "maxItems": 30}),
    ],
)
def test_of_several_forms_one_that_is_easy_to_write_is_taken(several: Any, one: Any) -> None:
    found = simplified(schema({"x": several}, "x")).schema["properties"]["x"]
    assert found == (one or {"type": "integer", "minimum": 1, "maximum": 9})


def test_of_two_sets_of_required_parameters_the_mentioned_one_is_taken() -> None:
    parameters = schema(
        {"email": TEXT, "phone": TEXT}, anyOf=[{"required": ["email"]}, {"required": ["phone"]}]
    )
    assert simplified(parameters, "call this phone").schema["required"] == ["phone"]
    assert simplified(parameters, "write").schema["required"] == ["email"]


def test_an_object_of_any_shape_is_offered_only_if_the_tool_requires_it() -> None:
    free = {"type": "object", "additionalProperties": TEXT}
    simple = simplified(schema({"labels": free, "extra": {"type": "object"}}, "labels"))
    assert simple.schema["properties"] == {"labels": free}
    assert simple.lost == ("/extra: optional",)


def test_a_tool_without_parameters_takes_an_empty_object() -> None:
    empty = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert simplified({"type": "object"}).schema == empty


def test_a_schema_is_told_as_a_declaration() -> None:
    item = schema({"name": {**TEXT, "description": "what"}, "count": {"type": "integer"}}, "name")
    parameters = schema(
        {
            "to": {"type": "array", "items": TEXT, "description": "Who gets it,\n e.g. Ana"},
            "items": {"type": "array", "items": item},
            "kind": {"enum": ["a", "b"]},
            "size": {"type": "integer", "minimum": 1, "maximum": 9},
        },
        "to",
    )
    assert schema_text(simplified(parameters).schema).split("\n") == [
        "to: string[] // Who gets it",
        "items?: {name: string /* what */; count?: integer}[]",
        'kind?: "a" | "b"',
        "size?: integer (1 to 9)",
    ]


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
