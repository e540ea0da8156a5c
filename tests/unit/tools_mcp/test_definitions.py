"""A server's own words become names, hints and texts that cannot hide anything."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import MCPError
from mcp import types as wire

from nexus.errors import ArgumentsInvalid, NexusError, NotFound, NotSent, OutcomeUnknown, Refused
from nexus.tools.mcp.definitions import LONGEST_SLUG, Definition, hints_of, slug_of, spec_of
from nexus.tools.mcp.results import failure_of, result_of


def spec(**facts: Any) -> Any:
    every: dict[str, Any] = {
        "title": None,
        "description": "d",
        "parameters": {"type": "object"},
        "annotations": None,
    }
    return spec_of("fs", Definition("read_file", every | facts), is_accepted=True)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("read_file", "fs_read_file"), ("read-File2", "fs_read-File2")],
)
def test_a_plain_name_is_kept(name: str, slug: str):
    assert slug_of("fs", name) == slug


def test_names_that_have_to_be_changed_stay_apart():
    hostile = ["a.b", "a/b", "a_b", "a b", "a\nb", "x" * 200, "x" * 201, "ü"]
    slugs = [slug_of("fs", name) for name in hostile]
    assert len(set(slugs)) == len(hostile)
    assert all(len(slug) <= LONGEST_SLUG and slug.isascii() for slug in slugs)


@pytest.mark.parametrize(
    ("annotations", "hints"),
    [
        (None, set()),
        ({}, {"destructiveHint", "openWorldHint"}),
        ({"readOnlyHint": True}, {"readOnlyHint", "openWorldHint"}),
        ({"readOnlyHint": True, "openWorldHint": False}, {"readOnlyHint"}),
        ({"readOnlyHint": False, "destructiveHint": False, "openWorldHint": False}, {"createHint"}),
        (
            {"readOnlyHint": False, "idempotentHint": True, "openWorldHint": False},
            {"destructiveHint", "idempotentHint"},
        ),
    ],
)
def test_what_annotations_leave_out_is_what_the_protocol_says(annotations: Any, hints: set[str]):
    assert hints_of(annotations) == hints


def test_hidden_characters_are_spelled_out_wherever_a_server_can_put_them():
    told = spec(
        title="Read\u202e a\nfile",
        description="Reads.\u200b\U000e0041",
        parameters={"type": "object", "properties": {"p": {"type": "string", "description": "a\u2066b"}}},
    )
    assert told.title == r"Read\u{202e} a file"
    assert told.description == r"Reads.\u{200b}\u{e0041}"
    assert told.parameters["properties"]["p"]["description"] == r"a\u{2066}b"


def test_a_name_in_words_stands_in_for_a_missing_title():
    assert spec().title == "read file"


def answer(*texts: str, structured: Any = None, **facts: Any) -> wire.CallToolResult:
    content: Any = [wire.TextContent(type="text", text=text) for text in texts]
    return wire.CallToolResult(content=content, structured_content=structured, **facts)


@pytest.mark.parametrize(
    ("texts", "structured", "shown"),
    [
        (["one", "two"], None, "one\ntwo"),
        ([], {"n": 3}, '{"n":3}'),
        (["3 found"], {"n": 3}, '3 found\n{"n":3}'),
        (['{"n": 3}'], {"n": 3}, '{"n": 3}'),
        (["3"], {"result": 3}, "3"),
        (["three"], {"content": "three"}, "three"),
        (["1", "2"], {"result": [1, 2]}, "1\n2"),
    ],
)
def test_structured_results_are_shown_once(texts: list[str], structured: Any, shown: str):
    assert result_of(answer(*texts, structured=structured)).text == shown


@pytest.mark.parametrize(
    "said",
    [
        "MCP error -32602: Input validation error: Invalid arguments for tool read_file",
        "Error executing tool send: 1 validation error for sendArguments",
    ],
)
def test_complaints_about_arguments_are_told_from_failures(said: str):
    with pytest.raises(ArgumentsInvalid):
        result_of(answer(said, is_error=True))


@pytest.mark.parametrize(
    ("code", "fate", "means"),
    [
        (wire.INVALID_PARAMS, None, ArgumentsInvalid),
        (wire.METHOD_NOT_FOUND, None, NotFound),
        (wire.INTERNAL_ERROR, None, OutcomeUnknown),
        (wire.CONNECTION_CLOSED, None, OutcomeUnknown),
        (wire.CONNECTION_CLOSED, "lost", OutcomeUnknown),
        (wire.CONNECTION_CLOSED, "not sent", NotSent),
        (wire.CONNECTION_CLOSED, "refused", Refused),
        (-1, None, OutcomeUnknown),
    ],
)
def test_only_what_is_known_is_said_of_a_failed_request(code: int, fate: Any, means: type[NexusError]):
    assert type(failure_of(MCPError(code, "why"), fate, "fs")) is means
