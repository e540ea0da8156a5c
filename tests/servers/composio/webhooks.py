"""Webhook subscriptions, and events sent to them with a signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from tests.servers.composio.errors import ApiError, not_found

EXPIRED = "composio.connected_account.expired"
EVENTS = {
    EXPIRED: "A connected account cannot be used any more.",
    "composio.trigger.message": "A trigger fired.",
}
_GIVE_UP_S = 5.0


@dataclass
class Subscription:
    """Where the events of the project go."""

    webhook_url: str
    enabled_events: list[str]
    version: str = "V3"
    id: str = field(default_factory=lambda: f"ws_{secrets.token_hex(6)}")
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    created_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    def in_full(self) -> dict[str, Any]:
        """The subscription as the API gives it."""
        return {**vars(self), "updated_at": self.created_at}


@dataclass(frozen=True)
class Delivery:
    """One event that was sent; `answer` is the receiver's status, None if it did not answer."""

    event: str
    url: str
    headers: dict[str, str]
    body: str
    answer: int | None


class Webhooks:
    """At most one subscription, as in a Composio project."""

    def __init__(self) -> None:
        self.subscription: Subscription | None = None
        self.deliveries: list[Delivery] = []

    def subscribe(self, url: str, events: list[str], version: str) -> Subscription:
        """Send events to `url` from now on."""
        if self.subscription:
            raise ApiError(409, "Webhook_SubscriptionExists", 10409, "There is a subscription already")
        self.subscription = Subscription(url, events, version)
        return self.subscription

    def get(self, identity: str) -> Subscription:
        """The subscription of that id."""
        if self.subscription is None or self.subscription.id != identity:
            raise not_found(f"Webhook subscription {identity}")
        return self.subscription

    async def send(self, event: str, data: dict[str, Any]) -> None:
        """Sign an event and send it once, if somebody wants it."""
        wanted = self.subscription
        if wanted is None or event not in wanted.enabled_events:
            return
        message = f"msg_{uuid4()}"
        body = json.dumps(
            {
                "id": message,
                "type": event,
                "timestamp": datetime.now(UTC).isoformat(),
                "metadata": {"project_id": "pr_stand_in", "org_id": "ok_stand_in"},
                "data": data,
            }
        )
        headers = signed(message, str(int(time.time())), body, wanted.secret)
        answer = await _post(wanted.webhook_url, headers, body)
        self.deliveries.append(Delivery(event, wanted.webhook_url, headers, body, answer))


def signed(message: str, timestamp: str, body: str, secret: str) -> dict[str, str]:
    """The headers of a webhook: HMAC-SHA256 over id, time and body, the secret taken as it is written."""
    digest = hmac.new(secret.encode(), f"{message}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return {
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        "content-type": "application/json",
    }


async def _post(url: str, headers: dict[str, str], body: str) -> int | None:
    try:
        async with httpx.AsyncClient(timeout=_GIVE_UP_S, trust_env=False) as client:
            return (await client.post(url, headers=headers, content=body)).status_code
    except httpx.HTTPError:
        return None
