"""The check of an answer, and the grammar it is asked for with."""

from __future__ import annotations

import json

import pytest

from nexus.errors import OutputInvalid
from nexus.models.constrained import check_schema, llguidance_grammar, parse_output

NESTED = {
    "type": "object",
    "properties": {"to": {"type": "array", "items": {"type": "string", "pattern": "^(?!x)"}}},
    "required": ["to"],
}


def test_a_fitting_answer_is_its_value():
    assert parse_output('{"to": ["a", "b"]}', NESTED) == {"to": ["a", "b"]}


def test_the_error_names_the_path_of_the_worst_fault():
    with pytest.raises(OutputInvalid, match=r"/to/1"):
        parse_output('{"to": ["a", 2]}', NESTED)


def test_a_schema_that_refers_to_a_url_is_an_error_and_nothing_is_fetched():
    with pytest.raises(OutputInvalid, match="refers to"):
        parse_output("{}", {"$ref": "http://127.0.0.1:9/schema.json"})


def test_a_schema_that_refers_to_itself_ends():
    with pytest.raises(OutputInvalid):
        parse_output("{}", {"$ref": "#"})


def test_what_is_no_schema_is_refused():
    with pytest.raises(OutputInvalid, match="/properties/a/type"):
        check_schema({"properties": {"a": {"type": "text"}}})


def test_a_grammar_keeps_the_order_and_leaves_out_patterns_it_cannot_follow():
    followed = json.loads(
        llguidance_grammar({**NESTED, "properties": {"z": {}, **NESTED["properties"]}}).split("%json ")[1]
    )
    assert list(followed["properties"]) == ["z", "to"]
    assert followed["properties"]["to"]["items"] == {"type": "string"}


def test_a_property_called_pattern_stays():
    schema = {"type": "object", "properties": {"pattern": {"type": "string", "pattern": "^a$"}}}
    followed = json.loads(llguidance_grammar(schema).split("%json ")[1])
    assert followed["properties"] == schema["properties"]
