"""Long results, cut where their structure allows it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from nexus.core.excerpt import excerpt

PAGED = {"properties": {"query": {}, "page": {}, "pageToken": {}, "max_results": {}, "start_date": {}}}


def test_what_is_short_enough_stays_as_it_is() -> None:
    assert excerpt('{"a":  1}', 20) == '{"a":  1}'


def test_json_that_only_spaces_make_long_keeps_all_it_says() -> None:
    value = [{"id": number} for number in range(20)]
    assert json.loads(excerpt(json.dumps(value, indent=8), 300)) == value


def test_of_a_long_list_the_first_items_are_kept_whole_and_the_others_counted() -> None:
    value = {"total": 90, "items": [{"id": number, "name": f"item {number}"} for number in range(90)]}
    cut, note = excerpt(json.dumps(value), 500).rsplit("\n", 1)
    kept = json.loads(cut)
    assert kept["total"] == 90
    assert kept["items"] == value["items"][: len(kept["items"])]
    assert 10 < len(kept["items"]) < 90
    assert note == f"({90 - len(kept['items'])} more of 90 items; ask for less to see them)"


def test_long_texts_inside_of_json_are_cut_before_items_are() -> None:
    value = [{"id": number, "body": "x" * 2000} for number in range(3)]
    cut, note = excerpt(json.dumps(value), 2000).rsplit("\n", 1)
    assert [item["id"] for item in json.loads(cut)] == [0, 1, 2]
    assert "1,700 more characters" in cut
    assert note.startswith("(long texts are cut;")


def test_text_keeps_whole_lines() -> None:
    text = "\n".join(f"line {number} of the file" for number in range(100))
    shown = excerpt(text, 105)
    *lines, note = shown.split("\n")
    assert lines == [f"line {number} of the file" for number in range(5)]
    assert note == "(95 more lines; ask for less to see them)"


def test_one_long_line_keeps_whole_words() -> None:
    shown, note = excerpt("word " * 100, 52).rsplit("\n", 1)
    assert shown == " ".join(["word"] * 10)
    assert note.endswith("more characters; ask for less to see them)")


def test_the_note_names_the_parameters_that_ask_for_another_part() -> None:
    note = excerpt("line\n" * 100, 50, PAGED).rsplit("\n", 1)[1]
    assert "to see them use page or pageToken or max_results, or ask for less" in note


def test_json_that_is_one_large_object_is_cut_as_text() -> None:
    shown = excerpt(json.dumps({f"key {number}": number for number in range(200)}), 100)
    assert shown.startswith('{"key 0":0')
    assert len(shown) < 200


@given(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_an_excerpt_is_never_much_longer_than_its_limit(value: object) -> None:
    shown = excerpt(json.dumps(value, ensure_ascii=False), 80)
    assert len(shown) <= 80 + 100
