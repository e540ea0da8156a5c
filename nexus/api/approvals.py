"""Approvals and their one decision."""

# ruff: noqa: FAST003 - the ids in the paths go to the dependencies

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from graphs.dialects import parse_answer
from nexus.api.deciding import told_if_too_late
from nexus.api.dependencies import Answer, ApprovalDep, IfMatch, Limit, RunsDep, ServiceDep
from nexus.api.forms import digest_in, digest_of_etag, one_digest
from nexus.api.openapi import answer_body, problems
from nexus.api.views import ApprovalView, DecisionRecorded, story_of
from nexus.core.action import ThreadId
from nexus.core.approval import Approval
from nexus.core.user import OWNER
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.streams import RunStream

router = APIRouter(prefix="/approvals", tags=["approvals"])


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
    decided, stream = await record(runs, service, approval, body, if_match, actor=actor_of(service))
    thread = None
    if wait:
        if stream is not None:
            await stream.settled()
        thread = await story_of(approval.thread, service, runs)
    return DecisionRecorded(approval=ApprovalView.of(decided), thread=thread)


async def record(
    runs: Runs, service: Service, approval: Approval, body: Any, if_match: str | None, *, actor: str
) -> tuple[Approval, RunStream | None]:
    """Write a decision down, in whichever form it came, with the run by which its thread goes on.

    Raises DecisionTooLate, with the present state.
    """
    digest = one_digest(digest_in(body), digest_of_etag(if_match))
    decision = parse_answer(body, approval)
    async with told_if_too_late(service, approval):
        return await runs.decide(approval, decision, actor=actor, digest=digest)


def actor_of(service: Service) -> str:
    """Who decides, as it is written down."""
    user = service.parts.user
    return "api" if user == OWNER else f"api:{user}"
