"""Links by which a person decides one approval, without a key: whoever has it may use it, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from nexus.core.approval import Approval


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is good for.

    Attributes:
        user: Whose approval it is.
        digest: The exact call that it may decide on.
        page_key: What the form on its page is signed with.
        through: The way it was sent, e.g. `slack`.
        used_at: When somebody decided by it.
    """

    user: str
    approval_id: str
    digest: str
    through: str
    expires_at: datetime
    page_key: str = field(repr=False)
    used_at: datetime | None = None


class Links(Protocol):
    """Durable before it returns. Of a link's secret only the hash is kept."""

    async def make(self, user: str, approval: Approval, *, through: str) -> str:
        """The secret of a new link for a user's approval."""
        ...

    async def find(self, secret: str) -> Link:
        """The link of that secret. Raises NotFound: there is none, or its user's key was revoked."""
        ...

    async def use(self, secret: str) -> None:
        """Somebody decided by it."""
        ...
