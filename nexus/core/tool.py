"""What a tool is to Nexus, whoever provides it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

JsonSchema: TypeAlias = Mapping[str, Any]
"""A JSON Schema (2020-12) as plain Python values."""

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
"""Any JSON value."""

Hint = Literal[
    "readOnlyHint", "createHint", "updateHint", "destructiveHint", "idempotentHint", "openWorldHint"
]
"""What a provider says its tool does; the names are those of MCP and Composio."""

_CHANGING: frozenset[Hint] = frozenset({"createHint", "updateHint", "destructiveHint"})


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool, as the model, the policy and the person see it.

    Attributes:
        slug: The unique name, e.g. `desk_send_email`.
        toolkit: The app it belongs to, e.g. `desk`.
        title: A short name for people, e.g. `Send an e-mail`.
        description: What it does; the first line is shown to the model in the shortlist.
        parameters: JSON Schema of its arguments; always of type `object`.
        hints: What its provider says it does. None means nothing is known, so it asks.
        version: The provider's version of the tool; part of what is approved.
        account: The connected account it acts for, if any; part of what is approved.
        is_local: True if what it is given stays on this machine.
        returns_own: True if what it returns are the user's own words, or Nexus's: nothing that others wrote.
        needs_account: True if it acts on an account of the user at an outside app; `account` is None then
            until one is connected.
    """

    slug: str
    toolkit: str
    title: str
    description: str
    parameters: JsonSchema
    hints: frozenset[Hint] = field(default_factory=frozenset[Hint])
    version: str = "1"
    account: str | None = None
    needs_account: bool = False
    is_local: bool = False
    returns_own: bool = False

    @property
    def summary(self) -> str:
        """The first line of the description."""
        return self.description.strip().split("\n", 1)[0]

    @property
    def can_act(self) -> bool:
        """False if it needs an account and none is connected."""
        return self.account is not None or not self.needs_account

    @property
    def changes_nothing(self) -> bool:
        """True if the tool is known to change nothing; what it is given may go to anybody."""
        return "readOnlyHint" in self.hints and not (self.hints & _CHANGING)

    @property
    def is_read_only(self) -> bool:
        """True if the tool is known to change nothing and to send nothing out."""
        return self.changes_nothing and "openWorldHint" not in self.hints


def unknown_tool(slug: str) -> ToolSpec:
    """A stand-in for a tool that is not there any more: nothing is known of it, so it may do nothing."""
    return ToolSpec(slug=slug, toolkit="", title=slug, description="", parameters={"type": "object"})
