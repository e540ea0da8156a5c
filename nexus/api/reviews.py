"""Approvals on which somebody else than whom the call is for decides: those of the caller."""

# ruff: noqa: FAST003 - the ids in the paths go to the dependencies

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ConfigDict, Field

from nexus.api.access import UserDep, needs
from nexus.api.approvals import record
from nexus.api.dependencies import Answer, Id, IfMatch, Limit, ServiceDep
from nexus.api.openapi import answer_body, problems
from nexus.api.views import APPROVAL_EXAMPLE, ApprovalView
from nexus.errors import NotFound
from nexus.ports.reviews import Review, Reviews
from nexus.runtime.all_runs import AllRuns
from nexus.runtime.service import Service
from nexus.runtime.services import Services

router = APIRouter(prefix="/reviews", tags=["approvals"], dependencies=[needs("review")])

_EXAMPLE: dict[str, Any] = {**APPROVAL_EXAMPLE, "user": "ana", "approvers": ["ben", "carl"], "approvals": 2}


class ReviewView(ApprovalView):
    """An approval of somebody else's call that you decide on."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    user: str = Field(description="Whom the call is for")

    @classmethod
    def seen(cls, review: Review) -> ReviewView:
        """The view of a review."""
        return cls(user=review.user, **ApprovalView.of(review.approval).model_dump())


async def _reviews(service: ServiceDep) -> Reviews:
    if service.reviews is None:
        raise NotFound("Nobody decides for others here.")
    return service.reviews


ReviewsDep = Annotated[Reviews, Depends(_reviews)]


async def _review(approval_id: Id, reviews: ReviewsDep) -> Review:
    return await reviews.get(approval_id)


ReviewDep = Annotated[Review, Depends(_review)]


@router.get("", responses=problems(404), summary="List what others' calls wait for you")
async def list_reviews(reviews: ReviewsDep, limit: Limit = 100) -> list[ReviewView]:
    """Calls for which a rule names you as an approver. Reading never decides."""
    return [ReviewView.seen(review) for review in await reviews.search(limit=limit)]


@router.get("/{approval_id}", responses=problems(404), summary="Show an approval that you decide on")
async def show_review(review: ReviewDep, response: Response) -> ReviewView:
    """The exact arguments. The `ETag` is the digest: send it back as `If-Match` with the decision."""
    response.headers["ETag"] = f'"{review.approval.digest}"'
    return ReviewView.seen(review)


@router.post(
    "/{approval_id}/decision",
    responses=problems(404, 409, 410, changes=True),
    summary="Decide on somebody else's call",
    openapi_extra=answer_body(),
)
async def decide_review(
    review: ReviewDep, body: Answer, request: Request, user: UserDep, if_match: IfMatch = None
) -> ReviewView:
    """As POST /approvals/{approval_id}/decision. Where several must say yes, each yes is noted."""
    services: Services = request.state.services
    every: AllRuns = request.state.runs
    theirs: Service = await services.of(review.user)
    decided, _ = await record(every.of(theirs), theirs, review.approval, body, if_match, actor=f"api:{user}")
    return ReviewView.seen(Review(review.user, decided))
