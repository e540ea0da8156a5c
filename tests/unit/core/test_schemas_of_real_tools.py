"""Whatever the grammar lets a model write for a real tool fits that tool's own schema, once mapped back."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nexus.core.arguments import check_arguments
from nexus.core.known_values import with_known_values
from nexus.core.origin import Source
from nexus.core.simple_schema import MAX_OPTIONAL, simplified
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid
from tests.schema_values import values

CATALOGUE = Path(__file__).parents[4] / "shared" / "data" / "composio" / "catalog.jsonl"
REQUEST = "Mail ana@example.com about issue 42, the file 1a2B3c4D5e and https://example.org/x by Friday"
RESULT = '{"items": [{"id": "18f3a0c2", "threadId": "7b"}, {"id": 12}]}'
SOURCES = [Source("user", REQUEST), Source("tool:app_list_items", RESULT)]

pytestmark = pytest.mark.skipif(not CATALOGUE.is_file(), reason="the catalogue to test with is not here")


@cache
def catalogue() -> list[ToolSpec]:
    """The tools of the catalogue whose parameters are described; the others have only names and types."""
    lines = CATALOGUE.read_text(encoding="utf-8").splitlines()
    described = (line for line in lines if '"description"' in line.partition('"input_parameters"')[2])
    return [_spec(json.loads(line)) for line in described]


def _spec(tool: dict[str, Any]) -> ToolSpec:
    parameters = {"type": "object", **tool["input_parameters"]}
    return ToolSpec(tool["slug"], tool["toolkit"], tool["name"], tool["description"], parameters)


@given(st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_the_grammar_allows_fits_the_tools_own_schema(data: st.DataObject) -> None:
    spec = data.draw(st.sampled_from(catalogue()))
    simple = simplified(spec.parameters, REQUEST)
    written = data.draw(values(simple.schema))
    arguments = simple.restore(written)
    check_arguments(spec, arguments)
    assert simple.flat(arguments) == written


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_choice_of_known_values_fits_the_tools_own_schema(data: st.DataObject) -> None:
    spec = data.draw(st.sampled_from(catalogue()))
    try:
        simple = with_known_values(simplified(spec.parameters, REQUEST), SOURCES, spec.slug)
    except ArgumentsInvalid:
        return  # it would be looked up first
    check_arguments(spec, simple.restore(data.draw(values(simple.schema))))


def test_every_tool_of_the_catalogue_gets_a_small_schema() -> None:
    for spec in catalogue():
        simple = simplified(spec.parameters)
        optional = simple.schema["properties"].keys() - set(simple.schema["required"])
        assert len(optional) <= MAX_OPTIONAL
        assert "$ref" not in json.dumps(simple.schema)
        assert simple.lost or len(simple.schema["properties"]) >= len(spec.parameters.get("properties", {}))
