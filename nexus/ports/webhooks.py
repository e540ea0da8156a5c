"""Messages that outside services send by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened at a service.

    Attributes:
        message: The service's id of the message that says it.
        event: The service's name for it.
        user: Whose account it is about; None if about nobody's.
        toolkit: At which app; None if at none.
    """

    message: str
    event: str
    user: str | None = None
    toolkit: str | None = None


class Webhooks(Protocol):
    """Lets in what a service really sent, just now, until it is dealt with."""

    async def accept(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """What a message says.

        Raises:
            Unidentified: It is not signed with the shared secret, or too long ago.
            InvalidInput: It is signed, but makes no sense.
            Conflict: It was dealt with before.
        """
        ...

    async def done(self, notice: Notice) -> None:
        """What follows from a message is done: it is not let in again. Not called, it may be sent again."""
        ...


class SeenMessages(Protocol):
    """The ids of messages that were dealt with."""

    async def has(self, message_id: str) -> bool:
        """True if the id was noted."""
        ...

    async def add(self, message_id: str) -> None:
        """Note the id, durably; once more changes nothing."""
        ...
