"""What the rules say of one tool, in plain words, and the one rule by which a user changes that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nexus.core.policy import Allow, Ask, Deny, Judgement, Level, Policy, Verdict, applies, is_glob, name_of
from nexus.core.tool import ToolSpec
from nexus.errors import InvalidInput
from nexus.settings_policy import MOST_RULES, Rule

Choice = Literal["usual", "allow", "ask", "deny"]
"""What a user can choose for a tool; usual: no rule of their own."""

CHOICES: tuple[Choice, ...] = ("usual", "allow", "ask", "deny")

_NAME = "chosen for this tool"


@dataclass(frozen=True, slots=True)
class ToolRules:
    """What becomes of a tool's calls in general, before anybody knows their arguments.

    Attributes:
        chosen: What the user chose for the tool.
        verdict: What happens in a thread that has read nothing of what others wrote.
        later: What happens once it has.
        decided_by: Whose rule decides.
        effects: What each choice would lead to; a user's choice never makes the operator's rules laxer.
        exceptions: Rules that look at more than the tool, and may decide otherwise: name and verdict.
        asks_for_addresses: True if it asks although it only reads, once it is given an address of the web.
    """

    spec: ToolSpec
    chosen: Choice
    verdict: Verdict
    later: Verdict
    decided_by: Level
    effects: dict[Choice, Verdict]
    exceptions: Sequence[tuple[str, str]] = ()
    asks_for_addresses: bool = False

    @property
    def word(self) -> Literal["allow", "ask", "deny"]:
        """What happens, as rules spell it."""
        return word_of(self.verdict)

    @property
    def usual(self) -> str:
        """What would happen if the user had chosen nothing."""
        return verdict_in_words(self.effects["usual"])

    @property
    def words(self) -> str:
        """What happens, as the end of a sentence that begins with the tool: `asks you`."""
        said = verdict_in_words(self.verdict)
        if isinstance(self.verdict, Allow) and isinstance(self.later, Ask):
            return f"{said}, until the conversation has read what others wrote: from then on it asks you"
        return said

    @property
    def why(self) -> str:
        """What makes it so, as a sentence without its full stop."""
        if self.decided_by == "operator":
            return f"Because whoever runs this server decided so: {self.verdict.reason}"
        if self.decided_by == "user" and self.chosen == word_of(self.verdict):
            return "Because you chose so"
        return f"Because {self.verdict.reason}"

    def leading_to(self, verdict: Literal["allow", "ask", "deny"]) -> Choice:
        """What to choose for that; what runs by itself as usual needs no rule, which would say less."""
        return "usual" if verdict == "allow" and isinstance(self.effects["usual"], Allow) else verdict

    def is_open(self, choice: Choice) -> bool:
        """True if the choice would lead to what it says."""
        return choice == "usual" or word_of(self.effects[choice]) == choice


def word_of(verdict: Verdict) -> Literal["allow", "ask", "deny"]:
    """The verdict as rules spell it."""
    match verdict:
        case Allow():
            return "allow"
        case Deny():
            return "deny"
        case Ask():
            return "ask"


def verdict_in_words(verdict: Verdict) -> str:
    """What becomes of a call, for the person it is for."""
    match verdict:
        case Allow():
            return "runs by itself"
        case Deny():
            return "never runs"
        case Ask():
            whom = ", ".join(verdict.approvers) or "you"
            several = f" ({verdict.approvals} of them must say yes)" if verdict.approvals > 1 else ""
            return f"asks {whom} first{several}"


def rules_of(policy: Policy, spec: ToolSpec) -> ToolRules:
    """What the rules in force say of a tool."""
    judged = policy.explain(spec)
    choices: list[Choice] = [rule.verdict for rule in policy.own if _is_choice(rule, spec)]
    return ToolRules(
        spec,
        choices[0] if choices else "usual",
        judged.verdict,
        policy.judge(spec, is_trusted=False),
        _decided_by(judged),
        {choice: policy.with_own(_with(policy.own, spec, choice)).judge(spec) for choice in CHOICES},
        tuple(_exceptions(policy, spec)),
        asks_for_addresses=isinstance(judged.verdict, Allow)
        and not spec.is_local
        and _decided_by(judged) == "default",
    )


def choosing(own: Sequence[Rule], spec: ToolSpec, choice: Choice) -> tuple[Rule, ...]:
    """The user's rules with that choice for the tool; every other rule of theirs stays.

    Raises:
        InvalidInput: There are too many rules, or none can mean this tool and no other.
    """
    if is_glob(spec.slug):
        raise InvalidInput(
            f"a rule for {spec.slug!r} would mean other tools as well",
            field="tool",
            remedy="Disable its app.",
        )
    rules = _with(own, spec, choice)
    if len(rules) > MOST_RULES:
        raise InvalidInput(
            f"you would have more than {MOST_RULES} rules",
            field="verdict",
            remedy="Let some tools be as usual, or write one rule for many: PUT /policy.",
        )
    return rules


def _with(own: Sequence[Rule], spec: ToolSpec, choice: Choice) -> tuple[Rule, ...]:
    kept = tuple(rule for rule in own if not _is_choice(rule, spec))
    if choice == "usual":
        return kept
    same = next((rule for rule in own if _is_choice(rule, spec) and rule.verdict == choice), None)
    return (*kept, same or Rule(verdict=choice, name=_NAME, toolkit=spec.toolkit, tool=spec.slug))


def _is_choice(rule: Rule, spec: ToolSpec) -> bool:
    """True for a rule that is about exactly this tool, whatever the call."""
    return (
        rule.tool == spec.slug
        and rule.toolkit in {None, spec.toolkit}
        and not (rule.hints or rule.arguments or rule.account or rule.trust)
    )


def _decided_by(judged: Judgement) -> Level:
    """Whose rule it was: the first that fits and says what was judged, by what it gives as the reason."""
    fitting = [each for each in judged.considered if each.fits]
    said = [each for each in fitting if each.why == judged.verdict.reason] or fitting
    return said[0].level if said else "default"


def _exceptions(policy: Policy, spec: ToolSpec) -> list[tuple[str, str]]:
    """Rules that fit the tool but look at the call, its account or its thread."""
    return [
        (name_of(rule, number), rule.verdict)
        for rules in (policy.rules, policy.own)
        for number, rule in enumerate(rules, start=1)
        if (rule.arguments or rule.account or rule.trust) and applies(rule, spec)
    ]
