"""The accounts at outside apps that a person lets Nexus act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

ConnectionState = Literal["waiting", "active", "off", "failed", "expired", "revoked"]
"""waiting: for the person to sign in; active: can be acted on; off: switched off at the service that keeps
it; failed: the sign-in did not succeed; expired, revoked: it was active, or nobody signed in in time."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a person signs in. Whoever opens it connects their own account: it is for that person only."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Connection:
    """One account of one user at one app.

    Attributes:
        id: The service's id of the account; part of what is approved when a tool acts on it.
        reason: Why it is not active, if the service says so.
        link: Where to sign in, while it waits for that and as long as this process knows.
    """

    id: str
    toolkit: str
    state: ConnectionState
    created_at: datetime
    reason: str | None = None
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class AuthField:
    """A value that the person has to give before an app can be connected, e.g. an API key."""

    name: str
    label: str
    description: str
    is_secret: bool


class Connections(Protocol):
    """Each method is for one user, and answers as if the accounts of others were not there.

    Every method raises Unavailable if the service that keeps the accounts cannot be reached.
    """

    async def needs(self, user: str, toolkit: str) -> Sequence[AuthField]:
        """What `connect` has to be given; usually nothing.

        Raises:
            NotFound: There is no such app; names the nearest.
            Conflict: The app needs no account, or the owner has to set it up first.
        """
        ...

    async def connect(self, user: str, toolkit: str, fields: Mapping[str, str] | None = None) -> Connection:
        """The user's active account of the app if there is one, else one that waits, with its link.

        Asked again while that link is good, it answers with the same account and link. With `fields`, another
        account is made of them.

        Raises:
            NotFound: There is no such app; names the nearest.
            InvalidInput: A value that `needs` names is missing, or the app does not take it.
            Conflict: The app needs no account, or the owner has to set it up first.
        """
        ...

    async def reconnect(
        self, user: str, connection_id: str, fields: Mapping[str, str] | None = None
    ) -> Connection:
        """Another account at the same app that waits, with its link; for one that expired.

        Raises NotFound; and as `connect`.
        """
        ...

    async def get(self, user: str, connection_id: str, *, wait: float = 0.0) -> Connection:
        """The account; with `wait`, once it does not wait any more, or after so many seconds.

        Raises NotFound.
        """
        ...

    async def all(self, user: str) -> Sequence[Connection]:
        """The user's accounts, the oldest first."""
        ...

    async def remove(self, user: str, connection_id: str) -> Connection:
        """Forget the account, at the service too; the account as it was. Raises NotFound."""
        ...
