from __future__ import annotations

import time

import pytest

from nexus.core.lasting import (
    changes,
    endings,
    holds_credential,
    is_grounded,
    kind_of,
    may_last,
    said_to_remember,
    usual,
)


@pytest.mark.parametrize(
    ("request_", "what", "rest"),
    [
        ("Remember that Ana lives in Rome.", "Ana lives in Rome", ""),
        ("please remember: I like tea", "I like tea", ""),
        ("Keep in mind that we close early", "we close early", ""),
        ("Remember that Ana is ill. Then mail Bo", "Ana is ill", "Then mail Bo"),
        ("Remember that Ana likes tea. She hates coffee.", "Ana likes tea. She hates coffee", ""),
    ],
)
def test_what_is_to_be_remembered_is_told_from_what_is_to_be_done(request_: str, what: str, rest: str):
    assert said_to_remember(request_) == (what, rest)


@pytest.mark.parametrize(
    "request_",
    [
        "Remember to call Ana",
        "Remember me to Ana",
        "Do you remember where Ana lives?",
        "Remember that one?",
        "Mail Ana: remember that we close early",
        "Dear all,\nremember that we close early",
    ],
)
def test_a_task_a_question_or_a_quoted_word_is_nothing_to_remember(request_: str):
    assert said_to_remember(request_) is None


@pytest.mark.parametrize(
    "request_",
    [
        "Mail Ana that I am late. I always sign with 'Best, K.'",
        "Add a task to buy ferns. My gardener is Paul, paul@green.example",
        "Mail Ana hello. Her address is ana@example.com",
    ],
)
def test_a_request_that_says_something_for_good_is_looked_at(request_: str):
    assert may_last(request_)


@pytest.mark.parametrize(
    "request_",
    [
        "Mail ana@example.com hello",
        "What is my next event?",
        "Drop task 7",
        "Mail Ana that today's call is cancelled",
    ],
)
def test_a_request_that_only_asks_for_something_is_not(request_: str):
    assert not may_last(request_)


def test_a_memory_of_the_model_may_say_no_more_than_the_request():
    said = "Mail Ana hello. Her address is ana@example.com"
    assert is_grounded("Ana's address is ana@example.com", said)
    assert not is_grounded("Ana's address is ana@elsewhere.example", said)
    assert not is_grounded("Ana works for Globex in Rome", said)
    assert not is_grounded("", said)


def test_the_kind_of_a_sentence():
    assert kind_of("To file a bug, use the list house") == "procedure"
    assert kind_of("I like my calls short") == "preference"
    assert kind_of("The gym is at 5 Harbour Road") == "fact"


def test_short_values_that_a_person_changed_are_learned_and_secrets_and_texts_are_not():
    before = {"repo": "acme/app", "labels": ["bug"], "body": "It broke", "password": "old", "limit": 5}
    after = {
        "repo": "acme/web",
        "labels": ["triage"],
        "body": "It broke again",
        "password": "new",
        "limit": 5,
    }
    assert changes(before, after) == {"repo": "acme/web", "labels.0": "triage"}


SECRET_NAMES = (
    *(
        "password",
        "passwd",
        "pwd",
        "userPwd",
        "passcode",
        "auth",
        "authorization",
        "X-Auth",
        "bearer",
        "cookies",
    ),
    *(
        "session",
        "sessionid",
        "session_id",
        "signature",
        "cvv",
        "cvc",
        "ssn",
        "iban",
        "cardNumber",
        "accesstoken",
    ),
    *("apikey", "api_key", "clientsecret", "userpassword", "auth/user", "pin", "oauth2"),
)


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_nothing_is_learned_of_a_parameter_with_the_name_of_a_secret(name: str):
    outer, _, inner = name.partition("/")
    before, after = ({outer: {inner: value} if inner else value} for value in ("abc", "abc def"))
    assert changes(before, after) == endings(before, after) == usual(after, after, {}) == {}


CREDENTIALS = (
    *("Bearer abc", "bearer 6f1e.9-x", "Basic dXNlcjpodW50ZXIy", "sk-proj-4f9aK2", "sk_live_4f9aK2xy"),
    *("ghp_4f9aK2xy", "github_pat_4f9a", "glpat-4f9a", "xoxb-12-ab", "xoxp-12-ab", "AKIAIOSFODNN7EXAMPLE"),
    *("eyJhbGciOi.eyJzdWIiOi.x", "jwt-eyJhbGciOi.eyJzdWIiOi.x", "https://ana:hunter2@example.com/"),
    "-----BEGIN RSA PRIVATE KEY-----",
)


@pytest.mark.parametrize("value", CREDENTIALS)
def test_nothing_is_learned_of_a_value_that_looks_like_a_credential(value: str):
    before, after = {"header": "team", "note": "see"}, {"header": value, "note": f"see {value}"}
    assert changes(before, after) == endings(before, after) == usual(after, after, {}) == {}
    assert endings({"note": f"see {value[:-2]}"}, {"note": f"see {value}"}) == {}
    assert holds_credential(f'For "log in with {value}"')


def test_a_credential_is_looked_for_in_a_long_text_in_one_pass():
    text = "eyJaaaa-" * 12_800  # 100 kB
    started = time.process_time()
    assert not holds_credential(text)
    assert holds_credential(f"{text}.x")
    assert endings({"body": text}, {"body": f"{text} Best, Kim"}) == {"body": "Best, Kim"}
    assert time.process_time() - started < 2, "it takes a tenth; from each beginning on it takes over ten"


@pytest.mark.parametrize(
    "value", ["team", "task-list", "ask-friday-team", "basic training", "https://example.com/a:b", "Skopje"]
)
def test_what_only_begins_like_a_credential_is_a_value_like_any(value: str):
    assert changes({"folder": "x"}, {"folder": value}) == {"folder": value}
    assert not holds_credential(value)


def test_a_list_that_lost_an_entry_or_was_put_in_order_shows_no_new_value():
    before = {
        "labels": ["bug", "urgent", "web"],
        "rows": [{"to": "a"}, {"to": "b"}],
        "lines": ["Hi", "Hi Ana"],
    }
    after = {"labels": ["web", "urgent"], "rows": [{"to": "b"}], "lines": ["Hi Ana"]}
    assert changes(before, after) == {}
    assert endings(before, after) == {}
    assert changes(before, {**before, "labels": ["new", "bug"]}) == {"labels.0": "new"}


def test_what_is_added_to_the_end_of_a_text_is_learned_and_a_rewritten_text_is_not():
    before = {"body": "Hello Ana.", "subject": "Hello", "secret": "abc"}
    after = {"body": "Hello Ana.\n\nBest,\nKim", "subject": "Hi", "secret": "abcd"}
    assert endings(before, after) == {"body": "Best, Kim"}


def test_only_settings_are_usual_never_addresses_times_ids_texts_or_defaults():
    call = {
        "folder": "team",
        "format": "html",
        "to": ["ana@example.com"],
        "start": "2026-11-26T10:00",
        "event_id": "event-4",
        "body": "Hello",
        "token": "abc",
        "count": 3,
    }
    schema = {"properties": {"format": {"type": "string", "default": "html"}}}
    assert usual(call, call, schema) == {"folder": "team"}
    assert usual(call, {**call, "folder": "other"}, schema) == {}
