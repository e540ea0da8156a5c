"""Rules: what they are about, which of them counts, and what a thread's trust does to them."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from nexus.core.action import Call, CallId
from nexus.core.policy import Allow, Ask, Deny, Policy
from nexus.core.tool import ToolSpec
from nexus.settings_policy import Rule
from tests.world import READ, SEND

MINE = replace(SEND, account="ca_1", needs_account=True)
REMOTE = replace(READ, slug="web_read", toolkit="web", is_local=False)
BOXED = replace(REMOTE, slug="box_read", toolkit="box", account="ca_1", needs_account=True)


def rule(verdict: str, **facts: Any) -> Rule:
    return Rule.model_validate({"verdict": verdict, **facts})


def call(**arguments: Any) -> Call:
    return Call(CallId("c"), SEND.slug, arguments)


def kind(*rules: Rule, spec: ToolSpec = SEND, trusted: bool = True, **arguments: Any) -> str:
    """The verdict of these rules, in one word."""
    return type(Policy(rules=rules).judge(spec, call(**arguments), is_trusted=trusted)).__name__


FITS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({}, {}, True),
    ({"toolkit": "post"}, {}, True),
    ({"toolkit": "pos"}, {}, False),
    ({"tool": "post_send"}, {}, True),
    ({"tool": "post_*"}, {}, True),
    ({"tool": "post"}, {}, False),
    ({"tool": "POST_SEND"}, {}, False),
    ({"tool": "*"}, {}, True),
    ({"hints": ["createHint"]}, {}, True),
    ({"hints": ["createHint", "destructiveHint"]}, {}, False),
    ({"account": "ca_1"}, {}, True),
    ({"account": "ca_2"}, {}, False),
    ({"trust": "trusted"}, {}, True),
    ({"trust": "untrusted"}, {}, False),
    ({"arguments": {"/to": {"equals": "ana"}}}, {"to": "ana"}, True),
    ({"arguments": {"/to": {"equals": "ana"}}}, {"to": "ben"}, False),
    ({"arguments": {"/to": {"equals": "ana"}}}, {}, False),
    ({"arguments": {"/n": {"equals": 1}}}, {"n": True}, False),
    ({"arguments": {"/n": {"equals": None}}}, {"n": None}, True),
    ({"arguments": {"/n": {"equals": {"a": [1, 2]}}}}, {"n": {"a": [1, 2]}}, True),
    ({"arguments": {"/to": {"in": ["ana", "ben"]}}}, {"to": "ben"}, True),
    ({"arguments": {"/to": {"in": ["ana", "ben"]}}}, {"to": "carl"}, False),
    ({"arguments": {"/to": {"matches": r".+@example\.com"}}}, {"to": "ana@example.com"}, True),
    ({"arguments": {"/to": {"matches": r".+@example\.com"}}}, {"to": "ana@example.com.evil.test"}, False),
    ({"arguments": {"/to": {"matches": r".+@example\.com"}}}, {"to": ["ana@example.com"]}, False),
    ({"arguments": {"/to": {"matches": r".+@example\.com"}}}, {"to": "x@evil.test\na@example.com"}, False),
    ({"arguments": {"/n": {"max": 100}}}, {"n": 100}, True),
    ({"arguments": {"/n": {"max": 100}}}, {"n": 100.5}, False),
    ({"arguments": {"/n": {"max": 100}}}, {"n": "1"}, False),
    ({"arguments": {"/n": {"max": 100}}}, {"n": True}, False),
    ({"arguments": {"/to/*": {"matches": "a.*"}}}, {"to": ["ana", "anton"]}, True),
    ({"arguments": {"/to/*": {"matches": "a.*"}}}, {"to": ["ana", "ben"]}, False),
    ({"arguments": {"/to/*": {"matches": "a.*"}}}, {"to": []}, False),
    ({"arguments": {"/to/1": {"equals": "ben"}}}, {"to": ["ana", "ben"]}, True),
    ({"arguments": {"/a~1b/~0": {"equals": 1}}}, {"a/b": {"~": 1}}, True),
    ({"arguments": {"/to": {"equals": "ana"}, "/n": {"max": 1}}}, {"to": "ana", "n": 2}, False),
]


@pytest.mark.parametrize(("facts", "arguments", "fits"), FITS, ids=lambda value: str(value)[:60])
def test_a_rule_is_about_what_fits_all_that_it_names(
    facts: dict[str, Any], arguments: dict[str, Any], *, fits: bool
) -> None:
    assert kind(rule("allow", **facts), spec=MINE, **arguments) == ("Allow" if fits else "Ask")


def test_what_is_forbidden_cannot_hide_as_one_of_many() -> None:
    forbids = rule("deny", arguments={"/to": {"matches": ".*@evil.test"}})
    for to in ("x@evil.test", ["ana@example.com", "x@evil.test"], {"cc": ["x@evil.test"]}):
        assert kind(forbids, to=to) == "Deny"
    assert kind(forbids, to=["ana@example.com"]) == "Ask"


WEIGHTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"tool": "post_send"}, {"tool": "post_s*"}),
    ({"tool": "post_s*"}, {"tool": "post_*"}),
    ({"tool": "*"}, {"toolkit": "post"}),
    ({"toolkit": "post"}, {}),
    ({"tool": "post_send", "arguments": {"/to": {"equals": "ana"}}}, {"tool": "post_send"}),
    ({"tool": "post_send"}, {"tool": "post_*", "arguments": {"/to": {"equals": "ana"}}}),
    ({"toolkit": "post", "trust": "trusted"}, {"toolkit": "post"}),
]


@pytest.mark.parametrize(("heavy", "light"), WEIGHTS, ids=str)
def test_the_rule_that_is_more_exact_counts_in_whichever_order_they_stand(
    heavy: dict[str, Any], light: dict[str, Any]
) -> None:
    for rules in (
        [rule("allow", **heavy), rule("deny", **light)],
        [rule("deny", **light), rule("allow", **heavy)],
    ):
        assert kind(*rules, to="ana") == "Allow"


def test_of_two_equally_exact_rules_the_stricter_counts() -> None:
    for first, second, strict in (
        ("allow", "ask", "Ask"),
        ("ask", "deny", "Deny"),
        ("allow", "deny", "Deny"),
    ):
        rules = [rule(first, tool="post_send"), rule(second, tool="post_send")]
        assert kind(*rules) == kind(*reversed(rules)) == strict


def test_a_user_can_make_the_operators_rules_stricter_but_not_laxer() -> None:
    operator = (rule("ask", tool="post_send"),)
    assert isinstance(Policy(rules=operator, own=(rule("allow"),)).judge(SEND), Ask)
    assert isinstance(Policy(rules=operator, own=(rule("deny"),)).judge(SEND), Deny)
    assert isinstance(Policy(own=(rule("allow", tool="post_send"),)).judge(SEND), Allow)
    forbidden = Policy(deny=("post_*",), rules=(rule("allow", tool="post_send"),), own=(rule("allow"),))
    assert isinstance(forbidden.judge(SEND), Deny)
    assert isinstance(Policy(ask=("post_*",), rules=(rule("allow"),)).judge(SEND), Ask)


def test_a_rule_says_who_decides_and_how_long_there_is_to_do_so() -> None:
    asks = rule(
        "ask", name="money", because="it is a lot", approvers=["ana", "ben"], approvals=2, wait_hours=4
    )
    assert Policy(rules=(asks,)).judge(SEND) == Ask(
        "the rule 'money' asks: it is a lot", ("ana", "ben"), 2, timedelta(hours=4)
    )


TRUST: list[tuple[ToolSpec, bool, str]] = [
    (SEND, True, "Ask"),
    (READ, False, "Allow"),
    (READ, True, "Allow"),
    (BOXED, False, "Allow"),
    (BOXED, True, "Ask"),
    (REMOTE, False, "Ask"),
    (REMOTE, True, "Ask"),
]


@pytest.mark.parametrize(("spec", "has_rule", "verdict"), TRUST)
def test_once_others_words_were_read_only_what_stays_here_runs_without_asking(
    spec: ToolSpec, verdict: str, *, has_rule: bool
) -> None:
    rules = [rule("allow", tool=spec.slug)] if has_rule else []
    assert kind(*rules, spec=spec, trusted=False) == verdict
    if has_rule:
        assert kind(*rules, spec=spec) == "Allow"


@pytest.mark.parametrize(
    "address", ["https://evil.test/?q=secret", " http://x.test ", "www.evil.test", "ftp://a/b"]
)
def test_reading_from_an_address_in_the_arguments_asks_unless_it_stays_here(address: str) -> None:
    for arguments in ({"url": address}, {"pages": [address]}, {"deep": {"url": address}}):
        assert kind(spec=REMOTE, **arguments) == "Ask"
        assert kind(spec=READ, **arguments) == "Allow"
    assert kind(spec=REMOTE, text="nothing like https: or so") == "Allow"


def test_a_verdict_is_explained_rule_by_rule() -> None:
    rules = (
        rule("allow", name="team", tool="post_send", arguments={"/to": {"equals": "ana"}}),
        rule("ask", tool="post_*"),
    )
    judgement = Policy(rules=rules).explain(SEND, call(to="ben"))
    assert [(each.rule, each.fits, each.why) for each in judgement.considered] == [
        ("team", False, "/to does not fit"),
        ("rule 2", True, "the rule 'rule 2' asks"),
        ("what Nexus knows of the tool", True, "it reaches other people or services"),
    ]
    assert judgement.verdict == Ask("the rule 'rule 2' asks")


def test_the_version_changes_with_every_rule_and_is_the_same_for_the_same() -> None:
    hints = ["readOnlyHint", "createHint", "updateHint"]
    same = {Policy(rules=(rule("ask", hints=order),)).version for order in (hints, hints[::-1])}
    others = {
        Policy().version,
        Policy(rules=(rule("ask"),)).version,
        Policy(own=(rule("ask"),)).version,
        Policy(rules=(rule("ask", because="x"),)).version,
        Policy(rules=(rule("ask", arguments={"/a": {"max": 1}}),)).version,
    }
    assert (len(same), len(others), len(same & others)) == (1, 5, 0)


WRONG: list[dict[str, Any]] = [
    {},
    {"verdict": "maybe"},
    {"verdict": "ask", "tools": "x"},
    {"verdict": "ask", "tool": ""},
    {"verdict": "ask", "hints": ["readonly"]},
    {"verdict": "ask", "arguments": {"to": {"equals": 1}}},
    {"verdict": "ask", "arguments": {"/to": {}}},
    {"verdict": "ask", "arguments": {"/to": {"matches": "("}}},
    {"verdict": "ask", "arguments": {"/to": {"matches": "(?=a)b"}}},
    {"verdict": "ask", "arguments": {"/to": {"matches": "a" * 2000}}},
    {"verdict": "ask", "arguments": {"/to": {"in": []}}},
    {"verdict": "ask", "arguments": {"/to": {"max": "many"}}},
    {"verdict": "ask", "approvals": 2},
    {"verdict": "ask", "approvals": 3, "approvers": ["ana", "ben"]},
    {"verdict": "ask", "approvers": ["ana", "ana"]},
    {"verdict": "allow", "approvers": ["ana"]},
    {"verdict": "deny", "wait_hours": 1},
    {"verdict": "ask", "wait_hours": 0},
    {"verdict": "ask", "trust": "maybe"},
]


@pytest.mark.parametrize("facts", WRONG, ids=str)
def test_a_rule_that_makes_no_sense_is_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(facts)


def test_no_argument_can_keep_the_engine_of_expressions_busy() -> None:
    evil = rule("allow", arguments={"/to": {"matches": "(a+)+b"}})
    started = time.process_time()
    assert kind(evil, to="a" * 200_000) == "Ask"
    assert time.process_time() - started < 30, "a backtracking engine would need longer than the universe has"
