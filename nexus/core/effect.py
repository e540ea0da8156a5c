"""What the ledger knows of one attempt of one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from nexus.core.action import Digest
from nexus.errors import Refused

Outcome = Literal["done", "failed", "refused", "invalid", "unconnected", "unknown"]
"""done: it acted; failed, refused, invalid, unconnected: it definitely did not (the tool failed, was not
allowed, could not use the arguments, or had no active account to act on); unknown: nobody can know."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The recorded end of an attempt. `text` is what the model and the person are told.

    `tries` is how often it was sent: more than once only where that cannot do more than once would; `at` is
    when its end was recorded, if it was read from the record.
    """

    outcome: Outcome
    text: str
    reference: str | None = None
    tries: int = 1
    at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """A request to run one attempt now.

    Attributes:
        key: The attempt (`Call.key`).
        digest: What would run; must be what was approved, and what an earlier claim of the key had.
        arguments: What it would run with.
        is_untrusted: True if what it returns may be others' words.
        reason: Why it may run without asking, if so.
        approved: What was approved of this very call, whatever became of its tool and account since: if that
            ran, its end is the end of the call. None if nobody was asked.
        needs_approval: False only where policy allows the call without asking.
        is_repeatable: True for calls that only read: an attempt whose end was lost may simply run again.
        toolkit: The app it would be sent to.
        account: The account it would act for, if the tool has accounts.
        refusal: What to raise if it must not start now; one that started before still answers with its end.
    """

    key: str
    thread: str
    tool: str
    digest: Digest
    needs_approval: bool
    is_repeatable: bool
    refusal: Refused | None = None
    approved: Digest | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    reason: str = ""
    is_untrusted: bool = True
    toolkit: str = ""
    account: str | None = None


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
