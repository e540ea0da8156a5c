"""Who may use this Nexus beside its owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nexus.core.roles import Caller, Role


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a key.

    Attributes:
        id: What names them here, in the path of their files, and at Composio.
        created_at: When they got their present key.
        revoked_at: When it stopped to be valid; None while it is.
        role: What they may do beyond what is their own.
    """

    id: str
    created_at: datetime
    revoked_at: datetime | None = None
    role: Role = "user"


class Users(Protocol):
    """Durable before it returns. A key is told once, to whoever adds the user, and kept nowhere."""

    async def add(self, user_id: str, role: Role = "user") -> str:
        """Let somebody in; their key. A user whose key was revoked gets a new one, and finds their things.

        Raises:
            InvalidInput: It is no user id.
            Conflict: The user has a key.
        """
        ...

    async def revoke(self, user_id: str) -> User:
        """Make a user's key invalid, at once and for good; what is theirs stays. Raises NotFound."""
        ...

    async def change_role(self, user_id: str, role: Role) -> User:
        """From the next request on they may do what the role says. Raises NotFound."""
        ...

    async def admit(self, user_id: str) -> User:
        """Somebody whom another system vouches for, who needs no key here; known from the first time on.

        Raises:
            InvalidInput: It is no user id.
            Unidentified: They were revoked here.
        """
        ...

    async def search(self) -> Sequence[User]:
        """Every user, by name, also those whose key was revoked."""
        ...

    async def identify(self, key: str | None) -> Caller:
        """Whose key it is, and what they may do. Without a key: the owner, as long as no user was ever added.

        Raises:
            Unidentified: A key is needed, or this one is not valid.
        """
        ...

    async def with_threads(self) -> Sequence[str]:
        """The owner, and the users with a valid key who have threads: whose runs may go on."""
        ...
