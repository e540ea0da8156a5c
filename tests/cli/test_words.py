"""What a person reads: nothing hidden, nothing left out, nothing that looks like something else."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.cli.editing import as_text, assigned, from_text, is_plain_text, takes_text
from nexus.cli.rendering import line_of
from nexus.cli.words import call_in_words, one_line, rows, size_in_words, value_in_words
from nexus.errors import ArgumentsInvalid

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_each_value_has_its_origin() -> None:
    shown = rows(
        {"to": ["a@x.org", "b@x.org"], "subject": "Hi", "when": {"day": "Friday"}},
        {"/to/0": "user", "/to/1": "tool:desk_find", "/subject": "model", "/when/day": "approver"},
    )
    assert [(row.name, row.value, row.origin) for row in shown] == [
        ("to.0", "a@x.org", "you"),
        ("to.1", "b@x.org", "result of desk_find"),
        ("subject", "Hi", "the model"),
        ("when.day", "Friday", "you, edited"),
    ]


def test_a_list_of_one_origin_stays_in_one_piece() -> None:
    (row,) = rows({"to": ["a@x.org", "b@x.org"]}, {"/to/0": "user", "/to/1": "user"})
    assert (row.value, row.origin) == ('["a@x.org", "b@x.org"]', "you")


@pytest.mark.parametrize("value", ["5", "true", "null", "", " x", '{"a": 1}', "[]"])
def test_a_text_that_looks_like_something_else_stands_in_quotes(value: str) -> None:
    assert value_in_words(value).startswith('"')


def test_empty_containers_and_nothing_are_shown() -> None:
    assert [(row.name, row.value) for row in rows({"a": [], "b": {}, "c": None}, {})] == [
        ("a", "[]"),
        ("b", "{}"),
        ("c", "null"),
    ]


@given(JSON)
def test_whatever_the_value_it_has_a_row_without_control_characters(value: Any) -> None:
    shown = rows({"value": value}, {})
    assert shown
    assert not any(
        unicodedata.category(letter) in HIDDEN and letter not in "\n\t"
        for row in shown
        for letter in row.value
    )


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1


def test_a_call_is_cut_and_says_so() -> None:
    assert call_in_words("send", {"body": "x" * 1000}, limit=40).endswith("…")


@pytest.mark.parametrize(
    "event",
    [
        {"event": "shortlist", "tools": [{"slug": "\x1b[31mred"}]},
        {"event": "recalled", "memories": [{"text": "\x1b[31mred"}]},
        {"event": "remembered", "memories": [{"text": "\x1b[31mred"}], "pending": True},
        {"event": "thought", "text": "\x1b[31mred"},
        {"event": "call", "tool": "\x1b[31mred", "arguments": {"a": "\x1b"}},
        {"event": "correction", "tool": "t", "problem": "\x1b[31mred"},
        {"event": "decided", "state": "approved", "by": "\x1b[31mred"},
        {"event": "observation", "outcome": "done", "text": "\x1b[31mred"},
        {"event": "answer", "text": "\x1b[31mred"},
    ],
)
def test_no_event_brings_an_escape_to_the_terminal(event: dict[str, Any]) -> None:
    line = line_of(event)
    assert line
    assert "\x1b" not in line.text


def test_an_event_nobody_knows_says_nothing() -> None:
    assert line_of({"event": "new"}) is None


@given(JSON)
def test_what_is_edited_and_left_alone_stays_what_it_was(value: Any) -> None:
    for schema in ({"type": "string"}, {"type": "integer"}, {}):
        if value is None or (isinstance(value, str) and not takes_text(schema)):
            continue
        text = as_text(value, schema)
        assert from_text("value", text, plain=is_plain_text(value, schema)) == value


def test_a_text_that_hides_something_is_edited_spelled_out() -> None:
    assert not is_plain_text("a\u202eb", {"type": "string"})
    assert as_text("a\u202eb", {"type": "string"}) == '"a\\u202eb"'


def test_an_assignment_is_text_where_the_tool_takes_text() -> None:
    parameters = {"properties": {"to": {"type": "string"}, "copies": {"type": "integer"}}}
    assert assigned("to=5", parameters) == ("to", "5")
    assert assigned("copies=5", parameters) == ("copies", 5)
    with pytest.raises(ArgumentsInvalid, match="copies"):
        assigned("copies=five", parameters)


def test_sizes_are_short() -> None:
    assert [size_in_words(size) for size in (12, 1 << 10, 491_400_064, 1 << 32)] == [
        "12 bytes",
        "1 KiB",
        "468.6 MiB",
        "4 GiB",
    ]
