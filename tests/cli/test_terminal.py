"""A person at a terminal: arrow keys, edits, Ctrl-C; every test looks at what the tools really got."""

from __future__ import annotations

import pytest

from tests.cli.console import CLEAR, CTRL_C, CTRL_D, DOWN, ENTER, UP, Home, Terminal

TO = {"to": "design@example.com", "subject": "Friday"}
REQUEST = "Email design@example.com about Friday"
LAST_CHOICE = "Decide later"


@pytest.fixture
def sender(home: Home) -> Home:
    """A home whose model wants to send one e-mail."""
    home.will_say(("desk_send", TO), answer="It is sent.")
    return home


def test_approve_with_enter_runs_exactly_what_was_shown(sender: Home) -> None:
    with Terminal(sender, "run", REQUEST) as terminal:
        shown = terminal.wait_for(LAST_CHOICE)
        assert "Send an e-mail? (desk_send)" in shown
        assert "design@example.com" in shown
        assert "you" in shown
        terminal.press(ENTER)
        terminal.wait_for("It is sent.")
        assert terminal.end() == 0
    assert sender.calls == [("desk_send", TO)]


def test_a_yes_can_have_a_comment(sender: Home) -> None:
    with Terminal(sender, "run", REQUEST) as terminal:
        terminal.wait_for(LAST_CHOICE)
        terminal.press(UP, UP, ENTER)
        terminal.wait_for("Comment (for people")
        terminal.press("as agreed", ENTER)
        terminal.wait_for("It is sent.")
        assert terminal.end() == 0
    assert sender.calls == [("desk_send", TO)]
    (approval,) = sender.nexus("approvals", "list", "--all", "--json").lines
    assert (approval["state"], approval["comment"]) == ("approved", "as agreed")


def test_keys_pressed_before_the_question_do_not_answer_it(sender: Home) -> None:
    with Terminal(sender, "run", REQUEST) as terminal:
        terminal.press(ENTER, ENTER, ENTER)
        terminal.wait_for(LAST_CHOICE)
        terminal.press(UP)  # wraps around to the last choice
        terminal.press(ENTER)
        assert terminal.end() == 3
    assert sender.calls == []


def test_reject_with_a_reason_reaches_the_model(sender: Home) -> None:
    mended = {**TO, "subject": "Monday"}
    sender.will_say(("desk_send", TO), ("desk_send", mended), answer="It is sent.")
    with Terminal(sender, "run", REQUEST) as terminal:
        terminal.wait_for(LAST_CHOICE)
        terminal.press(DOWN, DOWN, ENTER)
        terminal.wait_for("Why not?")
        terminal.press("wrong day", ENTER)
        assert "Monday" in terminal.wait_for(LAST_CHOICE)
        terminal.press(ENTER)
        terminal.wait_for("It is sent.")
        assert terminal.end() == 0
    assert sender.calls == [("desk_send", mended)]


def test_reject_without_a_reason_ends_with_4(sender: Home) -> None:
    with Terminal(sender, "run", REQUEST) as terminal:
        terminal.wait_for(LAST_CHOICE)
        terminal.press(DOWN, DOWN, ENTER)
        terminal.wait_for("Why not?")
        terminal.press(ENTER)
        assert terminal.end() == 4
    assert sender.calls == []


def test_edit_changes_one_argument_shows_the_call_again_and_runs_that(sender: Home) -> None:
    with Terminal(sender, "run", REQUEST) as terminal:
        terminal.wait_for(LAST_CHOICE)
        terminal.press(DOWN, ENTER)
        terminal.wait_for("Back: leave it as it was")
        terminal.press(ENTER)
        terminal.wait_for("New to:")
        terminal.wait_for("design@example.com")  # prefilled
        terminal.press(CLEAR, "team@example.com", ENTER)
        terminal.wait_for("Back: leave it as it was")
        terminal.press(UP, UP, ENTER)
        assert "you, edited" in terminal.wait_for("Change more")
        terminal.press(ENTER)
        terminal.wait_for("It is sent.")
        assert terminal.end() == 0
    assert sender.calls == [("desk_send", {**TO, "to": "team@example.com"})]


def test_an_edit_that_does_not_fit_says_why_and_can_be_mended(sender: Home) -> None:
    with Terminal(sender, "run", REQUEST) as terminal:
        terminal.wait_for(LAST_CHOICE)
        terminal.press(DOWN, ENTER)
        terminal.wait_for("Back: leave it as it was")
        terminal.press(DOWN, DOWN, ENTER)
        terminal.wait_for("New copies (as JSON):")
        terminal.press("0", ENTER)
        terminal.wait_for("minimum")
        terminal.press(CLEAR, "3", ENTER)
        terminal.wait_for("Back: leave it as it was")
        terminal.press(UP, UP, ENTER)
        terminal.wait_for("Change more")
        terminal.press(ENTER)
        assert terminal.end() == 0
    assert sender.calls == [("desk_send", {**TO, "copies": 3})]


def test_answering_instead_tells_the_model_and_does_nothing(sender: Home) -> None:
    with Terminal(sender, "run", REQUEST) as terminal:
        terminal.wait_for(LAST_CHOICE)
        terminal.press(DOWN, DOWN, DOWN, ENTER)
        terminal.wait_for("What shall the model be told?")
        terminal.press("I phoned them", ENTER)
        terminal.wait_for("It is sent.")
        assert terminal.end() == 0
    assert sender.calls == []


def test_deciding_later_leaves_it_pending_and_says_how(sender: Home) -> None:
    with Terminal(sender, "run", REQUEST) as terminal:
        terminal.wait_for(LAST_CHOICE)
        terminal.press(UP, ENTER)
        terminal.wait_for("nexus approvals approve")
        assert terminal.end() == 3
    assert sender.calls == []
    assert sender.nexus("approvals", "approve", sender.pending()).code == 0
    assert sender.calls == [("desk_send", TO)]


def test_ctrl_c_at_the_question_says_how_to_go_on_and_nothing_is_lost(sender: Home) -> None:
    with Terminal(sender, "run", REQUEST) as terminal:
        terminal.wait_for(LAST_CHOICE)
        terminal.press(CTRL_C)
        terminal.wait_for("nexus run --thread ")
        assert terminal.end() == 130
    thread = sender.nexus("threads", "list", "--json").lines[0]["thread_id"]
    with Terminal(sender, "run", "--thread", thread) as terminal:
        terminal.wait_for(LAST_CHOICE)
        terminal.press(ENTER)
        assert terminal.end() == 0
    assert sender.calls == [("desk_send", TO)]


def test_a_kill_at_the_question_leaves_an_approval_that_can_be_decided(sender: Home) -> None:
    with Terminal(sender, "run", REQUEST) as terminal:
        terminal.wait_for(LAST_CHOICE)
        terminal.kill()
    assert sender.nexus("approvals", "approve", sender.pending()).code == 0
    assert sender.calls == [("desk_send", TO)]


def test_a_lost_call_is_asked_about_with_its_own_answers(home: Home) -> None:
    home.will_say(("desk_lose", {}), answer="Good.")
    with Terminal(home, "run", "Post it", "--yes-to", "desk_lose") as terminal:
        shown = terminal.wait_for(LAST_CHOICE)
        assert "did it happen?" in shown
        assert "It happened" in shown
        assert "Edit" not in shown
        terminal.press(ENTER)
        terminal.wait_for("What shall the model be told?")
        terminal.press(ENTER)
        terminal.wait_for("Good.")
        assert terminal.end() == 0
    assert len(home.calls) == 1


def test_a_hostile_value_reaches_neither_the_terminal_nor_the_markup(home: Home) -> None:
    home.will_say(
        ("desk_send", {"to": "design@example.com", "subject": "\x1b]0;owned\x07[red]x[/red]\u202e"})
    )
    with Terminal(home, "run", REQUEST) as terminal:
        shown = terminal.wait_for(LAST_CHOICE)
        assert r"\u{1b}]0;owned\u{7}[red]x[/red]\u{202e}" in shown
        terminal.press(CTRL_C)
        terminal.end()


def test_a_million_hostile_characters_are_asked_about_shown_and_logged_without_doing_anything(
    home: Home,
) -> None:
    """In the question, in full, and in the log: nothing reaches the terminal, nothing is cut in silence."""
    piece = "\x1b]0;owned\x07\x1b[2J\u202egpj.exe\u2066\u200b[red]x[/red]<b>**y**\U000e0041 "
    hostile = piece * (1_000_000 // len(piece)) + "the end"
    home.will_say(("desk_send", {"to": "design@example.com", "subject": hostile}))
    with Terminal(home, "run", REQUEST) as asking:
        shown = asking.wait_for(LAST_CHOICE)
        assert f"({len(hostile) - 2_000:,} more" in " ".join(shown.split())
        assert "Show the long values in full" in shown
        asking.press(CTRL_C)
        asking.end()
    approval = home.pending()
    with Terminal(home, "approvals", "show", approval) as showing:
        assert showing.end() == 0
        assert "theend" in "".join(character for character in showing.shown if character.isalpha())
        assert "more characters" not in showing.shown
    with Terminal(home, "audit", "list") as logging:
        assert logging.end() == 0
        assert "approval.requested" in logging.shown
    for each in (asking, showing, logging):
        hidden = [b"\x1b]", b"\x07", b"\x1b[2J", *(c.encode() for c in "\u202e\u2066\u200b\U000e0041")]
        assert [found for found in hidden if found in each.raw] == []
    assert home.nexus("approvals", "approve", approval).code == 0
    assert home.calls == [("desk_send", {"to": "design@example.com", "subject": hostile})]


def test_a_question_of_the_model_is_answered_in_place(home: Home) -> None:
    home.script(
        [
            {"tool": "ask_user"},
            {"question": "Which Anna?"},
            {"tool": "desk_send"},
            TO,
        ]
    )
    with Terminal(home, "run", "Write to Anna") as terminal:
        terminal.wait_for("Which Anna?")
        terminal.wait_for("Your answer")
        terminal.press("design@example.com", ENTER)
        assert "design@example.com" in terminal.wait_for(LAST_CHOICE)


def test_ctrl_c_at_a_question_of_the_model_leaves_it_for_later(home: Home) -> None:
    home.script([{"tool": "ask_user"}, {"question": "Which Anna?"}])
    with Terminal(home, "run", "Write to Anna") as terminal:
        terminal.wait_for("Your answer")
        terminal.press(CTRL_C)
        terminal.wait_for("Answer with: nexus run --thread ")
        assert terminal.end() == 3


def test_a_chat_serves_one_request_after_the_other_in_one_thread(sender: Home) -> None:
    with Terminal(sender, "chat") as terminal:
        terminal.wait_for("you:")
        terminal.press(REQUEST, ENTER)
        terminal.wait_for(LAST_CHOICE)
        terminal.press(ENTER)
        terminal.wait_for("It is sent.")
        sender.will_say(answer="You are welcome.")
        terminal.wait_for("you:")
        terminal.press("How was it?", ENTER)
        terminal.wait_for("You are welcome.")
        terminal.wait_for("you:")
        terminal.press(CTRL_D)
        assert terminal.end() == 0
    assert sender.calls == [("desk_send", TO)]
    assert len(sender.nexus("threads", "list", "--json").lines) == 1
