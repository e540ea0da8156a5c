"""`nexus outcomes`: what nobody knows is listed, explained and resolved at the command line."""

from __future__ import annotations

import pytest

from tests.cli.console import Home


@pytest.fixture(name="lost")
def _lost(home: Home) -> str:
    """The id of a call that was sent, and got no answer."""
    home.will_say(("desk_lose", {}), answer="Good.")
    assert home.nexus("run", "Post it", "--yes-to", "desk_lose").code == 3
    (line,) = home.nexus("outcomes", "list", "--json").lines
    return str(line["outcome_id"])


def test_a_run_that_lost_a_call_says_how_to_resolve_it(home: Home) -> None:
    home.will_say(("desk_lose", {}), answer="Good.")
    done = home.nexus("run", "Post it", "--yes-to", "desk_lose")
    assert "The post office did not answer" in done.out
    assert "nexus outcomes happened" in done.out


def test_the_list_and_one_of_it_say_what_was_sent_and_what_is_known(home: Home, lost: str) -> None:
    listed = home.nexus("outcomes", "list").out
    shown = home.nexus("outcomes", "show", lost[:12]).out
    for said in (listed, shown):
        assert "desk_lose" in said
        assert "The post office did not answer." in said
    assert f"idempotency key {lost}" in shown
    assert f"nexus outcomes retry {lost}" in shown
    (facts,) = home.nexus("outcomes", "show", lost, "--json").lines
    assert (facts["state"], facts["toolkit"]) == ("open", "desk")


@pytest.mark.parametrize(
    ("words", "state", "sent"),
    [
        (("happened", "It arrived."), "happened", 1),
        (("give-up", "--reason", "too late"), "given_up", 1),
        (("retry", "--no-wait"), "retried", 1),
    ],
)
def test_what_a_person_says_of_it_is_on_record_and_nothing_more_is_sent(
    home: Home, lost: str, words: tuple[str, ...], state: str, sent: int
) -> None:
    command, *rest = words
    assert home.nexus("outcomes", command, lost, *rest, "--comment", "asked Ben").code == 0
    assert home.nexus("outcomes", "list", "--json").lines == []
    (line,) = home.nexus("outcomes", "list", "--all", "--json").lines
    assert (line["outcome_id"], line["state"]) == (lost, state)
    said = home.nexus("approvals", "list", "--all", "--json").lines
    assert [each["comment"] for each in said if each["question"] == "outcome"] == ["asked Ben"]
    assert len(home.calls) == sent


def test_another_try_is_made_at_once_and_asked_about_if_it_is_lost_too(home: Home, lost: str) -> None:
    assert home.nexus("outcomes", "retry", lost).code == 3
    assert len(home.calls) == 2
    (line,) = home.nexus("outcomes", "list", "--json").lines
    assert line["outcome_id"] == lost.removesuffix("1") + "2"


def test_the_id_of_its_approval_and_the_call_alone_name_it_too(home: Home, lost: str) -> None:
    (found,) = home.nexus("outcomes", "show", home.pending(), "--json").lines
    assert found["outcome_id"] == lost
    assert home.nexus("outcomes", "retry", home.pending()).code == 3
    # Of two attempts of one call, the one that is open.
    (found,) = home.nexus("outcomes", "show", lost[:12], "--json").lines
    assert found["outcome_id"] == lost.removesuffix("1") + "2"


def test_an_outcome_that_is_not_there_is_bad_usage(home: Home, lost: str) -> None:
    assert lost
    done = home.nexus("outcomes", "happened", "none")
    assert done.code == 2
    assert "no unknown outcome" in done.err


def test_its_thread_says_where_it_stands_before_and_after(home: Home, lost: str) -> None:
    (line,) = home.nexus("outcomes", "list", "--json").lines
    told = home.nexus("threads", "show", line["thread_id"])
    assert "desk_lose was sent, and nobody can know whether it happened" in told.out + told.err
    assert home.nexus("outcomes", "happened", lost, "It arrived.").code == 0
    told = home.nexus("threads", "show", line["thread_id"])
    assert "The request was served, and answered." in told.out + told.err
    assert "it did happen: It arrived." in told.out
