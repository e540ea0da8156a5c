"""What outside services send by themselves. No key is needed: the message is signed."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import APIRouter, Request

from nexus.api.openapi import problems
from nexus.api.views import Ok
from nexus.core.user import OWNER
from nexus.errors import NotFound
from nexus.ports.webhooks import Notice
from nexus.runtime.services import Services

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

log = logging.getLogger("nexus.webhooks")

EXPIRED = "composio.connected_account.expired"

_EXPIRED_EXAMPLE: dict[str, Any] = {
    "id": "msg_1",
    "type": EXPIRED,
    "timestamp": "2026-11-25T09:00:00Z",
    "data": {"id": "ca_1a2b3c4d5e6f", "user_id": "owner", "toolkit": {"slug": "gmail"}},
}

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "examples": {"expired": {"value": _EXPIRED_EXAMPLE}},
            }
        },
    }
}


@router.post(
    "/composio",
    responses=problems(401, 404, 409, changes=True),
    summary="A message from Composio",
    openapi_extra=_BODY,
)
async def take_composio_webhook(request: Request) -> Ok:
    """Takes `composio.connected_account.expired`, signed, not older than five minutes, and only once.

    Nothing acts on the account after that; the next call that needs it asks to connect it anew.
    """
    services: Services = request.state.services
    webhooks = (await services.of(OWNER)).webhooks
    if webhooks is None:
        raise NotFound("No webhooks are taken here.", remedy="Set COMPOSIO_WEBHOOK_SECRET.")
    notice = await webhooks.accept(request.headers, await request.body())
    if notice.event == EXPIRED:
        await _expired(services, notice)
    await webhooks.done(notice)  # last: a message that could not be dealt with is sent again
    return Ok()


async def _expired(services: Services, notice: Notice) -> None:
    """Let the user's tools know, if it is one of ours."""
    known = {OWNER, *(user.id for user in await services.users.search() if user.revoked_at is None)}
    if notice.user not in known:
        return
    parts = (await services.of(notice.user)).parts
    await parts.find_accounts()
    await parts.tools.freshen()
    log.warning("the %s account of %s expired; it has to be connected anew", notice.toolkit, notice.user)
