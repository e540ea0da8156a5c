"""Where each value came from: word for word from the user, from a tool's result, or from the model."""

from __future__ import annotations

from typing import Any

import pytest

from nexus.core.origin import Source, origins, origins_after_edit

USER = Source("user", "Mail Ana Müller <ana@example.com> that lunch is at 12:30, not e-mail-7.")
INBOX = Source("tool:read", 'From: bob@example.com, id "msg-41", 3 attachments')


@pytest.mark.parametrize(
    ("value", "origin"),
    [
        ("ana@example.com", "user"),
        ("ANA  müller", "user"),
        ("lunch is at 12:30", "user"),
        ("bob@example.com", "tool:read"),
        ("msg-41", "tool:read"),
        (3, "tool:read"),
        (30, "user"),
        ("eve@example.com", "model"),
        ("na@example.com", "model"),
        ("ana@example.co", "model"),
        ("12", "user"),
        (2, "model"),
        ("", "model"),
        ("--", "model"),
        (True, "model"),
        (None, "model"),
    ],
)
def test_a_value_comes_from_the_first_source_that_has_it_word_for_word(value: Any, origin: str) -> None:
    assert origins({"v": value}, [USER, INBOX]) == {"/v": origin}


def test_values_are_named_by_their_json_pointers() -> None:
    found = origins({"a/b": {"c~d": ["ana@example.com", ("x",)]}, "e": {}}, [USER])
    assert found == {"/a~1b/c~0d/0": "user", "/a~1b/c~0d/1/0": "model"}


def test_after_an_edit_what_stayed_keeps_its_origin_and_the_rest_is_the_approvers() -> None:
    before = {"to": "a", "subject": "b", "n": 1}
    known = {"/to": "user", "/subject": "model"}
    after = {"to": "a", "subject": "c", "n": 1, "new": None}
    assert origins_after_edit(before, known, after) == {
        "/to": "user",
        "/subject": "approver",
        "/n": "approver",
        "/new": "approver",
    }
