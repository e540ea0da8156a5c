"""Who a run is for."""

from __future__ import annotations

import hashlib
import re

from nexus.errors import InvalidInput

OWNER = "owner"
"""The user of the command line, and of a server without users: whoever runs Nexus."""

_USER_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")

_MADE = re.compile(r"x-[0-9a-f]{32}")


def check_user_id(user_id: str) -> str:
    """The id, if it is one: it names a folder here and the same user at Composio. Raises InvalidInput."""
    if not _USER_ID.fullmatch(user_id):
        raise InvalidInput(
            f"{user_id[:80]!r} is no user id",
            field="name",
            remedy="Use 1 to 64 of a-z, 0-9, '.', '_' and '-', with a letter or digit at both ends.",
        )
    return user_id


def user_of_identity(identity: str) -> str:
    """The user whom an identity of another system stands for: itself, or a name made from it; never two's.

    Raises:
        InvalidInput: It is empty.
    """
    if not identity.strip():
        raise InvalidInput("it is empty", field="identity", remedy="Let @auth.authenticate say who it is.")
    if _USER_ID.fullmatch(identity) and not _MADE.fullmatch(identity):
        return identity
    return f"x-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"
