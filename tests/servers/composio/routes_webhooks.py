"""Webhook subscriptions."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel

from tests.servers.composio.paging import page_of
from tests.servers.composio.webhooks import EVENTS

if TYPE_CHECKING:
    from tests.servers.composio.standin import ComposioStandIn


class NewSubscription(BaseModel):
    """The body that makes a subscription."""

    webhook_url: str
    enabled_events: list[str]
    version: str = "V3"


class Change(BaseModel):
    """The body that changes one."""

    webhook_url: str | None = None
    enabled_events: list[str] | None = None
    version: str | None = None


def router(standin: ComposioStandIn) -> APIRouter:
    """The routes below `/webhook_subscriptions`."""
    routes, webhooks = APIRouter(prefix="/webhook_subscriptions"), standin.webhooks

    @routes.get("")
    async def listed(limit: float | None = None, cursor: str | None = None) -> dict[str, Any]:
        existing = [webhooks.subscription.in_full()] if webhooks.subscription else []
        return page_of(existing, limit=limit, cursor=cursor)

    @routes.post("", status_code=201)
    async def create(new: NewSubscription) -> dict[str, Any]:
        return webhooks.subscribe(new.webhook_url, new.enabled_events, new.version).in_full()

    @routes.get("/event_types")
    async def event_types() -> dict[str, Any]:
        known = EVENTS.items()
        return {
            "items": [
                {"event_type": event, "description": text, "supported_versions": ["V3"]}
                for event, text in known
            ]
        }

    @routes.get("/{identity}")
    async def subscription(identity: str) -> dict[str, Any]:
        return webhooks.get(identity).in_full()

    @routes.patch("/{identity}")
    async def change(identity: str, wanted: Change) -> dict[str, Any]:
        found = webhooks.get(identity)
        for name, value in wanted.model_dump(exclude_none=True).items():
            setattr(found, name, value)
        return found.in_full()

    @routes.delete("/{identity}")
    async def delete(identity: str) -> dict[str, Any]:
        webhooks.get(identity)
        webhooks.subscription = None
        return {"success": True}

    @routes.post("/{identity}/rotate_secret")
    async def rotate(identity: str) -> dict[str, Any]:
        found = webhooks.get(identity)
        found.secret = secrets.token_hex(16)
        return {"id": found.id, "secret": found.secret}

    return routes
