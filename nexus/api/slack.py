"""Buttons of Slack's messages. No key is needed: Slack signs what it sends."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fastapi import APIRouter, Request

from nexus.api.deciding import approval_of, record, service_of
from nexus.api.errors import DecisionTooLate
from nexus.api.openapi import problems
from nexus.api.views import Ok
from nexus.core.decision import Approve, Reject
from nexus.core.display import visible
from nexus.errors import NexusError, NotFound
from nexus.notify.sender import NotDelivered
from nexus.notify.slack import Press
from nexus.runtime.failures import where
from nexus.runtime.services import Services

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

log = logging.getLogger("nexus.webhooks")

ANSWER_SECONDS = 2.0
"""Slack waits for three; what takes longer goes on, and the message says how it ended."""

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["payload"],
                    "properties": {"payload": {"type": "string"}},
                },
                "examples": {"approve": {"value": {"payload": '{"type": "block_actions", …}'}}},
            }
        },
    }
}

_deciding: set[asyncio.Task[None]] = set()  # the event loop holds tasks by weak references only


@router.post(
    "/slack",
    responses=problems(401, 404, 409, 410, changes=True),
    summary="A button was pressed in Slack",
    openapi_extra=_FORM,
)
async def take_slack_press(request: Request) -> Ok:
    """Takes a press of a button of Nexus's own message, signed by Slack, not older than five minutes, once.

    It answers within Slack's time limit and puts how it ended in the message's place.
    """
    services: Services = request.state.services
    slack = services.notices.slack
    if slack is None:
        raise NotFound("No buttons are taken here.", remedy="Set NEXUS_SLACK_SIGNING_SECRET.")
    press = slack.check(request.headers, await request.body())
    task = asyncio.create_task(_decide(request, press))
    _deciding.add(task)
    task.add_done_callback(_over)
    done, _ = await asyncio.wait({task}, timeout=ANSWER_SECONDS)
    if done:
        task.result()
    return Ok()


def _over(task: asyncio.Task[None]) -> None:
    """Let go of it; what it failed with the person was told, unless it is a fault of ours."""
    _deciding.discard(task)
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, NexusError | DecisionTooLate):
        log.error("a press of a button failed: %s", where(error))


async def _decide(request: Request, press: Press) -> None:
    services: Services = request.state.services
    links = services.notices.links
    link = await links.find(press.link)
    service = await service_of(request, link.user)
    approval = await approval_of(service, link.approval_id)
    is_yes = press.decision == "approve"
    answer = Approve(comment=press.comment) if is_yes else Reject(comment=press.comment)
    try:
        decided = await record(
            request, service, approval, answer, actor=f"slack:{press.user}", digest=link.digest
        )
    except DecisionTooLate as late:
        _tell(request, press, f"Too late: it is {late.approval['state']}.")
        raise
    except NexusError as error:  # Slack may have its answer already: then nobody else would tell the person
        _tell(request, press, f"Nothing was decided: {visible(error.message)}")
        raise
    await links.use(press.link)
    _tell(request, press, f"{decided.state.capitalize()} by <@{press.user}>: {visible(decided.call.tool)}")


def _tell(request: Request, press: Press, text: str) -> None:
    """Put how it ended in the message's place, beside everything else."""
    services: Services = request.state.services
    slack = services.notices.slack
    if slack is None or press.answer_to is None:
        return
    answer_to, tell = press.answer_to, slack.tell

    async def told() -> None:
        try:
            await tell(answer_to, text)
        except NotDelivered as error:
            log.warning("Slack's message could not be changed: %s", error)

    task = asyncio.create_task(told())
    _deciding.add(task)
    task.add_done_callback(_deciding.discard)
