"""Decisions that come without a key (signed messages, links, buttons): the same transition as every other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request

from graphs.dialects import parse_answer
from nexus.api.errors import DecisionTooLate
from nexus.api.views import ApprovalView
from nexus.core.approval import Approval
from nexus.core.decision import Decision
from nexus.core.user import OWNER
from nexus.errors import ApprovalExpired, Conflict, DigestMismatch, NotFound
from nexus.runtime.all_runs import AllRuns
from nexus.runtime.service import Service
from nexus.runtime.services import Services


async def service_of(request: Request, user: str) -> Service:
    """The user's, if their key is valid. Raises NotFound."""
    services: Services = request.state.services
    if user != OWNER and not any(
        each.id == user and each.revoked_at is None for each in await services.users.search()
    ):
        raise NotFound("There is no such user any more.")
    return await services.of(user)


async def approval_of(service: Service, approval_id: str) -> Approval:
    """The approval of exactly that id. Raises NotFound."""
    approval = await service.parts.approvals.get(approval_id)
    if approval.id != approval_id:
        raise NotFound(f"There is no approval {approval_id[:100]!r}.")
    return approval


@asynccontextmanager
async def told_if_too_late(service: Service, approval: Approval) -> AsyncGenerator[None]:
    """Raises DecisionTooLate, with the present state, where somebody was first or it is another call."""
    try:
        yield
    except (Conflict, DigestMismatch, ApprovalExpired) as error:
        current = await service.parts.approvals.get(approval.id)
        raise DecisionTooLate(error, ApprovalView.of(current).model_dump(mode="json")) from error


async def record(
    request: Request,
    service: Service,
    approval: Approval,
    answer: Decision | Any,
    *,
    actor: str,
    digest: str,
    message: str | None = None,
) -> Approval:
    """Write a decision on exactly that call down, with the run by which its thread goes on.

    Raises:
        DecisionTooLate: Somebody was first, the time is over, or it is another call; with the present state.
        DecisionInvalid, ArgumentsInvalid, PolicyDenied: Nothing was changed.
    """
    every: AllRuns = request.state.runs
    async with told_if_too_late(service, approval):
        decision = answer if isinstance(answer, Decision) else parse_answer(answer, approval)
        decided, _ = await every.of(service).decide(
            approval, decision, actor=actor, digest=digest, message=message
        )
    return decided
