"""Composio's webhooks: signed as Standard Webhooks has it, but that the secret is taken as it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from nexus.core.signature import check_signed
from nexus.errors import Conflict, InvalidInput
from nexus.ports.clock import Clock
from nexus.ports.webhooks import Notice, SeenMessages


class ComposioWebhooks:
    """Implements `nexus.ports.webhooks.Webhooks`.

    Args:
        secret: Of the webhook subscription.
        clock: Says how old a message is.
        seen: Remembers what was dealt with.
    """

    def __init__(self, secret: str, *, clock: Clock, seen: SeenMessages) -> None:
        if not secret:
            raise ValueError("without a secret anybody could sign")
        self._secret = secret.encode()
        self._clock = clock
        self._seen = seen

    async def accept(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """What a message says, if it is Composio's, new and was not dealt with before."""
        message = check_signed([self._secret], headers, body, now=self._clock.now())
        notice = _notice(message, body)
        if await self._seen.has(message):
            raise Conflict("This message was here before.")
        return notice

    async def done(self, notice: Notice) -> None:
        """Note that the message was dealt with."""
        await self._seen.add(notice.message)


def _notice(message: str, body: bytes) -> Notice:
    match _parsed(body):
        case {"type": str(event), "data": dict(data)}:
            details = cast("dict[str, Any]", data)
            toolkit = details.get("toolkit")
            slug = toolkit.get("slug") if isinstance(toolkit, dict) else None
            return Notice(message, event, user=_text(details.get("user_id")), toolkit=_text(slug))
        case _:
            raise InvalidInput("it is no event", field="body", remedy="Use webhooks of version V3.")


def _parsed(body: bytes) -> Any:
    """The JSON of a body; None if it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
