"""Where a user's programs and channels are told what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

Medium = Literal["webhook", "channel", "slack"]
"""webhook: a program, by signed messages; channel and slack: people, by the settings of this Nexus."""


RUN_ENDED = "run.ended"
"""The kind of the one message that a run's own webhook gets."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Somewhere to send messages to.

    Attributes:
        url: Where; for people's channels, which setting says where.
        kinds: Which messages it wants.
        may_decide: True if messages signed with its secret may decide approvals of its user.
        secret: What its messages are signed with.
        old_secret: What they were signed with before, and are beside it until `old_secret_until`.
        cursor: The last event of the audit log that was dealt with for it.
        failing_since: Since when nothing has arrived there; None if the last message did.
        disabled_at: Since when nothing is sent to it; None while it is on.
    """

    user: str
    id: str
    url: str
    kinds: tuple[str, ...]
    medium: Medium
    may_decide: bool
    created_at: datetime
    secret: str = field(repr=False)
    old_secret: str | None = field(default=None, repr=False)
    old_secret_until: datetime | None = None
    cursor: int = 0
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_because: str | None = None

    def secrets_at(self, now: datetime) -> tuple[str, ...]:
        """The secrets that count at that time, the newest first."""
        is_old_one_valid = self.old_secret_until is not None and now < self.old_secret_until
        return (self.secret, self.old_secret) if self.old_secret and is_old_one_valid else (self.secret,)

    @property
    def facts(self) -> dict[str, Any]:
        """What may be shown of it: no secret."""
        return {
            "id": self.id,
            "url": self.url,
            "events": list(self.kinds),
            "medium": self.medium,
            "may_decide": self.may_decide,
            "created_at": self.created_at,
            "failing_since": self.failing_since,
            "disabled_at": self.disabled_at,
            "disabled_because": self.disabled_because,
        }


class Endpoints(Protocol):
    """Durable before it returns. Those of one user see that user's only; those of nobody see all."""

    async def add(
        self, url: str, *, kinds: Sequence[str], may_decide: bool = False, medium: Medium = "webhook"
    ) -> Endpoint:
        """A new one, with a new secret, that is told what happens from now on. Raises Conflict: too many."""
        ...

    async def for_runs(self, url: str) -> Endpoint:
        """The one there that is told of the ends of runs that name it, and of nothing else; made if need be.

        One that was switched off is on again. Those of runs do not count among the user's own; for a new one
        the one may go that no run has named for longest, if nobody was shown its secret: it would come back
        with another. Raises Conflict: all of them are still needed.
        """
        ...

    async def keep(self, medium: Medium, url: str | None, *, kinds: Sequence[str]) -> None:
        """There is one of that medium, or none if `url` is None, whatever there was before."""
        ...

    async def get(self, endpoint_id: str) -> Endpoint:
        """The one of exactly that id. Raises NotFound."""
        ...

    async def search(self) -> Sequence[Endpoint]:
        """All, the oldest first."""
        ...

    async def rotate(self, endpoint_id: str) -> Endpoint:
        """Give it a new secret; the old one counts for another day. Raises NotFound."""
        ...

    async def enable(self, endpoint_id: str) -> Endpoint:
        """Send to it again, what happens from now on. Raises NotFound."""
        ...

    async def remove(self, endpoint_id: str) -> None:
        """Forget it, and what was to be sent to it. Raises NotFound."""
        ...
