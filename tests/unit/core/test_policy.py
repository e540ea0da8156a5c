"""Policy: deny rules first, then ask rules, then only what is known to read runs without asking."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nexus.core.policy import Allow, Ask, Deny, Policy, Verdict
from nexus.core.tool import Hint, ToolSpec, unknown_tool
from tests.world import READ, SEND

BY_HINTS: list[tuple[set[Hint], Verdict]] = [
    (set(), Ask("nothing says that it only reads")),
    ({"idempotentHint"}, Ask("nothing says that it only reads")),
    ({"readOnlyHint"}, Allow("it only reads")),
    ({"readOnlyHint", "idempotentHint"}, Allow("it only reads")),
    ({"readOnlyHint", "createHint"}, Ask("it makes something new")),
    ({"readOnlyHint", "updateHint"}, Ask("it changes something that exists")),
    ({"readOnlyHint", "destructiveHint"}, Ask("it can destroy something")),
    ({"readOnlyHint", "openWorldHint"}, Ask("it reaches other people or services")),
    ({"createHint", "destructiveHint"}, Ask("it can destroy something")),
    ({"createHint", "openWorldHint"}, Ask("it reaches other people or services")),
]


@pytest.mark.parametrize(
    ("hints", "verdict"), BY_HINTS, ids=lambda value: str(sorted(value)) if isinstance(value, set) else ""
)
def test_only_what_is_purely_read_only_runs_without_asking(hints: set[Hint], verdict: Verdict) -> None:
    assert Policy().judge(replace(SEND, hints=frozenset(hints))) == verdict


def test_a_deny_rule_is_stronger_than_an_ask_rule_and_than_being_harmless() -> None:
    policy = Policy(deny=("post_r*",), ask=("post_read",))
    assert policy.judge(READ) == Deny("the rule deny = 'post_r*' forbids post_read")


def test_an_ask_rule_makes_even_reading_ask() -> None:
    assert Policy(ask=("post_read",)).judge(READ) == Ask("the rule ask = 'post_read' names post_read")


@pytest.mark.parametrize("rule", ["POST_READ", "post", "post_rea", "ost_read", "post_read "])
def test_a_rule_names_the_whole_tool_as_it_is_spelled(rule: str) -> None:
    assert Policy(deny=(rule,)).judge(READ) == Allow("it only reads")


def test_a_tool_nobody_knows_asks() -> None:
    assert isinstance(Policy().judge(unknown_tool("gone")), Ask)


def test_the_version_changes_with_the_rules_and_with_nothing_else() -> None:
    assert Policy(deny=("a", "b")).version == Policy(deny=["b", "a"]).version
    versions = {Policy().version, Policy(deny=("a",)).version, Policy(ask=("a",)).version}
    assert len(versions) == 3


def test_the_first_line_sums_a_tool_up() -> None:
    assert ToolSpec("a", "b", "c", "\n One.\nTwo.", {}).summary == "One."
