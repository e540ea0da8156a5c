"""Notes on the desk: Markdown files, found by the names people use for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.errors import ArgumentsInvalid, NotFound
from tests.unit.tools.conftest import Call


async def test_notes_are_listed_by_name(call: Call):
    names = (await call("list_notes")).text.splitlines()

    assert names == ["design-review", "offsite-ideas", "reading", "shopping-list", "wifi"]


@pytest.mark.parametrize("name", ["shopping-list", "Shopping List", "shopping_list.md", " SHOPPING LIST.MD "])
async def test_a_note_is_read_by_any_spelling_of_its_name(call: Call, name: str):
    assert (await call("read_note", name=name)).text.startswith("# Shopping list\n\n- oat milk")


async def test_a_note_of_the_person_keeps_its_file_name(call: Call, root: Path):
    (root / "notes/Trip To Rome.md").write_text("pack")
    await call("add_to_note", name="trip to rome", text="- passport")

    assert (root / "notes/Trip To Rome.md").read_text() == "pack\n- passport\n"


async def test_two_notes_that_could_be_meant_are_both_named(call: Call, root: Path):
    (root / "notes/Wifi.md").write_text("a")
    (root / "notes/WIFI.md").write_text("b")

    assert (await call("read_note", name="WIFI")).text == "b"
    with pytest.raises(ArgumentsInvalid, match="'wiFi' could be WIFI or Wifi or wifi"):
        await call("read_note", name="wiFi")


async def test_a_new_note_is_a_markdown_file_with_a_plain_name(call: Call, root: Path):
    result = await call("write_note", name="Packing List: Rome", text="- tent\r\n- boots")

    assert result.text == "Created the note packing-list-rome."
    assert result.reference == "notes/packing-list-rome.md"
    assert (root / "notes/packing-list-rome.md").read_bytes() == b"- tent\n- boots\n"


async def test_a_note_may_be_in_a_folder(call: Call, root: Path):
    await call("write_note", name="Projects/Café", text="x")

    assert (root / "notes/projects/café.md").read_text() == "x\n"
    assert "projects/café" in (await call("list_notes")).text


async def test_replacing_a_note_keeps_the_old_text_in_the_trash(call: Call, root: Path):
    old = (root / "notes/wifi.md").read_text()
    await call("write_note", name="wifi", text="one")
    result = await call("write_note", name="wifi", text="two")

    assert result.text == "Replaced the text of the note wifi; the old text is in the trash."
    assert (root / "notes/wifi.md").read_text() == "two\n"
    assert (root / "trash/notes/wifi.md").read_text() == old
    assert (root / "trash/notes/wifi~2.md").read_text() == "one\n"


async def test_writing_the_same_text_again_changes_nothing(call: Call, root: Path):
    await call("write_note", name="new", text="x")
    await call("write_note", name="new", text="x")

    assert not (root / "trash").exists()


async def test_appending_needs_a_note(call: Call):
    with pytest.raises(NotFound, match="no note is called 'todo'; the notes are design-review, "):
        await call("add_to_note", name="todo", text="x")


async def test_a_note_has_an_end(call: Call):
    for _ in range(4):
        try:
            await call("add_to_note", name="wifi", text="x" * 199_999)
        except ArgumentsInvalid as error:
            assert str(error) == "name: the note wifi is full. Start a new note."  # noqa: PT017 - the last one
            return
    pytest.fail("the note grew without end")


async def test_notes_are_found_by_words(call: Call):
    assert (await call("search_notes", query="guest password")).text == "wifi: Guest password: blue-heron-42"
    assert (await call("search_notes", query="kayak")).text.startswith("offsite-ideas: - kayaking")
    assert (await call("search_notes", query="zebra")).text == "No note mentions 'zebra'."


async def test_a_deleted_note_is_in_the_trash(call: Call, root: Path):
    assert (await call("delete_note", name="Reading")).text == "Deleted the note reading."

    assert not (root / "notes/reading.md").exists()
    assert (root / "trash/notes/reading.md").exists()
    with pytest.raises(NotFound):
        await call("read_note", name="reading")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("a\0b", "U\\+0000"),
        ("a\u202db", "U\\+202D"),
        ("x" * 200_001, "at most"),
    ],
)
async def test_text_that_is_no_text_is_refused(call: Call, root: Path, text: str, why: str):
    with pytest.raises(ArgumentsInvalid, match=f"text: .*{why}"):
        await call("write_note", name="new", text=text)

    assert not (root / "notes/new.md").exists()


async def test_right_to_left_text_is_kept_and_bytes_that_are_no_text_are_shown_harmlessly(
    call: Call, root: Path
):
    await call("write_note", name="hebrew", text="\u05e9\u05dc\u05d5\u05dd \u2067x\u2069")
    (root / "notes/odd.md").write_bytes(b"caf\xe9 \x1b[2J\r\nend")

    assert "\u05e9\u05dc\u05d5\u05dd" in (root / "notes/hebrew.md").read_text(encoding="utf-8")
    assert (await call("read_note", name="odd")).text == "caf\ufffd [2J\nend"
