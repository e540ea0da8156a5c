"""One decision on several approvals, each of which the caller has seen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from nexus.api.approvals import actor_of
from nexus.api.dependencies import RunsDep, ServiceDep
from nexus.api.errors import DecisionTooLate, Problem, problem_of
from nexus.api.openapi import problems
from nexus.api.views import APPROVAL_EXAMPLE, ApprovalView
from nexus.core.approval import MAX_COMMENT, MAX_MESSAGE, Approval
from nexus.core.decision import Approve, Decision, Reject
from nexus.errors import Conflict, DigestMismatch, InvalidInput, NexusError, NotFound
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service

router = APIRouter(prefix="/approvals", tags=["approvals"])

MOST = 100
"""Approvals that one request may decide."""

_EXAMPLE: dict[str, Any] = {
    "type": "approve",
    "approvals": [{"id": APPROVAL_EXAMPLE["id"], "digest": APPROVAL_EXAMPLE["digest"]}],
}


class Seen(BaseModel):
    """An approval as the caller saw it."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=100)]
    digest: Annotated[
        str, Field(min_length=1, max_length=100, description="Of exactly the call that was seen")
    ]


class ManyDecisions(BaseModel):
    """The same decision on each of these."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    type: Literal["approve", "reject"]
    message: str | None = Field(
        default=None, max_length=MAX_MESSAGE, description="Why, if they are rejected; the model is told"
    )
    comment: str | None = Field(
        default=None, max_length=MAX_COMMENT, description="For people: kept with each decision"
    )
    approvals: list[Seen] = Field(min_length=1, max_length=MOST)


class OneResult(BaseModel):
    """What became of one of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": APPROVAL_EXAMPLE["id"], "approval": {**APPROVAL_EXAMPLE, "state": "approved"}},
            ]
        }
    )

    id: str
    approval: ApprovalView = Field(description="As it stands now")
    problem: Problem | None = Field(default=None, description="Why it was not decided, if so")


@router.post("/decisions", responses=problems(404, 409, changes=True), summary="Decide on several")
async def decide_many(body: ManyDecisions, service: ServiceDep, runs: RunsDep) -> list[OneResult]:
    """Nothing is decided unless every one is pending and is still what the digest says.

    What somebody else decides in between is told with it; the others are decided all the same.
    """
    if len({seen.id for seen in body.approvals}) != len(body.approvals):
        raise InvalidInput("an approval stands there twice", field="approvals")
    decision = _decision(body)
    found = [await _as_seen(seen, service) for seen in body.approvals]
    return [await _decided(approval, decision, service, runs) for approval in found]


def _decision(body: ManyDecisions) -> Decision:
    comment = body.comment or ""
    if body.type == "approve":
        return Approve(comment=comment)
    return Reject(body.message or "", comment=comment)


async def _as_seen(seen: Seen, service: Service) -> Approval:
    """The approval, pending and unchanged. Raises NotFound, DecisionTooLate."""
    approval = await service.parts.approvals.get(seen.id)
    if approval.id != seen.id:
        raise NotFound(f"There is no approval {seen.id!r}.", remedy="GET /approvals lists them.")
    error: NexusError | None = None
    if not approval.is_pending:
        error = Conflict(f"Approval {approval.id} is already {approval.state}.")
    elif approval.digest != seen.digest:
        error = DigestMismatch(f"Approval {approval.id} is not what you saw.", remedy="Look at it again.")
    if error is not None:
        raise DecisionTooLate(error, ApprovalView.of(approval).model_dump(mode="json"))
    return approval


async def _decided(approval: Approval, decision: Decision, service: Service, runs: Runs) -> OneResult:
    try:
        decided, _ = await runs.decide(approval, decision, actor=actor_of(service), digest=approval.digest)
    except NexusError as error:
        current = await service.parts.approvals.get(approval.id)
        return OneResult(id=approval.id, approval=ApprovalView.of(current), problem=problem_of(error))
    return OneResult(id=approval.id, approval=ApprovalView.of(decided))
