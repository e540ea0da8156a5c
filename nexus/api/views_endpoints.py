"""What clients send and get about endpoints and deliveries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from nexus.notify.messages import MESSAGE_KINDS, MessageKind
from nexus.ports.deliveries import Attempt, Delivery, DeliveryState
from nexus.ports.endpoints import Endpoint, Medium

_ENDPOINT: dict[str, Any] = {
    "id": "ep_1f2e3d4c5b6a79880a1b2c3d",
    "url": "https://hooks.example.com/nexus",
    "events": ["approval.requested", "approval.decided"],
    "medium": "webhook",
    "may_decide": False,
    "created_at": "2026-11-25T09:00:00Z",
}

_DELIVERY: dict[str, Any] = {
    "id": "del_9a8b7c6d5e4f30211a2b3c4d",
    "endpoint_id": _ENDPOINT["id"],
    "message_id": "msg_9f2c4e1b7a60d35f8c9be0127d4465a8",
    "event": "approval.requested",
    "state": "delivered",
    "attempts": 1,
    "created_at": "2026-11-25T09:00:01Z",
    "last_at": "2026-11-25T09:00:02Z",
    "status": 204,
}


class NewEndpoint(BaseModel):
    """Where to send messages."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"url": "https://hooks.example.com/nexus"}]}
    )

    url: str = Field(min_length=1, max_length=2_000, description="https; not one of a private network")
    events: list[MessageKind] = Field(
        default=list(MESSAGE_KINDS), min_length=1, max_length=20, description="What it is told of"
    )
    may_decide: bool = Field(
        default=False, strict=True, description="Let messages signed with its secret decide your approvals"
    )


class EndpointView(BaseModel):
    """Somewhere messages are sent to."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENDPOINT]})

    id: str
    url: str
    events: list[str]
    medium: Medium = Field(description="channel and slack stand in the settings of this Nexus")
    may_decide: bool
    created_at: datetime
    failing_since: datetime | None = Field(default=None, description="Nothing has reached it since")
    disabled_at: datetime | None = Field(default=None, description="Nothing is sent to it since")
    disabled_because: str | None = None

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """The view of an endpoint."""
        return cls(**endpoint.facts)


class EndpointWithSecret(EndpointView):
    """An endpoint, with the secret that its messages are signed with: shown this once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_ENDPOINT, "secret": "whsec_…"}]})

    secret: str = Field(description="Of Standard Webhooks; keep it")

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """The view of an endpoint that was just made or given a new secret."""
        return cls(**endpoint.facts, secret=endpoint.secret)


class DeliveryView(BaseModel):
    """A message for an endpoint."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DELIVERY]})

    id: str
    endpoint_id: str
    message_id: str = Field(description="The `webhook-id`: the same for every attempt and endpoint")
    event: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_at: datetime | None = Field(default=None, description="When it is tried next")
    last_at: datetime | None = None
    status: int | None = Field(default=None, description="HTTP status of the last answer")
    error: str | None = Field(default=None, description="Why the last attempt did not succeed")

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """The view of a delivery."""
        return cls(**delivery.facts)


class AttemptView(BaseModel):
    """How one attempt ended."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    at: datetime
    status: int | None = None
    error: str | None = None


class DeliveryInFull(DeliveryView):
    """A message for an endpoint, with what it says and every attempt."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_DELIVERY,
                    "body": {"type": "approval.requested", "timestamp": "2026-11-25T09:00:00Z", "data": {}},
                    "log": [{"number": 1, "at": "2026-11-25T09:00:02Z", "status": 204}],
                }
            ]
        }
    )

    body: dict[str, Any]
    log: list[AttemptView]

    @classmethod
    def with_log(cls, delivery: Delivery, attempts: Sequence[Attempt]) -> Self:
        """The view of a delivery and its attempts."""
        return cls(
            **delivery.facts,
            body=json.loads(delivery.message.body),
            log=[AttemptView.model_validate(attempt) for attempt in attempts],
        )


class Removed(BaseModel):
    """It is gone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"removed": _ENDPOINT["id"]}]})

    removed: str
