"""Who decides on a call: a rule, or a person. Judged on the final call, every time it could run."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal, TypeAlias

from nexus.core.action import Call
from nexus.core.approval import Reminding
from nexus.core.canonical import sha256
from nexus.core.conditions import unmet
from nexus.core.tool import ToolSpec
from nexus.settings_policy import Rule


@dataclass(frozen=True, slots=True)
class Allow:
    """The call may run without asking."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A person must decide.

    Attributes:
        approvers: The users who decide; empty: whoever the call is for.
        approvals: How many of them must say yes.
        wait: How long they have; None: as long as is usual.
        reminding: How they are reminded; None: as is usual.
    """

    reason: str
    approvers: tuple[str, ...] = ()
    approvals: int = 1
    wait: timedelta | None = None
    reminding: Reminding | None = None


@dataclass(frozen=True, slots=True)
class Deny:
    """The call must not run, whoever asks."""

    reason: str


Verdict: TypeAlias = Allow | Ask | Deny

Level = Literal["operator", "user", "default"]
"""Who made a rule: whoever runs Nexus (`nexus.toml`), the user, or Nexus itself."""


@dataclass(frozen=True, slots=True)
class Considered:
    """A rule, and what it says to a call.

    Attributes:
        fits: True if it is about the call.
        why: What does not fit; or what follows.
    """

    rule: str
    level: Level
    fits: bool
    why: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and how it came about: each level's rules by their weight; the first that fits counts."""

    verdict: Verdict
    considered: Sequence[Considered]


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force.

    Of the rules of one level that fit a call, the one that names the tool most exactly decides, then the one
    with the most conditions, then the strictest. A user's rule can make the operator's stricter, never laxer.

    Attributes:
        deny: Tool names or globs (`desk_delete_*`) that must never run, whatever a rule says.
        ask: Tool names or globs that ask, whatever rule would allow them.
        rules: The operator's.
        own: The user's.
    """

    deny: Sequence[str] = field(default_factory=tuple[str, ...])
    ask: Sequence[str] = field(default_factory=tuple[str, ...])
    rules: Sequence[Rule] = field(default_factory=tuple[Rule, ...])
    own: Sequence[Rule] = field(default_factory=tuple[Rule, ...])

    @property
    def version(self) -> str:
        """A short fingerprint of the rules, bound into every approval."""
        facts: dict[str, Any] = {"deny": sorted(self.deny), "ask": sorted(self.ask)}
        for name, rules in (("rules", self.rules), ("own", self.own)):
            if rules:
                facts[name] = [_judged(rule) for rule in rules]
        return sha256(_ordered(facts))[:12]

    def with_own(self, own: Sequence[Rule]) -> Policy:
        """These rules, with a user's."""
        return replace(self, own=tuple(own))

    def judge(self, spec: ToolSpec, call: Call | None = None, *, is_trusted: bool = True) -> Verdict:
        """The verdict on a call of `spec`, with the reason a person is shown.

        Args:
            spec: The tool.
            call: The call; None for the tool in general: no rule about arguments fits then.
            is_trusted: False once the thread has read what others wrote: then only what stays on this
                machine, or with the user's own accounts, and only reads, runs without asking.
        """
        return self.explain(spec, call, is_trusted=is_trusted).verdict

    def explain(self, spec: ToolSpec, call: Call | None = None, *, is_trusted: bool = True) -> Judgement:
        """As `judge`, with every rule that was looked at."""
        if rule := _first_match(spec.slug, self.deny):
            verdict = Deny(f"the rule deny = {rule!r} forbids {spec.slug}")
            return Judgement(
                verdict, [Considered(f"deny = {rule!r}", "operator", fits=True, why="it forbids")]
            )
        arguments = call.arguments if call is not None else {}
        considered: list[Considered] = []
        levels: list[tuple[Level, Sequence[Rule]]] = [("operator", self.rules), ("user", self.own)]
        found = [
            _strongest(level, rules, spec, arguments, is_trusted=is_trusted, considered=considered)
            for level, rules in levels
        ]
        chosen = [verdict for verdict in found if verdict is not None]
        by_nexus = _by_default(spec, arguments)
        considered.append(
            Considered("what Nexus knows of the tool", "default", fits=True, why=by_nexus.reason)
        )
        verdict = max(chosen, key=_strictness) if chosen else by_nexus
        if isinstance(verdict, Allow) and (rule := _first_match(spec.slug, self.ask)):
            verdict = Ask(f"the rule ask = {rule!r} names {spec.slug}")
            considered.insert(0, Considered(f"ask = {rule!r}", "operator", fits=True, why="it asks"))
        if isinstance(verdict, Allow) and not is_trusted and not _is_harmless(spec, by_rule=bool(chosen)):
            why = "this thread has read what others wrote, and the call could act on it or carry it out"
            verdict = Ask(why)
            considered.insert(0, Considered("a thread that is not trusted", "default", fits=True, why=why))
        return Judgement(verdict, considered)


def _strongest(
    level: Level,
    rules: Sequence[Rule],
    spec: ToolSpec,
    arguments: Mapping[str, Any],
    *,
    is_trusted: bool,
    considered: list[Considered],
) -> Verdict | None:
    """The verdict of the rule that decides on this level; None if none fits."""
    verdict: Verdict | None = None
    named = [(name_of(rule, number), rule) for number, rule in enumerate(rules, start=1)]
    for name, rule in sorted(named, key=lambda pair: _weight(pair[1]), reverse=True):
        missing = _misfit(rule, spec, arguments, is_trusted=is_trusted)
        if missing is None and verdict is None:
            verdict = _said_by(rule, name)
            considered.append(Considered(name, level, fits=True, why=verdict.reason))
        else:
            why = missing or "a rule that is more exact has decided"
            considered.append(Considered(name, level, fits=missing is None, why=why))
    return verdict


def name_of(rule: Rule, number: int) -> str:
    """What a rule is called; one without a name has its place in the list."""
    return rule.name or f"rule {number}"


def _weight(rule: Rule) -> tuple[int, int, int, int]:
    """What makes a rule count before another."""
    tool = rule.tool or ""
    is_exact = bool(tool) and not is_glob(tool)
    rank = 3 if is_exact else 2 if tool else 1 if rule.toolkit else 0
    literal = len(re.sub(r"[*?\[\]]", "", tool))
    given = (rule.account, rule.trust, rule.toolkit if tool else None)
    conditions = len(rule.arguments) + len(rule.hints) + sum(part is not None for part in given)
    return rank, literal, conditions, ("allow", "ask", "deny").index(rule.verdict)


def applies(rule: Rule, spec: ToolSpec) -> bool:
    """True if the rule can be about calls of the tool, whatever account and arguments they have."""
    is_named = rule.tool is None or fnmatch.fnmatchcase(spec.slug, rule.tool)
    return is_named and rule.toolkit in {None, spec.toolkit} and rule.hints <= spec.hints


def _misfit(rule: Rule, spec: ToolSpec, arguments: Mapping[str, Any], *, is_trusted: bool) -> str | None:
    """The first thing of the rule that is not so for the call; None if it fits."""
    trust = "trusted" if is_trusted else "untrusted"
    checks = (
        (rule.toolkit is None or rule.toolkit == spec.toolkit, f"the app is {spec.toolkit}"),
        (rule.tool is None or fnmatch.fnmatchcase(spec.slug, rule.tool), f"the tool is {spec.slug}"),
        (rule.hints <= spec.hints, "the tool does not have these hints"),
        (rule.account is None or rule.account == spec.account, "it acts on another account"),
        (rule.trust is None or rule.trust == trust, f"the thread is {trust}"),
    )
    for holds, otherwise in checks:
        if not holds:
            return otherwise
    return unmet(rule.arguments, arguments, every=rule.verdict == "allow")


def _said_by(rule: Rule, name: str) -> Verdict:
    because = f": {rule.because}" if rule.because else ""
    match rule.verdict:
        case "allow":
            return Allow(f"the rule {name!r} allows it{because}")
        case "deny":
            return Deny(f"the rule {name!r} forbids it{because}")
        case "ask":
            wait = timedelta(hours=rule.wait_hours) if rule.wait_hours else None
            reminding = Reminding.after(rule.remind_minutes, rule.remind_times)
            return Ask(f"the rule {name!r} asks{because}", rule.approvers, rule.approvals, wait, reminding)


def _judged(rule: Rule) -> dict[str, Any]:
    """What of a rule is in the fingerprint: all but how people are reminded, which changes no verdict."""
    return rule.model_dump(mode="json", by_alias=True, exclude={"remind_minutes", "remind_times"})


def _by_default(spec: ToolSpec, arguments: Mapping[str, Any]) -> Allow | Ask:
    """What Nexus says by itself: only what is known to change nothing and to carry nothing out may run."""
    if not spec.is_read_only:
        return Ask(_why(spec))
    if not spec.is_local and _holds_address(arguments):
        return Ask("it is given an address to call, which can carry data out")
    return Allow("it only reads")


def _is_harmless(spec: ToolSpec, *, by_rule: bool) -> bool:
    """True if not even somebody else's words could do damage with the call.

    A rule says nothing of what others wrote, so it lets through only what stays on this machine.
    """
    return spec.is_read_only and (spec.is_local or (spec.account is not None and not by_rule))


_ADDRESS = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]*://\S+\s*|\s*www\.\S+\s*")


def _holds_address(value: Any) -> bool:
    """True if any single value is an address of the web."""
    if isinstance(value, str):
        return _ADDRESS.fullmatch(value) is not None
    if isinstance(value, Mapping):
        return any(map(_holds_address, value.values()))
    return isinstance(value, list | tuple) and any(map(_holds_address, value))


def _strictness(verdict: Verdict) -> int:
    match verdict:
        case Allow():
            return 0
        case Ask():
            return 1
        case Deny():
            return 2


def _first_match(slug: str, rules: Sequence[str]) -> str | None:
    return next((rule for rule in rules if fnmatch.fnmatchcase(slug, rule)), None)


def is_glob(tool: str) -> bool:
    """True if a rule with that name of a tool can mean several."""
    return any(character in tool for character in "*?[")


def _ordered(value: Any) -> Any:
    """Sets come out of pydantic in no order; in the fingerprint they have one."""
    if isinstance(value, dict):
        return {key: sorted(item) if key == "hints" else _ordered(item) for key, item in value.items()}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _why(spec: ToolSpec) -> str:
    effects = {
        "destructiveHint": "it can destroy something",
        "openWorldHint": "it reaches other people or services",
        "updateHint": "it changes something that exists",
        "createHint": "it makes something new",
    }
    return next(
        (text for hint, text in effects.items() if hint in spec.hints), "nothing says that it only reads"
    )
