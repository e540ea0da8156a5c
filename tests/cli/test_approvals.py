"""`nexus approvals`: every decision, its effect, and its exit code."""

from __future__ import annotations

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
