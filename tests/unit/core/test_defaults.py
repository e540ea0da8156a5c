"""What a tool would fill in by itself is filled in before a person is asked."""

from __future__ import annotations

from typing import Any

import pytest

from nexus.core.arguments import check_arguments
from nexus.core.defaults import told_defaults, with_defaults
from nexus.core.tool import ToolSpec

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "max_results": {"type": "integer", "default": 1},
        "cc": {"type": "array", "items": {"type": "string"}, "default": []},
        "is_html": {"type": "boolean", "default": False},
        "label": {"type": "string", "nullable": True, "default": None},
        "state": {"enum": ["open", "closed"], "default": "any"},
        "kind": {"$ref": "#/$defs/kind", "default": "note"},
        "page": {"type": "object", "properties": {"size": {"type": "integer", "default": 20}}},
    },
    "required": ["query"],
    "$defs": {"kind": {"enum": ["note", "task"]}},
}


def test_what_is_left_out_gets_its_default_and_what_is_given_stays():
    filled = with_defaults(SCHEMA, {"query": "bugs", "is_html": True})
    assert filled == {"query": "bugs", "is_html": True, "max_results": 1, "cc": [], "kind": "note"}
    check_arguments(ToolSpec("t", "t", "t", "", SCHEMA), filled)


def test_objects_that_are_given_are_filled_and_none_is_made_up():
    assert with_defaults(SCHEMA, {"query": "x", "page": {}})["page"] == {"size": 20}
    assert "page" not in with_defaults(SCHEMA, {"query": "x"})


def test_neither_the_schema_nor_the_arguments_are_changed():
    arguments: dict[str, Any] = {"query": "x"}
    with_defaults(SCHEMA, arguments)["cc"].append("y")
    assert arguments == {"query": "x"}
    assert SCHEMA["properties"]["cc"]["default"] == []


@pytest.mark.parametrize("parameters", [{"type": "object"}, {"type": "object", "properties": {"a": True}}])
def test_a_schema_without_defaults_adds_nothing(parameters: dict[str, Any]):
    assert with_defaults(parameters, {"a": 1}) == {"a": 1}


def test_a_person_is_told_which_values_are_but_defaults():
    arguments = with_defaults(SCHEMA, {"query": "bugs", "page": {}, "is_html": True})
    known = {
        "/query": "user",
        "/is_html": "model",
        "/max_results": "model",
        "/kind": "model",
        "/page/size": "user",
    }
    assert told_defaults(SCHEMA, arguments, known) == {
        "/query": "user",
        "/is_html": "model",
        "/max_results": "default",
        "/kind": "default",
        "/page/size": "user",
    }
