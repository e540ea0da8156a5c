from __future__ import annotations

import pytest

from nexus.core.tool import ToolSpec
from nexus.tools import search_text


def tool(slug: str = "GMAIL_SEND_EMAIL", **changes: object) -> ToolSpec:
    fields = {"toolkit": "gmail", "title": "", "description": "Sends it.", "parameters": {"type": "object"}}
    return ToolSpec(slug=slug, **{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GMAIL_SEND_EMAIL", "gmail send email"),
        ("sendEmail", "send email"),
        ("HTTPServer2", "http server 2"),
        ("user.get-info", "user get info"),
        ("suivi-colis::Latest", "suivi colis latest"),
        ("/v1/{id}/items", "v 1 id items"),
        ("_2CHAT_LIST", "2 chat list"),
        ("ÜBERSETZEN_TEXT", "übersetzen text"),
        ("", ""),
    ],
)
def test_a_name_is_split_into_the_words_a_person_would_write(name: str, expected: str):
    assert search_text.split_name(name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Köln, CAFÉ!", ["koln", "cafe"]),
        ("Straße", ["strasse"]),
        ("発送 メール", ["発送", "メール"]),
        ("snake_case", ["snake", "case"]),
        ("?! …", []),
    ],
)
def test_words_have_neither_case_nor_accents(text: str, expected: list[str]):
    assert search_text.words(text) == expected


def test_a_query_keeps_compound_words_beside_their_parts():
    assert search_text.with_parts("Open a GitHub issue") == "Open a GitHub git hub issue"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Find the bug. Mail it to Ana!", ["Find the bug.", "Mail it to Ana!"]),
        ("Find the bug\nMail it to Ana", ["Find the bug", "Mail it to Ana"]),
        ("Hello. Find the bug. Thanks.", []),
        ("Find the bug; mail it to Ana. OK?", ["Find the bug;", "mail it to Ana."]),
        ("Send 3.5 euros to a.b@c.org", []),
        ("Find the bug", []),
        ("", []),
    ],
)
def test_a_request_is_several_sentences_or_none(query: str, expected: list[str]):
    assert search_text.sentences(query) == expected


def test_what_comes_after_many_sentences_is_one():
    found = search_text.sentences(" ".join(f"This is sentence {number}." for number in range(9)))
    assert len(found) == 6
    assert found[-1].endswith("sentence 7. This is sentence 8.")


def test_the_name_counts_twice_for_words():
    assert search_text.words(search_text.lexical_text(tool())).count("email") == 2


def test_parameters_are_findable_by_words_and_not_by_meaning():
    schema = {
        "type": "object",
        "properties": {"bccList": {"type": "string", "description": "Hidden readers"}},
    }
    assert "bcc list Hidden readers" in search_text.lexical_text(tool(parameters=schema))
    assert "bcc" not in search_text.dense_text(tool(parameters=schema))


@pytest.mark.parametrize("properties", [None, [], {"to": True, "cc": {"description": 3}}])
def test_odd_parameters_do_not_matter(properties: object):
    assert "sends" in search_text.words(
        search_text.lexical_text(tool(parameters={"type": "object", "properties": properties}))
    )


def test_toolkit_and_title_are_named_where_they_add_a_word():
    assert search_text.dense_text(tool()) == "Sends it. (gmail send email)"
    text = search_text.dense_text(tool("send", toolkit="myMail", title="Post"))
    assert text == "Sends it. (post my mail send)"


def test_without_a_description_the_name_is_all_there_is():
    assert search_text.dense_text(tool(description=" ")) == "gmail send email"


def test_meaning_is_taken_from_the_first_sentences_of_a_long_description():
    description = "First sentence of the tool, which says what it does and to what. " * 20
    text = search_text.dense_text(tool(description=description))
    assert text.endswith("what. (gmail send email)")
    assert 200 < len(text) <= search_text.DENSE_DESCRIPTION + len(" (gmail send email)")


def test_a_first_sentence_without_an_end_is_cut():
    text = search_text.dense_text(tool(description="x" * 1000))
    assert len(text) == search_text.DENSE_DESCRIPTION + len(" (gmail send email)")


@pytest.mark.parametrize(
    "change", [{"slug": "other"}, {"title": "x"}, {"description": "y"}, {"toolkit": "z"}]
)
def test_the_key_changes_with_the_text(change: dict[str, str]):
    assert search_text.dense_key(tool(**change)) != search_text.dense_key(tool())


def test_the_key_does_not_change_with_what_the_vector_is_not_made_of():
    assert search_text.dense_key(tool(version="9")) == search_text.dense_key(tool())


def words_key(spec: ToolSpec) -> bytes:
    return search_text.lexical_key(spec, search_text.dense_key(spec))


def parameters(**described: str) -> dict[str, object]:
    return {"properties": {name: {"description": text} for name, text in described.items()}}


@pytest.mark.parametrize(
    "change",
    [{"description": "y"}, {"parameters": parameters(to="Whom")}, {"parameters": parameters(cc="Who")}],
)
def test_the_key_of_the_words_changes_with_the_parameters_too(change: dict[str, object]):
    before = tool(parameters=parameters(to="Who"))
    assert words_key(tool(**{"parameters": parameters(to="Who"), **change})) != words_key(before)
    assert words_key(tool(parameters=parameters(to="Who"), version="9")) == words_key(before)


def test_text_that_is_not_valid_unicode_has_keys():
    assert len(words_key(tool(description="\ud800", parameters=parameters(to="\ud800")))) == 16


def test_mails_are_emails() -> None:
    assert search_text.words("Mail the E-mails, mails and emails") == [
        "email", "the", "e", "email", "email", "and", "emails"
    ]  # fmt: skip


def test_an_address_is_one_whoever_has_it() -> None:
    assert search_text.asked("Mail triage@example.com, cc ana.ruiz+x@mail.example.org.") == (
        "Mail email address, cc email address."
    )
