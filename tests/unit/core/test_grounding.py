"""Ids and addresses are looked up, never made up."""

from __future__ import annotations

from typing import Any

import pytest

from nexus.core.grounding import check_grounded, without_made_up
from nexus.core.origin import Source
from nexus.errors import ArgumentsInvalid

SOURCES = [Source("user", "Write to ana@example.com"), Source("tool:list", "event-41 at noon")]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"to": "ana@example.com"},
        {"event_id": "event-41"},
        {"body": "see you at bob's"},
        {"event_id": ""},
        {"event_id": 7},
        {"idea": "something new"},
        {"people": ["Bob"]},
    ],
)
def test_what_stands_in_a_source_or_is_no_id_may_be_used(arguments: dict[str, Any]) -> None:
    check_grounded(arguments, SOURCES)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"to": "eve@example.com"}, "to"),
        ({"event_id": "event-42"}, "event_id"),
        ({"id": "zz"}, "id"),
        ({"eventId": "event-42"}, "eventId"),
        ({"people": [{"mail": "eve@example.com"}]}, "people.0.mail"),
        ({"ids": ["event-41", "event-42"]}, "ids.1"),
        ({"a/b~c": {"id": "zz"}}, r"a~1b~0c.id"),
    ],
)
def test_an_id_or_address_that_stands_nowhere_is_refused(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(ArgumentsInvalid, match=f"^{field}: .* is made up"):
        check_grounded(arguments, SOURCES)


def test_optional_arguments_in_which_something_is_made_up_are_left_out() -> None:
    arguments = {
        "to": "eve@example.com",
        "cc": "mallory@example.com",
        "subject": "hi",
        "event_id": "event-41",
    }
    assert without_made_up(arguments, SOURCES, required=["to"]) == {
        "to": "eve@example.com",
        "subject": "hi",
        "event_id": "event-41",
    }
