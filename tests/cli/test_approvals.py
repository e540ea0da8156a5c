"""`nexus approvals`: every decision, its effect, and its exit code."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.console import Home

TO = {"to": "design@example.com", "subject": "Friday"}


@pytest.fixture
def waiting(home: Home) -> Home:
    """A home where one send waits for a decision."""
    home.will_say(("desk_send", TO), answer="It is sent.")
    assert home.nexus("run", "Email design@example.com about Friday").code == 3
    return home


def test_an_empty_home_has_nothing_to_decide(home: Home) -> None:
    done = home.nexus("approvals", "list")
    assert (done.code, done.out) == (0, "")
    assert "Nothing waits" in done.err


def test_approve_by_a_short_id_runs_exactly_that_call_and_goes_on(waiting: Home) -> None:
    done = waiting.nexus("approvals", "approve", waiting.pending()[:6])
    assert done.code == 0
    assert waiting.calls == [("desk_send", TO)]
    assert "It is sent." in done.out


@pytest.mark.parametrize(
    "option",
    [
        "checkpoint-id",
        "as-node",
        "goto",
        "update",
        "values",
        "configurable",
        "config",
        "command",
        "state",
        "user",
    ],
)
@pytest.mark.parametrize("command", [("approvals", "approve"), ("approvals", "edit"), ("run",), ("chat",)])
def test_no_option_says_where_or_as_whom_to_go_on(
    waiting: Home, command: tuple[str, ...], option: str
) -> None:
    """A command line that has none of them does nothing at all."""
    approval = waiting.pending()
    what = [approval] if command[0] == "approvals" else ["--thread", "x"]
    assert waiting.nexus(*command, *what, f"--{option}", "execute").code == 2
    assert (waiting.calls, waiting.pending()) == ([], approval)


def test_approving_twice_acts_once(waiting: Home) -> None:
    approval = waiting.pending()
    waiting.nexus("approvals", "approve", approval)
    again = waiting.nexus("approvals", "approve", approval)
    assert again.code == 1
    assert "already approved" in again.err
    assert len(waiting.calls) == 1


def test_an_approval_without_waiting_is_carried_out_by_approving_again(waiting: Home) -> None:
    approval = waiting.pending()
    assert waiting.nexus("approvals", "approve", approval, "--no-wait").code == 0
    assert waiting.calls == []
    assert waiting.nexus("approvals", "approve", approval).code == 0
    assert waiting.calls == [("desk_send", TO)]


def test_an_approval_without_waiting_is_carried_out_by_its_thread(waiting: Home) -> None:
    waiting.nexus("approvals", "approve", waiting.pending(), "--no-wait")
    (thread,) = waiting.nexus("threads", "list", "--json").lines
    assert thread["status"] == "unfinished"
    assert waiting.nexus("run", "--thread", thread["thread_id"]).code == 0
    assert waiting.calls == [("desk_send", TO)]


def test_an_edit_runs_the_changed_call_only(waiting: Home) -> None:
    done = waiting.nexus(
        "approvals", "edit", waiting.pending(), "--set", "to=team@example.com", "--set", "copies=2",
        "--unset", "subject",
    )  # fmt: skip
    assert done.code == 0
    assert waiting.calls == [("desk_send", {"to": "team@example.com", "copies": 2})]


def test_an_edit_with_all_arguments_as_json(waiting: Home) -> None:
    changed = '{"to": "team@example.com"}'
    assert waiting.nexus("approvals", "edit", waiting.pending(), "--args", changed).code == 0
    assert waiting.calls == [("desk_send", {"to": "team@example.com"})]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (["--set", "copies=many"], "copies"),
        (["--set", "copies=0"], "copies"),
        (["--set", "nonsense"], "--set"),
        (["--set", "colour=red"], "colour"),
        (["--unset", "to"], "to"),
        (["--args", "[1]"], "--args"),
        (["--args", "{"], "arguments"),
        ([], "--set"),
    ],
)
def test_an_edit_that_does_not_fit_changes_nothing(waiting: Home, change: list[str], field: str) -> None:
    done = waiting.nexus("approvals", "edit", waiting.pending(), *change)
    assert done.code == 2
    assert field in done.err
    assert waiting.calls == []
    assert waiting.pending()


COMMENTED = {
    "approve": (["approve"], "approved", [("desk_send", TO)]),
    "edit": (["edit", "--set", "subject=Monday"], "edited", [("desk_send", {**TO, "subject": "Monday"})]),
    "reject": (["reject"], "rejected", []),
    "respond": (["respond", "I phoned them."], "responded", []),
}


@pytest.mark.parametrize(("command", "state", "calls"), COMMENTED.values(), ids=COMMENTED)
def test_a_comment_is_kept_with_any_decision_and_shown(
    waiting: Home, command: list[str], state: str, calls: list[Any]
) -> None:
    """As it was written, with what hides spelled out; no tool gets it."""
    approval = waiting.pending()
    what, *more = command
    comment = "Agreed on Monday\n\u202eIt is rejected\x1b[2J"
    assert waiting.nexus("approvals", what, approval, *more, "--comment", comment).code == 0
    assert waiting.calls == calls
    shown = waiting.nexus("approvals", "show", approval)
    assert f"It is {state} by cli:" in shown.out
    assert "  Comment: Agreed on Monday \\u{202e}It is rejected\\u{1b}[2J\n" in shown.out
    assert waiting.nexus("approvals", "show", approval, "--json").lines[0]["comment"] == comment
    assert "comment: Agreed on Monday" in waiting.nexus("audit", "list").out


def test_a_second_yes_with_another_comment_says_that_it_is_not_kept(waiting: Home) -> None:
    approval = waiting.pending()
    waiting.nexus("approvals", "approve", approval, "--no-wait", "--comment", "first")
    again = waiting.nexus("approvals", "approve", approval, "--comment", "second")
    assert (again.code, "already approved" in again.err, waiting.calls) == (1, True, [])
    assert waiting.nexus("approvals", "approve", approval, "--comment", "first").code == 0
    assert waiting.calls == [("desk_send", TO)]


def test_reject_without_a_reason_ends_the_run_without_an_effect(waiting: Home) -> None:
    assert waiting.nexus("approvals", "reject", waiting.pending()).code == 0
    assert waiting.calls == []
    assert waiting.nexus("threads", "list", "--json").lines[0]["ending"] == "rejected"


def test_reject_with_a_reason_tells_the_model_which_goes_on(waiting: Home) -> None:
    waiting.will_say(("desk_send", {**TO, "subject": "Monday"}), answer=None)
    first = waiting.pending()
    done = waiting.nexus("approvals", "reject", first, "--reason", "wrong day")
    assert done.code == 3
    assert waiting.pending() != first
    assert "Monday" in done.out
    assert waiting.calls == []


def test_respond_answers_instead_of_acting(waiting: Home) -> None:
    done = waiting.nexus("approvals", "respond", waiting.pending(), "I phoned them.")
    assert done.code == 0
    assert waiting.calls == []


def test_a_lost_call_is_asked_about_in_its_own_words_and_can_be_tried_once_more(home: Home) -> None:
    home.will_say(("desk_lose", {}))
    lost = home.nexus("run", "Post it", "--yes-to", "desk_lose")
    assert lost.code == 3
    assert "did it happen?" in lost.out
    assert len(home.calls) == 1
    assert home.nexus("approvals", "approve", home.pending()).code == 3
    assert len(home.calls) == 2
    assert home.nexus("approvals", "respond", home.pending(), "It arrived.").code == 0
    assert len(home.calls) == 2


def test_show_spells_out_what_a_hostile_text_hides(home: Home) -> None:
    hidden = "Invoice \x1b[2J\u202egpj.exe [bold]free[/bold]"
    home.will_say(("desk_send", {"to": "design@example.com", "subject": hidden}))
    home.nexus("run", "Email design@example.com")
    done = home.nexus("approvals", "show", home.pending())
    assert done.code == 0
    assert r"Invoice \u{1b}[2J\u{202e}gpj.exe [bold]free[/bold]" in done.out
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out


def test_show_leaves_nothing_of_a_long_value_out(home: Home) -> None:
    long = "x" * 5000 + "END"
    home.will_say(("desk_send", {"to": "design@example.com", "subject": long}))
    asked = home.nexus("run", "Email design@example.com")
    assert "more characters" in asked.out
    assert long in home.nexus("approvals", "show", home.pending()).out


def test_a_decided_approval_says_who_decided(waiting: Home) -> None:
    approval = waiting.pending()
    waiting.nexus("approvals", "reject", approval, "--reason", "wrong day", "--no-wait")
    shown = waiting.nexus("approvals", "show", approval, "--json").lines[0]
    assert shown["state"] == "rejected"
    assert shown["decided_by"].startswith("cli:")
    assert "wrong day" in waiting.nexus("approvals", "show", approval).out


def test_an_unknown_id_is_bad_usage(home: Home) -> None:
    done = home.nexus("approvals", "approve", "nope")
    assert done.code == 2
    assert "nexus approvals list" in done.err
