"""The rules that a user made for themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nexus.settings_policy import Rule


@dataclass(frozen=True, slots=True)
class OwnRules:
    """A user's rules, and what tells them from any others."""

    rules: Sequence[Rule]
    version: str


class Policies(Protocol):
    """One user's rules. Durable before it returns."""

    async def get(self) -> OwnRules:
        """The rules in force; none if none were made."""
        ...

    async def put(self, rules: Sequence[Rule], *, expected: str | None = None) -> OwnRules:
        """Replace them all; written to the audit log as well.

        Raises:
            Conflict: They are not the ones of the version `expected` any more; nothing was changed.
        """
        ...
