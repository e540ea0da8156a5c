"""`nexus users`: keys for others, shown once."""

from __future__ import annotations

from tests.cli.console import Home


def test_a_user_is_added_listed_and_revoked(home: Home) -> None:
    (added,) = home.nexus("users", "add", "ana", "--json").lines
    assert added["user"] == "ana"
    assert added["key"].startswith("nexus_")
    (listed,) = home.nexus("users", "list", "--json").lines
    assert (listed["user"], listed["revoked_at"]) == ("ana", None)
    assert home.nexus("users", "revoke", "ana").code == 0
    assert home.nexus("users", "list").out.split("\t")[:2] == ["ana", "revoked"]
    assert added["key"] not in home.nexus("users", "list").out


def test_the_key_is_shown_to_a_person_with_what_to_do_with_it(home: Home) -> None:
    shown = home.nexus("users", "add", "ana")
    assert shown.out.startswith("ana\tnexus_")
    assert "Authorization: Bearer" in shown.out
    assert "nexus users add owner" in shown.out
    assert "also your own" not in home.nexus("users", "add", "owner").out


def test_what_cannot_be_done_is_said_and_changes_nothing(home: Home) -> None:
    assert home.nexus("users", "add", "Ana Maria").code == 2
    assert home.nexus("users", "revoke", "ben").code == 2
    assert home.nexus("users", "list").code == 0
    assert "you need no key" in home.nexus("users", "list").err
    home.nexus("users", "add", "ana")
    again = home.nexus("users", "add", "ana")
    assert (again.code, again.out) == (1, "")
    assert "revoke it first" in again.err


def test_adding_users_needs_no_model_and_leaves_the_command_line_the_owners(home: Home) -> None:
    home.will_say(("desk_read", {}), answer="Two letters.")
    home.nexus("run", "What is in my inbox?")
    home.nexus("users", "add", "ana")
    assert len(home.nexus("threads", "list", "--json").lines) == 1


def test_the_doctor_says_whether_requests_need_a_key(home: Home) -> None:
    home.nexus("threads", "list")
    assert "users: none" in home.nexus("doctor").out
    home.nexus("users", "add", "ana")
    assert "every request needs a key; 1 of 1 are valid (ana)" in home.nexus("doctor").out
