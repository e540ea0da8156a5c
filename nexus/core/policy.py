"""Who decides on a call: a rule, or a person. Judged on the final call, every time it could run."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from nexus.core.canonical import sha256
from nexus.core.tool import ToolSpec


@dataclass(frozen=True, slots=True)
class Allow:
    """The call may run without asking."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A person must decide."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deny:
    """The call must not run, whoever asks."""

    reason: str


Verdict: TypeAlias = Allow | Ask | Deny


@dataclass(frozen=True, slots=True)
class Policy:
    """Deny rules first; then only what is known to change nothing runs without asking.

    Attributes:
        deny: Tool names or globs (`desk_delete_*`) that must never run.
        ask: Tool names or globs that ask even though they only read.
    """

    deny: Sequence[str] = field(default_factory=tuple[str, ...])
    ask: Sequence[str] = field(default_factory=tuple[str, ...])

    @property
    def version(self) -> str:
        """A short fingerprint of the rules, bound into every approval."""
        return sha256({"deny": sorted(self.deny), "ask": sorted(self.ask)})[:12]

    def judge(self, spec: ToolSpec) -> Verdict:
        """The verdict on a call of `spec`, with the reason a person is shown."""
        if rule := _first_match(spec.slug, self.deny):
            return Deny(f"the rule deny = {rule!r} forbids {spec.slug}")
        if rule := _first_match(spec.slug, self.ask):
            return Ask(f"the rule ask = {rule!r} names {spec.slug}")
        if spec.is_read_only:
            return Allow("it only reads")
        return Ask(_why(spec))


def _first_match(slug: str, rules: Sequence[str]) -> str | None:
    return next((rule for rule in rules if fnmatch.fnmatchcase(slug, rule)), None)


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
