"""What a tool's rules are in words, and what a user's choice does to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.core.action import Call, CallId
from nexus.core.policy import Policy
from nexus.core.tool import ToolSpec
from nexus.core.tool_rules import CHOICES, Choice, choosing, rules_of, word_of
from nexus.errors import InvalidInput
from nexus.settings_policy import MOST_RULES, Rule

STRICTER = ("allow", "ask", "deny")


def tool(slug: str = "GMAIL_FETCH_EMAILS", *hints: str, **facts: object) -> ToolSpec:
    return ToolSpec(slug, "gmail", slug, "", {"type": "object"}, frozenset(hints), **facts)  # type: ignore[arg-type]  # shorter


SEARCH = tool("GMAIL_FETCH_EMAILS", "readOnlyHint", account="ca_1")
SEND = tool("GMAIL_SEND_EMAIL", "openWorldHint", account="ca_1")
NOTE = tool("desk_read", "readOnlyHint", is_local=True)


def words(spec: ToolSpec, policy: Policy | None = None) -> str:
    return rules_of(policy or Policy(), spec).words


def test_the_usual_is_said_in_plain_words():
    assert words(SEND) == "asks you first"
    assert words(SEARCH) == "runs by itself"
    assert words(NOTE) == "runs by itself"
    assert rules_of(Policy(), SEARCH).asks_for_addresses
    assert not rules_of(Policy(), NOTE).asks_for_addresses


def test_what_is_let_run_says_that_it_asks_again_once_others_were_read():
    allowed = Policy(own=choosing((), SEND, "allow"))
    assert words(SEND, allowed).startswith(
        "runs by itself, until the conversation has read what others wrote"
    )
    assert not rules_of(allowed, SEND).asks_for_addresses


def test_who_decides_instead_is_named():
    rule = Rule(verdict="ask", tool="GMAIL_SEND_EMAIL", approvers=("ana", "ben"), approvals=2)
    assert words(SEND, Policy(rules=(rule,))) == "asks ana, ben first (2 of them must say yes)"


@pytest.mark.parametrize("choice", ["allow", "ask", "deny"])
def test_a_choice_is_what_happens_from_then_on_and_can_be_taken_back(choice: Choice):
    own = choosing((), SEND, choice)
    found = rules_of(Policy(own=own), SEND)
    assert (found.chosen, word_of(found.verdict), found.decided_by) == (choice, choice, "user")
    assert choosing(own, SEND, "usual") == ()
    assert rules_of(Policy(own=own), SEARCH).chosen == "usual"


def test_the_operators_rules_stay_and_each_choice_says_what_it_would_lead_to():
    for policy in (
        Policy(rules=(Rule(verdict="ask", tool="GMAIL_*"),)),
        Policy(ask=("GMAIL_*",)),
    ):
        found = rules_of(policy, SEARCH)
        assert found.decided_by == "operator"
        assert [found.is_open(choice) for choice in CHOICES] == [True, False, True, True]
    forbidden = rules_of(Policy(deny=("GMAIL_*",), own=choosing((), SEND, "allow")), SEND)
    assert (forbidden.words, forbidden.decided_by, forbidden.chosen) == ("never runs", "operator", "allow")
    assert [forbidden.is_open(choice) for choice in CHOICES] == [True, False, False, True]


OPERATORS = st.lists(
    st.builds(
        Rule,
        verdict=st.sampled_from(STRICTER),
        tool=st.sampled_from([None, "GMAIL_*", "GMAIL_SEND_EMAIL", "*"]),
        toolkit=st.sampled_from([None, "gmail", "other"]),
    ),
    max_size=3,
)


@given(OPERATORS, st.sampled_from(CHOICES), st.booleans())
def test_no_choice_ever_makes_what_the_operator_said_laxer(
    rules: list[Rule],
    choice: Choice,
    is_trusted: bool,  # noqa: FBT001 - drawn
):
    operators = Policy(rules=tuple(rules))
    chosen = operators.with_own(choosing((), SEND, choice))
    decided = rules_of(operators, SEND).decided_by == "operator"
    call = Call(CallId("c"), SEND.slug, {})
    before, after = (
        STRICTER.index(word_of(policy.judge(SEND, call, is_trusted=is_trusted)))
        for policy in (operators, chosen)
    )
    assert not decided or after >= before


def test_other_rules_of_the_user_stay_and_are_named_if_they_may_decide_otherwise():
    team = Rule.model_validate(
        {
            "verdict": "allow",
            "name": "mail to my team",
            "tool": SEND.slug,
            "arguments": {"/to": {"equals": "ana"}},
        }
    )
    elsewhere = team.model_copy(update={"tool": "SLACK_SEND"})
    own = choosing((team, elsewhere), SEND, "deny")
    assert own[:2] == (team, elsewhere)
    assert rules_of(Policy(own=own), SEND).exceptions == (("mail to my team", "allow"),)
    assert rules_of(Policy(own=own), SEARCH).exceptions == ()


def test_a_choice_that_says_what_a_rule_says_already_keeps_that_rule():
    both = Rule(verdict="ask", tool=SEND.slug, approvers=("ana",), because="she knows")
    assert choosing((both,), SEND, "ask") == (both,)
    assert choosing((both,), SEND, "deny") != (both,)


def test_a_tool_of_the_same_name_in_another_app_is_not_meant():
    own = choosing((), SEND, "allow")
    other = ToolSpec(SEND.slug, "evil", "", "", {"type": "object"}, SEND.hints, account="ca_2")
    assert word_of(Policy(own=own).judge(other)) == "ask"


def test_a_name_that_could_mean_several_tools_gets_no_rule():
    with pytest.raises(InvalidInput, match="other tools as well"):
        choosing((), tool("GMAIL_*"), "allow")


def test_there_are_never_more_rules_than_can_be_read_again():
    own = tuple(Rule(verdict="ask", tool=f"T{number}") for number in range(MOST_RULES))
    with pytest.raises(InvalidInput, match=str(MOST_RULES)):
        choosing(own, SEND, "allow")
    assert len(choosing(own, tool("T1"), "deny")) == MOST_RULES
    assert choosing(own, SEND, "usual") == own
