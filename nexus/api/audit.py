"""What happened, in order."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from nexus.api.access import CallerDep
from nexus.api.dependencies import Limit, ServiceDep
from nexus.api.openapi import problems
from nexus.core.audit import AuditEvent, AuditKind
from nexus.runtime.services import Services

router = APIRouter(prefix="/audit", tags=["audit"])

_EXAMPLE: dict[str, Any] = {
    "number": 12,
    "user": "ana",
    "at": "2026-11-25T09:00:00Z",
    "kind": "approval.decided",
    "thread_id": "0f8fad5bd9cb469fa16570867728950e",
    "approval_id": "5d0c8a1f4b7e4f0a9d3c2b1e6f7a8b9c-1",
    "data": {"tool": "mail_send", "state": "approved", "by": "api"},
    "hash": "9f2c4e1b7a60d35f8c9be0127d4465a8b3e1f09c2d7a8e6b5f4c3d2e1a0b9c8d",
}


class AuditView(BaseModel):
    """One event. The log is never changed; each event's hash covers the one before it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    number: int = Field(description="Ascending; the numbers in between are events of other users")
    user: str = Field(description="Whose event it is")
    at: datetime
    kind: AuditKind
    thread_id: str | None
    approval_id: str | None
    data: dict[str, Any] = Field(description="What else there is to know; no result of a tool is among it")
    hash: str = Field(description="SHA-256 over this event and the hash of the one before it")

    @classmethod
    def of(cls, event: AuditEvent) -> Self:
        """The view of an event."""
        return cls(
            number=event.number,
            user=event.user,
            at=event.at,
            kind=event.kind,
            thread_id=event.thread,
            approval_id=event.approval_id,
            data=dict(event.data),
            hash=event.hash,
        )


@router.get("", responses=problems(403), summary="List what happened, in order")
async def list_events(  # noqa: PLR0917 - FastAPI passes them by name
    request: Request,
    caller: CallerDep,
    service: ServiceDep,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only events behind this number")] = 0,
    limit: Limit = 100,
    everyone: Annotated[bool, Query(description="Of all users: for admins")] = False,  # noqa: FBT002
) -> list[AuditView]:
    """Proposals, verdicts with their reason, decisions, claims, outcomes, ends of runs: yours by default."""
    log = service.parts.audit
    if everyone:
        caller.check("manage")
        services: Services = request.state.services
        log = services.audit
    return [AuditView.of(event) for event in await log.after(after, limit=limit)] if log else []
