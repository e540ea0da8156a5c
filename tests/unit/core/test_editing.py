"""The form of an edit: what is not touched stays exactly what it was; what is typed becomes what it says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.core.editing import Field, edited_arguments, fields_of
from nexus.errors import ArgumentsInvalid

SCHEMA: dict[str, Any] = {
    "properties": {
        "to": {"type": "array", "items": {"type": "string"}},
        "subject": {"type": "string", "description": "Subject line"},
        "body": {"type": ["string", "null"]},
        "count": {"type": "integer"},
        "level": {"enum": ["low", "high", 3]},
        "html": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        "more": {"type": "object"},
    },
    "required": ["to", "subject"],
}


def edit(arguments: dict[str, Any], **typed: str) -> dict[str, Any]:
    """The arguments after what was typed; a browser sends every field of the form."""
    fields = fields_of(SCHEMA, arguments)
    sent = {field.name: field.shown for field in fields} | typed
    return edited_arguments(fields, sent.get)


def widgets(arguments: dict[str, Any]) -> dict[str, str]:
    return {field.name: field.widget for field in fields_of(SCHEMA, arguments)}


def test_each_argument_has_the_widget_that_fits_it():
    assert widgets({}) == {
        "to": "list",
        "subject": "line",
        "body": "text",
        "count": "number",
        "level": "choice",
        "html": "choice",
        "more": "json",
    }
    assert widgets({"subject": "two\nlines", "count": "five", "level": "none", "to": "a"}) == {
        **widgets({}),
        "subject": "text",
        "count": "line",
        "level": "line",
        "to": "line",
    }


@pytest.mark.parametrize("text", ["a\u202eb", "a\x00b", "a\rb", "a\u200bb"])
def test_a_text_that_hides_something_is_edited_spelled_out(text: str):
    (field,) = [each for each in fields_of(SCHEMA, {"subject": text}) if each.name == "subject"]
    assert (field.widget, field.shown.isascii()) == ("json", True)
    assert edit({"subject": text, "to": []}) == {"subject": text, "to": []}


def test_what_is_typed_becomes_a_value_of_its_kind():
    typed = {"to": "a@b.c\n\nd@e.f", "subject": "5", "count": "7", "level": "3", "html": "false"}
    assert edit({"to": ["x"], "subject": "s"}, **typed, more='{"a": 1}') == {
        "to": ["a@b.c", "d@e.f"],
        "subject": "5",
        "count": 7,
        "level": 3,
        "html": False,
        "more": {"a": 1},
    }


def test_an_optional_field_left_empty_is_left_out_and_a_required_text_is_empty():
    assert edit({"to": ["x"], "subject": "s", "body": "b"}, subject="", body="") == {
        "to": ["x"],
        "subject": "",
    }


@pytest.mark.parametrize(("name", "text"), [("count", "many"), ("more", "{"), ("level", "highest")])
def test_what_is_no_value_of_its_kind_is_refused_by_the_name_of_the_field(name: str, text: str):
    with pytest.raises(ArgumentsInvalid) as caught:
        edit({"to": [], "subject": "s"}, **{name: text})
    assert caught.value.field == name


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other", "a.b"]), _VALUES))
def test_an_edit_that_touches_nothing_changes_nothing(arguments: dict[str, Any]):
    """Whatever the values are, and whether or not they fit the schema."""
    after = edit(arguments)
    assert repr(sorted(after.items())) == repr(sorted(arguments.items()))


@given(st.lists(st.text()))
def test_a_list_of_texts_survives_the_text_area_it_is_shown_in(items: list[str]):
    (field,) = [each for each in fields_of(SCHEMA, {"to": items}) if each.name == "to"]
    assert isinstance(field, Field)
    if field.widget == "list":
        assert [line for line in field.shown.split("\n") if line.strip()] == items
