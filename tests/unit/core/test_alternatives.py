"""Lists in errors: what would have been right becomes a choice."""

from __future__ import annotations

import pytest

from nexus.core.alternatives import alternatives_in, named_in, with_alternatives, with_demands
from nexus.core.simple_schema import simplified

NOTE = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
ISSUE = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "labels": {"type": "array", "items": {"type": "string"}},
        "size": {"type": "string", "maxLength": 2},
    },
    "required": ["title"],
}


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ("no note is called 'guest'; the notes are design-review, offsite-ideas, wifi.", 3),
        ("labels.0: Input should be 'bug', 'enhancement' or 'question'", 3),
        ("'urgent' is not one of ['low', 'high']", 2),
        ("it must not be one of 'a', 'b'", 0),
        ("priority must be one of: low, medium, high", 3),
        ("Allowed values: `open`|`closed`", 2),
        ('state: expected one of "open", "closed", or "all"', 3),
        ("Following fields are missing: {'subject', 'body'}", 0),
        ("it must not be of 'a' or 'b'", 0),
        ("There is no mail 7.", 0),
        ("", 0),
    ],
)
def test_the_values_that_an_error_names_as_possible_are_found(error: str, named: int):
    assert len(alternatives_in(error)) == named


def test_a_refused_text_that_the_error_repeats_becomes_a_choice():
    error = "no note is called 'guest'; the notes are reading, wifi."
    schema = with_alternatives(simplified(NOTE), {"name": "guest"}, error).schema
    assert schema["properties"]["name"] == {"enum": ["reading", "wifi"]}


def test_the_items_of_a_list_become_a_choice_if_the_error_names_the_parameter():
    error = "labels.0: Input should be 'bug', 'enhancement' or 'question'"
    refused = {"title": "Login loops", "labels": ["defect"]}
    properties = with_alternatives(simplified(ISSUE), refused, error).schema["properties"]
    assert properties["labels"]["items"] == {"enum": ["bug", "enhancement", "question"]}
    assert properties["labels"]["maxItems"] == 1
    assert properties["title"]["type"] == "string"


def test_only_what_the_tool_takes_is_offered():
    error = "size: should be 'S', 'XL' or 'enormous'"
    properties = with_alternatives(simplified(ISSUE), {"size": "big"}, error).schema["properties"]
    assert properties["size"]["enum"] == ["S", "XL"]


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        ({"title": "x"}, "labels: should be 'bug' or 'question'"),
        ({"labels": ["bug"]}, "labels: should be 'bug' or 'question'"),
        ({"title": "x"}, "Something went wrong."),
        ({"title": 7}, "title: should be 'a' or 'b'"),
    ],
)
def test_what_was_not_refused_stays_as_it_is(refused: dict[str, object], error: str):
    simple = simplified(ISSUE)
    assert with_alternatives(simple, refused, error).schema == simple.schema


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        ({"title": "x"}, "Following fields are missing: {'labels'}"),
        ({"title": "x", "labels": []}, "Error in $.labels: [] should be non-empty"),
        ({"title": "x", "labels": None}, "labels must not be null"),
    ],
)
def test_what_an_error_names_and_the_arguments_lacked_has_to_be_given(refused: dict[str, object], error: str):
    schema = with_demands(simplified(ISSUE), refused, error).schema
    assert schema["required"] == ["title", "labels"]
    assert schema["properties"]["labels"]["minItems"] == 1


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        ({"title": "x", "labels": ["a"]}, "labels: too many"),
        ({"title": "x"}, "The title is too short"),
        ({"title": "x"}, "relabels is missing"),
    ],
)
def test_what_was_given_or_is_not_named_stays_an_option(refused: dict[str, object], error: str):
    simple = simplified(ISSUE)
    assert with_demands(simple, refused, error).schema == simple.schema


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ("Error in $.channel: 'general' does not match '^C'", "channel"),
        ("There is no 'general'", "channel"),
        ("Something went wrong.", None),
    ],
)
def test_an_error_is_about_the_argument_that_it_names_or_whose_value_it_repeats(
    error: str, named: str | None
):
    assert named_in(error, {"text": "Lunch", "channel": "general"}) == named
