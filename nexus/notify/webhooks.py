"""Messages to programs: JSON, signed as Standard Webhooks has it."""

from __future__ import annotations

from nexus.core.signature import signed
from nexus.notify.sender import Answer, Sender
from nexus.ports.clock import Clock
from nexus.ports.deliveries import Message
from nexus.ports.endpoints import Endpoint


class WebhookCarrier:
    """Implements `nexus.notify.deliverer.Carrier`."""

    def __init__(self, sender: Sender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock

    async def carry(self, endpoint: Endpoint, message: Message) -> Answer:
        """Sign it for this attempt, and post it."""
        now = self._clock.now()
        headers = signed(endpoint.secrets_at(now), message=message.id, at=now, body=message.body)
        return await self._sender.post(endpoint.url, headers, message.body.encode())
