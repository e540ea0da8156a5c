"""What tools have done for a user before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call that a person approved and that worked.

    Attributes:
        request: The request that it served.
        arguments: What the tool was called with.
        key: The call's, as `Call.key`.
    """

    request: str
    arguments: Mapping[str, Any]
    key: str


class Experience(Protocol):
    """Requests that a user's approved calls have served, by tool. Never shown to another user.

    Only a call that a person approved and that succeeded may be remembered: it is the person's word that
    this tool was right for this request.
    """

    async def remember(self, user: str, *, tool: str, request: str, call: str) -> None:
        """Note that `tool` served `request`; the same `call` (its key) counts once. Durable on return."""
        ...

    async def examples(self, user: str) -> Mapping[str, Sequence[str]]:
        """The latest few requests for each tool, the latest first; a bounded number in all."""
        ...

    async def last_call(self, user: str, tool: str) -> PastCall | None:
        """The latest remembered call of `tool`; None if there is none."""
        ...
