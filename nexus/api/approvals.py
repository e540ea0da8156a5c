"""Approvals and their one decision."""

# ruff: noqa: FAST003 - the ids in the paths go to the dependencies

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from graphs.dialects import parse_answer
from nexus.api.dependencies import Answer, ApprovalDep, IfMatch, Limit, RunsDep, ServiceDep
from nexus.api.errors import DecisionTooLate
from nexus.api.forms import digest_in, digest_of_etag, one_digest
from nexus.api.openapi import answer_body, problems
from nexus.api.runs import Run, Runs
from nexus.api.views import ApprovalView, DecisionRecorded, ThreadState, thread_state
from nexus.core.action import ThreadId
from nexus.core.approval import Approval
from nexus.errors import ApprovalExpired, Conflict, DigestMismatch, NexusError
from nexus.runtime.service import Service

router = APIRouter(prefix="/approvals", tags=["approvals"])

ACTOR = "api"
"""Who decided, as long as the API knows no users."""


@router.get("", responses=problems(), summary="List approvals, the oldest first")
async def list_approvals(
    service: ServiceDep,
    pending: Annotated[bool, Query(description="Only those that still wait for a decision")] = True,  # noqa: FBT002
    thread_id: Annotated[str | None, Query(max_length=100, description="Only this thread's")] = None,
    limit: Limit = 100,
) -> list[ApprovalView]:
    """What waits for a person. Reading never decides."""
    thread = ThreadId(thread_id) if thread_id else None
    found = await service.parts.approvals.search(thread=thread, pending_only=pending, limit=limit)
    return [ApprovalView.of(approval) for approval in found]


@router.get("/{approval_id}", responses=problems(404), summary="Show an approval")
async def show_approval(approval: ApprovalDep, response: Response) -> ApprovalView:
    """The exact arguments. The `ETag` is the digest: send it back as `If-Match` with the decision."""
    response.headers["ETag"] = f'"{approval.digest}"'
    return ApprovalView.of(approval)


@router.post(
    "/{approval_id}/decision",
    responses=problems(404, 409, 410, changes=True),
    summary="Decide",
    openapi_extra=answer_body(),
)
async def decide(  # noqa: PLR0917 - FastAPI passes them by name
    approval: ApprovalDep,
    body: Answer,
    service: ServiceDep,
    runs: RunsDep,
    if_match: IfMatch = None,
    wait: Annotated[bool, Query(description="Answer when the thread has stopped again")] = False,  # noqa: FBT002
) -> DecisionRecorded:
    """Approve, edit, reject or respond; the first decision wins, every later one gets 409.

    The decision is on record when this answers, and the thread goes on by itself, whatever becomes of the
    client. With a digest (in the body or as `If-Match`) the decision counts only for exactly that call.
    """
    decided = await _record(service, approval, body, if_match)
    run = runs.carry_out(approval.thread)
    thread = await _when_stopped(run, service, runs) if wait else None
    return DecisionRecorded(approval=ApprovalView.of(decided), thread=thread)


async def _record(service: Service, approval: Approval, body: Any, if_match: str | None) -> Approval:
    digest = one_digest(digest_in(body), digest_of_etag(if_match))
    decision = parse_answer(body, approval)
    try:
        return await service.runner.decide(approval.id, decision, actor=ACTOR, digest=digest)
    except (Conflict, DigestMismatch, ApprovalExpired) as error:
        current = await service.parts.approvals.get(approval.id)
        raise DecisionTooLate(error, ApprovalView.of(current).model_dump(mode="json")) from error


async def _when_stopped(run: Run, service: Service, runs: Runs) -> ThreadState:
    """The thread when the run has stopped, even if it failed: the decision is on record all the same."""
    with suppress(NexusError):
        await run.last_event()
    return await thread_state(run.thread_id, service, runs)
