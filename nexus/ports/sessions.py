"""Browsers in which somebody logged in with their key: pages know people by a session, not by the key."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from nexus.core.roles import Caller

LASTING = timedelta(days=30)
"""How long a session is valid, unless its user logs out or their key is revoked before."""


class Sessions(Protocol):
    """Durable before it returns. Of a session's secret only the hash is kept."""

    async def begin(self, key: str) -> str:
        """The secret of a new session for whom the key belongs to. Raises Unidentified."""
        ...

    async def whose(self, secret: str) -> Caller:
        """Who logged in, and what they may do now.

        Raises:
            Unidentified: There is no such session; it is over; or the key that it began with is not valid.
        """
        ...

    async def end(self, secret: str) -> None:
        """Whoever has that secret is not known any more."""
        ...

    async def page_key(self) -> str:
        """What the forms of all pages are signed with; made when first needed, then always the same."""
        ...
