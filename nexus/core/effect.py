"""What the ledger knows of one attempt of one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from nexus.core.action import Digest

Outcome = Literal["done", "failed", "refused", "invalid", "unknown"]
"""done: it acted; failed, refused, invalid: it definitely did not (the tool failed, was not allowed, or
could not use the arguments); unknown: nobody can know."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The recorded end of an attempt. `text` is what the model and the person are told."""

    outcome: Outcome
    text: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A request to run one attempt now.

    Attributes:
        key: The attempt (`Call.key`).
        digest: What would run; must be what was approved, and what an earlier claim of the key had.
        needs_approval: False only where policy allows the call without asking.
        is_repeatable: True for calls that only read: an attempt whose end was lost may simply run again.
        refusal: Why it must not start now, if so; one that started before still answers with its end.
    """

    key: str
    thread: str
    tool: str
    digest: Digest
    needs_approval: bool
    is_repeatable: bool
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """The attempt is yours: call the tool now, then settle."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The attempt has run before: this is how it ended."""

    effect: Effect


@dataclass(frozen=True, slots=True)
class InProgress:
    """A living process is running the attempt at this moment."""


ClaimResult: TypeAlias = Claimed | Settled | InProgress
