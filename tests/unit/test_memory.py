from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nexus.core.memory import (
    Memory,
    MemoryId,
    checked_text,
    could_be_same,
    from_json,
    in_utc,
    same_words,
    subject_of,
    to_json,
)
from nexus.errors import InvalidInput

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The deadline of Apollo is Friday", "Apollo's deadline is 3 May"),
        ("Ana's address is ana@example.com", "The address of Ana is a.diaz@example.org"),
        ("My sister's name is Lena", "my sister's name: Lea"),
    ],
)
def test_two_sentences_about_one_thing_have_one_subject(one: str, other: str) -> None:
    assert subject_of(one) == subject_of(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana's address is ana@example.com", "Bo's address is bo@example.com"),
        ("My home address is Elm Street 1", "My work address is Oak Street 2"),
    ],
)
def test_two_things_have_two_subjects(one: str, other: str) -> None:
    assert subject_of(one) != subject_of(other)


@pytest.mark.parametrize("text", ["Kim is in Berlin", "I like tea", "Ana works at Acme"])
def test_what_says_too_little_of_what_it_is_about_replaces_nothing(text: str) -> None:
    assert not subject_of(text)


def test_how_something_is_done_is_the_subject_of_a_preference() -> None:
    one = subject_of("I sign my mails with 'Best, Kim'", "preference")
    assert one == subject_of("Sign my mails as Kim Doe", "preference") != ""


def test_texts_with_other_names_numbers_or_a_not_are_never_the_same() -> None:
    assert could_be_same("Write mails in English", "Write mails in German") is False
    assert could_be_same("Send the report on the 3rd", "Send the report on the 4th") is False
    assert could_be_same("I like long mails", "I do not like long mails") is False
    assert could_be_same("I like short mails", "I prefer brief mails") is True
    assert same_words("The report is for Ana", "report is for Ana.") is True


def test_a_memory_survives_being_written_as_json() -> None:
    memory = Memory(
        MemoryId("m1"), "fact", "Ana\u2019s address is 京都 🏯", "person", NOW, NOW, apps=frozenset({"desk"})
    )
    assert from_json(to_json(memory)) == memory


@pytest.mark.parametrize("field", ["kind", "author", "text"])
def test_json_that_is_no_memory_is_refused_by_the_field_that_is_wrong(field: str) -> None:
    values = to_json(Memory(MemoryId("m1"), "fact", "Ana is well", "person", NOW, NOW)) | {field: ""}
    with pytest.raises(InvalidInput, match=field):
        from_json(values)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", 7),
        ("text", 7),
        ("subject", {"a": 1}),
        ("thread", {"a": 1}),
        ("thread", 7),
        ("tool", ["x"]),
        ("apps", "gmail"),
        ("apps", [7]),
        ("is_pending", "false"),
        pytest.param("confidence", 10**400, id="confidence-huge"),
        ("confidence", "much"),
        ("created_at", 1893456000),
        ("updated_at", "2026-11-25T09:00:00"),
        ("expires_at", "9999-12-31T23:59:59-14:00"),
        ("expires_at", "0001-01-01T00:00:00+14:00"),
        ("expires_at", 1893456000),
        ("history", {"text": "x"}),
        ("history", ["x"]),
        ("history", [{"text": "x", "until": "0001-01-01T00:00:00+14:00"}]),
    ],
)
def test_json_with_a_value_that_no_memory_has_is_refused(field: str, value: object) -> None:
    values = to_json(Memory(MemoryId("m1"), "fact", "Ana is well", "person", NOW, NOW)) | {field: value}
    with pytest.raises(InvalidInput, match="no memory"):
        from_json(values)


def test_the_times_of_a_memory_are_kept_in_utc() -> None:
    values = to_json(Memory(MemoryId("m1"), "fact", "Ana is well", "person", NOW, NOW))
    read = from_json({**values, "expires_at": "2026-11-25T10:00:00+01:00"})
    assert read.expires_at == NOW
    assert read.expires_at.utcoffset() == timedelta(0)
    with pytest.raises(ValueError, match="time zone"):
        in_utc(datetime(2026, 1, 1))  # noqa: DTZ001 - the point


def test_a_text_is_one_line_of_a_bounded_length() -> None:
    assert checked_text("  Ana \n lives in Rome ") == "Ana lives in Rome"
    with pytest.raises(InvalidInput, match="500"):
        checked_text("x" * 501)
