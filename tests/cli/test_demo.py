"""`nexus demo` over the real desk and a scripted model: done only if the desk shows it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.cli.console import DOWN, ENTER, Home, Terminal

MAIL = {
    "to": ["design@example.com"],
    "subject": "The review moved",
    "body": "The review moved to Friday 3pm.",
}
SENDS = ("desk_send_email", MAIL)
LOOKS_UP = ("desk_find_contact", {"name": "Priya Nair"})
ADDS = ("desk_add_task", {"title": "Call Priya Nair"})


@pytest.fixture
def stage(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home with the real desk, and something that listens where the model is said to be."""
    (home.path / "real-desk").touch()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        setting = f"openai:http://127.0.0.1:{listener.getsockname()[1]}/v1#scripted"
        monkeypatch.setenv("NEXUS_MODEL", setting)
        yield Home(home.path, home.module, variables={"NEXUS_MODEL": setting})


def sent(home: Home) -> list[Path]:
    return sorted((home.path / "desk" / "mail" / "outbox").glob("*.eml"))


def test_without_a_terminal_it_plays_the_person_says_so_and_lists_the_finished_work(stage: Home) -> None:
    stage.will_say(SENDS, answer="It is sent.")
    one = stage.lines_left()
    stage.will_say(LOOKS_UP, ADDS)
    stage.script([*one, *stage.lines_left()])
    done = stage.nexus("demo")
    assert done.code == 0, done.out
    assert "this demo plays the person" in done.out
    (letter,) = sent(stage)
    assert message_from_bytes(letter.read_bytes())["To"] == "design@example.com"
    work = done.out.split("Finished work:")[1]
    assert "To: design@example.com" in work
    assert "The review moved to Friday 3pm." in work
    assert "Call Priya Nair" in work


def test_work_that_the_desk_does_not_show_is_not_done(stage: Home) -> None:
    stage.will_say(SENDS, answer="It is sent.")
    one = stage.lines_left()
    stage.will_say(("desk_add_task", {"title": "Water the plants again"}), answer="I added the task.")
    stage.script([*one, *stage.lines_left()])
    done = stage.nexus("demo")
    assert done.code == 1
    assert "Not done: Look up Priya Nair" in done.out
    assert len(sent(stage)) == 1


def test_what_a_person_put_on_the_desk_stays(stage: Home) -> None:
    note = stage.path / "desk" / "notes" / "wifi.md"
    note.parent.mkdir(parents=True)
    note.write_text("my own")
    stage.will_say(answer="Nothing to do.")
    assert stage.nexus("demo", "--task", "What is new?").code == 0
    assert note.read_text() == "my own"


def test_at_a_terminal_it_asks_and_a_no_is_a_no(stage: Home) -> None:
    stage.will_say(SENDS)
    with Terminal(stage, "demo", "--task", "Email design@example.com that the review moved") as terminal:
        terminal.wait_for("Decide later")
        terminal.press(DOWN, DOWN, ENTER)
        terminal.wait_for("Why not?")
        terminal.press(ENTER)
        assert terminal.end() == 4
    assert sent(stage) == []


def test_a_model_that_is_not_there_is_named_before_anything_begins(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXUS_MODEL", f"embedded:{home.path}/nothing.gguf")
    done = home.nexus("demo")
    assert done.code == 5
    assert "nothing.gguf" in done.err
