"""Decisions that programs send. No key is needed: the message is signed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import APIRouter, Request

from nexus.api.deciding import approval_of, record, service_of
from nexus.api.openapi import problems
from nexus.api.views import APPROVAL_EXAMPLE, ApprovalView, DecisionRecorded
from nexus.core.signature import ID, SIGNATURE, TIME
from nexus.errors import Unidentified
from nexus.notify.incoming import DECISION
from nexus.runtime.services import Services

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

_EXAMPLE: dict[str, Any] = {
    "type": DECISION,
    "data": {
        "endpoint_id": "ep_1f2e3d4c5b6a79880a1b2c3d",
        "approval_id": APPROVAL_EXAMPLE["id"],
        "digest": APPROVAL_EXAMPLE["digest"],
        "decision": {"type": "approve"},
    },
}

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "examples": {"approve": {"value": _EXAMPLE}},
            }
        },
    },
    "parameters": [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
        for name in (ID, TIME, SIGNATURE)
    ],
}


@router.post(
    "/approvals",
    responses=problems(401, 403, 404, 409, 410, changes=True),
    summary="Decide by a signed message",
    openapi_extra=_BODY,
)
async def take_decision(request: Request) -> DecisionRecorded:
    """Takes a decision signed, as Standard Webhooks has it, with the secret of an endpoint that may decide.

    Not older than five minutes, only once, and only for exactly the call whose digest it names. The thread
    goes on by itself.
    """
    services: Services = request.state.services
    decision = await services.notices.decisions.accept(_headers(request), await request.body())
    service = await service_of(request, decision.endpoint.user)
    approval = await approval_of(service, decision.approval_id)
    actor = f"webhook:{decision.endpoint.id}"
    decided = await record(
        request,
        service,
        approval,
        decision.answer,
        actor=actor,
        digest=decision.digest,
        message=decision.seen_as,
    )
    return DecisionRecorded(approval=ApprovalView.of(decided))


def _headers(request: Request) -> dict[str, str]:
    """The headers that count, each of which may be there once."""
    counted = Counter(name.lower() for name in request.headers)
    if any(counted[name] > 1 for name in (ID, TIME, SIGNATURE)):
        raise Unidentified("One of the webhook headers was sent twice.")
    return {name.lower(): value for name, value in request.headers.items()}
