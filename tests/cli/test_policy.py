"""`nexus policy`: the rules in force, explained; rules that make no sense stop the program and are named."""

from __future__ import annotations

import asyncio

from nexus.core.action import ApprovalId
from nexus.core.decision import Approve
from nexus.ports.clock import SystemClock
from nexus.store.approvals import SqliteApprovals
from nexus.store.database import Database
from tests.cli.console import Home

RULES = """
[[policy]]
name = "mail to ana"
verdict = "allow"
tool = "desk_send"
arguments = { "/to" = { equals = "ana@example.com" } }

[[policy]]
verdict = "ask"
tool = "desk_*"
because = "it is the desk"
"""


def test_the_rules_are_listed_by_who_made_them(home: Home) -> None:
    (home.path / "nexus.toml").write_text(RULES)
    lines = home.nexus("policy", "list", "--json").lines
    assert [(line["level"], line["rule"], line["verdict"]) for line in lines] == [
        ("operator", "NEXUS_DENY", "deny"),
        ("operator", "mail to ana", "allow"),
        ("operator", "rule 2", "ask"),
        ("default", "Nexus", "allow"),
        ("default", "Nexus", "ask"),
        ("default", "Nexus", "ask"),
    ]


def test_a_call_is_explained_rule_by_rule_and_not_made(home: Home) -> None:
    (home.path / "nexus.toml").write_text(RULES)
    for to, verdict in (("ana@example.com", "runs by itself"), ("ben@example.com", "asks you first")):
        told = home.nexus("policy", "test", "desk_send", f'{{"to": "{to}"}}', "--json").lines
        assert told[0]["verdict"] == verdict
        assert [line["rule"] for line in told[1:]][:2] == ["mail to ana", "rule 2"]
    assert "/to does not fit" in home.nexus("policy", "test", "desk_send", '{"to": "ben"}').out
    untrusted = home.nexus("policy", "test", "desk_send", '{"to": "ana@example.com"}', "--untrusted")
    assert "asks you first" in untrusted.out
    assert not (home.path / "calls.jsonl").exists()


def test_a_rule_is_in_force(home: Home) -> None:
    (home.path / "nexus.toml").write_text(RULES)
    home.will_say(("desk_send", {"to": "ana@example.com", "subject": "hello"}))
    assert home.nexus("run", "Mail ana@example.com hello").code == 0
    assert (home.path / "calls.jsonl").exists()


def test_what_is_no_call_is_a_named_error(home: Home) -> None:
    assert "no JSON object" in home.nexus("policy", "test", "desk_send", "[]").err
    assert home.nexus("policy", "test", "desk_send", "{").code == 2
    assert home.nexus("policy", "test", "desk_sned", "{}").code == 2


def test_a_rule_that_makes_no_sense_stops_the_program_and_is_named(home: Home) -> None:
    wrong = (
        '[[policy]]\nverdict = "ask"\n[[policy]]\nverdict = "ask"\narguments = { "/to" = { matches = "(" } }'
    )
    (home.path / "nexus.toml").write_text(wrong)
    for command in (["policy", "list"], ["run", "x"], ["serve"]):
        refused = home.nexus(*command)
        assert refused.code == 2
        assert "[[policy]] 2: arguments./to.matches" in refused.err
        assert "regular expression" in refused.err


FOUR_EYES = """
[[policy]]
verdict = "ask"
tool = "desk_send"
approvers = ["ben", "carl"]
approvals = 2
remind_minutes = 30
"""


def say_yes(home: Home, approval_id: str, actor: str, comment: str) -> None:
    """As somebody does over HTTP."""

    async def said() -> None:
        database = Database(home.path / "nexus.db", SystemClock())
        try:
            await SqliteApprovals(database).decide(
                ApprovalId(approval_id), Approve(comment=comment), actor=actor
            )
        finally:
            await database.close()

    asyncio.run(said())


def test_whoever_asked_sees_who_has_said_yes_and_how_many_still_must(home: Home) -> None:
    """With what they said to it; their own yes does not count, their no does."""
    (home.path / "nexus.toml").write_text(FOUR_EYES)
    home.will_say(("desk_send", {"to": "ana@example.com"}))
    asked = home.nexus("run", "Mail ana@example.com")
    assert (asked.code, "ben, carl decide; 2 of them must approve." in asked.out) == (3, True)
    approval = home.pending()
    say_yes(home, approval, "api:ben", "I know\n\x1b[2Jher.")
    shown = home.nexus("approvals", "show", approval).out
    assert "ben approved on " in shown
    assert ": I know \\u{1b}[2Jher.\n" in shown
    assert "1 more must approve." in shown
    assert "pending, 1 of 2 yes" in home.nexus("approvals", "list").out
    (facts,) = home.nexus("approvals", "list", "--json").lines
    assert [(vote["approver"], vote["by"]) for vote in facts["votes"]] == [("ben", "api:ben")]
    refused = home.nexus("approvals", "approve", approval)
    assert (refused.code == 0, "ben, carl decide" in refused.err, home.calls) == (False, True, [])
    assert home.nexus("approvals", "reject", approval).code == 0
    assert home.calls == []


def test_a_rule_is_listed_in_full(home: Home) -> None:
    (home.path / "nexus.toml").write_text(RULES + FOUR_EYES)
    listed = home.nexus("policy", "list").out
    assert 'tool: desk_send; arguments: {"/to": {"equals": "ana@example.com"}}' in listed
    assert 'approvers: ["ben", "carl"]; approvals: 2; remind_minutes: 30' in listed
    assert "about: " not in listed
