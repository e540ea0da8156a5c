"""The exact action a person approves, and its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NewType

from nexus.core.canonical import sha256
from nexus.core.tool import ToolSpec

ThreadId = NewType("ThreadId", str)
CallId = NewType("CallId", str)
ApprovalId = NewType("ApprovalId", str)
Digest = NewType("Digest", str)
"""SHA-256 in hex over everything that decides what would happen."""

_EDITED = "x"  # no hexadecimal digit, so no random id ends with it


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool that somebody proposed.

    Attributes:
        id: Random; the same proposal keeps it through every replay, so the ledger knows it again.
        tool: The slug of the tool.
        arguments: Valid for the tool's schema.
        attempt: 1, or more after a person asked for another try of a call whose outcome was unknown, or
            connected the account it needs.
    """

    id: CallId
    tool: str
    arguments: Mapping[str, Any]
    attempt: int = 1

    @property
    def key(self) -> str:
        """The ledger's key: one attempt of one call has at most one effect."""
        return f"{self.id}.{self.attempt}"

    @property
    def approval_id(self) -> ApprovalId:
        """The approval that this attempt needs."""
        return ApprovalId(f"{self.id}-{self.attempt}")

    @property
    def proposed_id(self) -> str:
        """The id under which the model proposed the call; an edit by a person keeps it."""
        return self.id.removesuffix(_EDITED)

    @property
    def was_edited(self) -> bool:
        """True if a person changed the arguments."""
        return self.id.endswith(_EDITED)

    def edited(self, arguments: Mapping[str, Any]) -> Call:
        """The call that a person made of this one: new arguments, hence a new id, or a new attempt of it."""
        attempt = self.attempt + 1 if self.was_edited else self.attempt
        return replace(
            self, id=CallId(f"{self.proposed_id}{_EDITED}"), arguments=dict(arguments), attempt=attempt
        )

    def next_attempt(self) -> Call:
        """The same call, to be tried once more."""
        return replace(self, attempt=self.attempt + 1)


def proposal_in(key: str) -> str:
    """The id under which the model proposed the call of a ledger's key, as `Call.proposed_id`."""
    return key.rpartition(".")[0].removesuffix(_EDITED)


def digest_of(
    call: Call, spec: ToolSpec, *, thread: ThreadId, policy_version: str, expires_at: datetime
) -> Digest:
    """The fingerprint of what would happen if `call` ran now.

    Raises:
        ArgumentsInvalid: The arguments have no canonical spelling.
    """
    return Digest(
        sha256(
            {
                "thread": thread,
                "call": call.key,
                "tool": call.tool,
                "version": spec.version,
                "account": spec.account,
                "arguments": dict(call.arguments),
                "policy": policy_version,
                "expires_at": expires_at.isoformat(),
            }
        )
    )
