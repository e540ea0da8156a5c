"""A call as people read it: whatever it looks like, every value is there once, with where it came from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.core.reading import Line, Reading, reading
from nexus.core.shown import WHOLE, rows

ORIGINS = {"/to": "user", "/subject": "model", "/body": "tool:read"}


def lines(found: Reading) -> list[Line]:
    """Every line of it."""
    return [each for each in (found.heading, found.text, *found.lines, *found.rest) if each]


def read(tool: str, **arguments: Any) -> Reading:
    return reading(tool, arguments, ORIGINS, limit=WHOLE)


def test_a_mail_looks_like_a_mail_whatever_its_arguments_are_called():
    for to, text in (("to", "body"), ("recipient_email", "message_body"), ("to_recipients", "content")):
        found = read("x", **{text: "Hello", "subject": "Hi", to: "ana@example.com", "is_html": False})
        assert found.kind == "mail"
        assert [(line.label, line.row.value) for line in found.lines] == [("To", "ana@example.com")]
        assert found.heading
        assert found.heading.row.value == "Hi"
        assert found.text
        assert found.text.row.value == "Hello"
        assert [(line.label, line.row.value) for line in found.rest] == [("is_html", "false")]


def test_an_issue_and_an_event_look_like_what_they_are():
    issue = read("GITHUB_CREATE_AN_ISSUE", owner="acme", repo="web", title="Login loops", body="It loops.")
    assert (issue.kind, [line.label for line in issue.lines]) == ("issue", ["Owner", "Repository"])
    event = read("add", summary="Review", start_datetime="2026-12-01T15:00", attendees=["a@b.c"], zone="x")
    assert (event.kind, [line.label for line in event.lines]) == ("event", ["Starts", "Guests"])
    assert read("add_task", title="Call Priya", due="2026-12-01").kind == "fields"


def test_each_guest_of_a_list_is_shown_by_itself():
    """One whose name looks like two is one."""
    (line,) = read("send", to=["a@b.c", "d@e.f, g@h.i"], body="x").lines
    assert line.items == ("a@b.c", "d@e.f, g@h.i")
    (mixed,) = read("send", to=["a@b.c", 5], body="x").lines
    assert mixed.items == ()


def test_a_name_that_only_begins_like_another_is_shown_as_what_it_is():
    """`to.x` is no part of `to`: whoever made that tool does not choose what people take it for."""
    found = read("send", **{"to": {"name": "Ana"}, "to.name": "eve@example.com", "body": "x"})
    assert [line.label for line in found.lines] == ["To (to.name)"]
    assert [(line.label, line.row.value) for line in found.rest] == [("to.name", "eve@example.com")]


_NAMES = st.sampled_from(
    ["to", "To", "subject", "body", "title", "start", "description", "to.0", "x", "message"]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(_NAMES, _VALUES, max_size=6), st.sampled_from(["send", "create_issue"]))
def test_nothing_is_left_out_and_nothing_is_there_twice(arguments: dict[str, Any], tool: str):
    shown = [line.row for line in lines(reading(tool, arguments, ORIGINS, limit=WHOLE))]
    assert sorted(shown, key=repr) == sorted(rows(arguments, ORIGINS, limit=WHOLE), key=repr)


@pytest.mark.parametrize("items", [[], ["x" * 50, "y" * 60]])
def test_a_list_that_is_too_long_or_empty_is_shown_as_it_is_everywhere(items: list[str]):
    found = reading("send", {"to": items, "body": "x"}, ORIGINS, limit=100)
    assert found.lines[0].items == ()
