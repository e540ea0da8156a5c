"""What can only be copied is a choice of what stands in the request and the results."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nexus.core.candidates import candidates
from nexus.core.known_values import with_known_values
from nexus.core.origin import Source
from nexus.core.simple_schema import simplified
from nexus.errors import ArgumentsInvalid

TEXT = {"type": "string"}
MAIL = "Please write to Ana.Costa@Example.org about the lunch"
EVENTS = Source("tool:app_list_events", "event-3 | Review\nevent-41 | Dentist")
TASKS = Source("tool:app_list_tasks", "task-7 | Pay the invoice")
MESSAGES = Source(
    "tool:app_list_messages",
    json.dumps({"messages": [{"id": "18f3a0c2", "threadId": "7b"}, {"id": "18f3a0c9", "threadId": "7c"}]}),
)


def choices(
    properties: dict[str, Any], *sources: Source | str, required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The properties with known values in them: a list of choices, or the type of what is free."""
    known = [Source("user", source) if isinstance(source, str) else source for source in sources]
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    found = with_known_values(simplified(parameters), known, "app_do_it").schema["properties"]
    single = {name: node.get("items", node) for name, node in found.items()}
    return {name: node.get("enum", node.get("type")) for name, node in single.items()}


@pytest.mark.parametrize(
    "parameter",
    [
        {"email": TEXT},
        {"recipient_email": TEXT},
        {"emailAddress": TEXT},
        {"to": {"type": "array", "items": TEXT, "description": "E-mail addresses"}},
        {"contact": {**TEXT, "format": "email"}},
    ],
)
def test_an_address_is_one_that_is_known_and_keeps_its_capitals(parameter: dict[str, Any]) -> None:
    assert list(choices(parameter, MAIL).values()) == [["Ana.Costa@Example.org"]]


@pytest.mark.parametrize(
    "parameter",
    [
        {"email_subject": TEXT},
        {"email": {**TEXT, "description": "The body of the e-mail"}},
        {"contact": {**TEXT, "description": "Name or e-mail address"}},
        {"user_id": {**TEXT, "description": "The user's id or name"}},
        {"idea": TEXT},
    ],
)
def test_free_text_stays_free(parameter: dict[str, Any]) -> None:
    assert list(choices(parameter, MAIL).values()) == ["string"]


def test_an_id_is_one_of_its_own_kind() -> None:
    assert choices({"event_id": TEXT}, EVENTS, TASKS) == {"event_id": ["event-3", "event-41"]}
    assert choices({"task_id": TEXT}, EVENTS, TASKS) == {"task_id": ["task-7"]}
    assert choices({"note_id": TEXT}, EVENTS, TASKS) == {}
    reply = {"in_reply_to": {**TEXT, "description": "Id of the e-mail this answers"}}
    assert choices(reply, Source("tool:app_list", "mail-3 from Tom")) == {"in_reply_to": ["mail-3"]}


def test_ids_in_json_are_known_by_their_keys() -> None:
    assert choices({"message_id": TEXT}, MESSAGES) == {"message_id": ["18f3a0c2", "18f3a0c9"]}
    assert choices({"threadId": TEXT}, MESSAGES) == {"threadId": ["7b", "7c"]}


def test_what_the_user_typed_may_be_an_id() -> None:
    number = {"issue_id": {"type": "integer"}}
    assert choices(number, "Close issue 42 by 2026-11-27 at 3pm") == {"issue_id": [42]}
    assert choices({"case_id": TEXT}, "Show case XYZ123", required=("case_id",)) == {"case_id": ["XYZ123"]}
    assert choices({"calendar_id": {**TEXT, "description": "Use 'primary' for your own"}}, "Look") == {
        "calendar_id": ["primary"]
    }


@pytest.mark.parametrize(
    "request_text",
    ["Be 15 minutes late", "Cancel the B2B talk at 3pm", "Put 'Release' in on 2026-11-30T17:00"],
)
def test_what_only_looks_a_little_like_an_id_is_none(request_text: str) -> None:
    assert choices({"event_id": TEXT}, request_text) == {}


@pytest.mark.parametrize("parameter", [{"event_id": TEXT}, {"email": TEXT}, {"phone_number": TEXT}])
def test_what_is_required_and_known_nowhere_has_to_be_looked_up(parameter: dict[str, Any]) -> None:
    (name,) = parameter
    with pytest.raises(ArgumentsInvalid, match=f"^{name}: no .* First use a tool") as error:
        choices(parameter, "Cancel the dentist", required=(name,))
    assert error.value.field == name


def test_what_is_optional_and_known_nowhere_is_not_offered() -> None:
    assert choices({"event_id": TEXT, "title": TEXT}, "Cancel the dentist") == {"title": "string"}


def test_the_one_address_that_is_needed_elsewhere_is_not_offered_twice() -> None:
    parameters = {"to": {**TEXT, "format": "email"}, "cc": TEXT}
    assert choices(parameters, MAIL, required=("to",)).keys() == {"to"}
    both = choices(parameters, MAIL, "and ask tom@example.com", required=("to",))
    assert both["cc"] == ["tom@example.com"]
    assert both["to"] == ["Ana.Costa@Example.org", "tom@example.com"]


@pytest.mark.parametrize("copy", ["tom@example.com in cc", "cc tom@example.com", "cc: tom@example.com"])
def test_an_address_is_offered_where_the_words_beside_it_put_it(copy: str) -> None:
    parameters = {"to": {**TEXT, "format": "email"}, "cc": TEXT}
    found = choices(parameters, f"Mail ana@example.org that I come, {copy}", required=("to",))
    assert found == {"to": ["ana@example.org"], "cc": ["ana@example.org", "tom@example.com"]}


def test_a_day_is_offered_only_if_somebody_named_one() -> None:
    due = {"due": {**TEXT, "description": "Day it is due, e.g. 2026-11-27"}}
    assert choices(due, "Add a task to call the plumber") == {}
    assert choices(due, "Add a task to call the plumber tomorrow") == {"due": "string"}
    assert choices(due, "Ligar ao canalizador") == {"due": "string"}  # no English: it may well name a day


def test_objects_in_lists_get_known_values_too() -> None:
    guest = {"type": "object", "properties": {"email": TEXT}, "required": ["email"]}
    parameters = {"type": "object", "properties": {"guests": {"type": "array", "items": guest}}}
    found = with_known_values(simplified(parameters), [Source("user", MAIL)], "x").schema["properties"]
    assert found["guests"]["items"]["properties"]["email"]["enum"] == ["Ana.Costa@Example.org"]
    assert not with_known_values(simplified(parameters), [], "x").schema["properties"]


def test_phone_numbers_and_links_are_found_but_not_dates() -> None:
    text = "Call +44 20 7946 0103 on 2026-11-27 15:00, see https://example.org/a?b=1."
    found = [(each.kind, each.value) for each in candidates([Source("user", text)])]
    assert found == [("link", "https://example.org/a?b=1"), ("phone", "+44 20 7946 0103")]
