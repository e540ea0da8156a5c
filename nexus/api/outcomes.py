"""Calls of which nobody knows whether they acted: listed, explained, and resolved by the decision on them."""

# ruff: noqa: FAST003 - the ids in the paths go to the dependencies

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Response

from nexus.api.approvals import actor_of
from nexus.api.deciding import told_if_too_late
from nexus.api.dependencies import Id, IfMatch, Limit, RunsDep, ServiceDep
from nexus.api.forms import digest_of_etag, one_digest
from nexus.api.openapi import problems
from nexus.api.views import story_of
from nexus.api.views_outcomes import SAID_EXAMPLES, OutcomeResolved, OutcomeView, Said, said
from nexus.core.outcome import UnknownOutcome, decision_for
from nexus.errors import Conflict, NotFound

router = APIRouter(prefix="/outcomes", tags=["approvals"])


async def _outcome(outcome_id: Id, service: ServiceDep) -> UnknownOutcome:
    """The unknown outcome of exactly that id."""
    outcome = await service.outcomes.get(outcome_id)
    if outcome.key != outcome_id:
        raise NotFound(f"There is no unknown outcome {outcome_id!r}.", remedy="GET /outcomes lists them.")
    return outcome


OutcomeDep = Annotated[UnknownOutcome, Depends(_outcome)]


@router.get("", responses=problems(), summary="List calls whose outcome nobody knows")
async def list_outcomes(
    service: ServiceDep,
    *,
    unresolved: Annotated[bool, Query(description="Only those of which nobody said what is true")] = True,
    thread_id: Annotated[str | None, Query(max_length=100, description="Only this thread's")] = None,
    limit: Limit = 100,
) -> list[OutcomeView]:
    """They were sent, and no answer came back. Reading never decides."""
    found = await service.outcomes.search(thread=thread_id, open_only=unresolved, limit=limit)
    return [OutcomeView.of(outcome) for outcome in found]


@router.get("/{outcome_id}", responses=problems(404), summary="Explain an unknown outcome")
async def show_outcome(outcome: OutcomeDep, response: Response) -> OutcomeView:
    """What was sent, when, where to, and what is known. The `ETag` is the digest of the question about it."""
    if outcome.question is not None:
        response.headers["ETag"] = f'"{outcome.question.digest}"'
    return OutcomeView.of(outcome)


@router.post(
    "/{outcome_id}/resolution",
    responses=problems(404, 409, 410, changes=True),
    summary="Say whether it happened",
)
async def resolve_outcome(  # noqa: PLR0917 - FastAPI passes them by name
    outcome: OutcomeDep,
    body: Annotated[Said, Body(openapi_examples=SAID_EXAMPLES)],
    service: ServiceDep,
    runs: RunsDep,
    if_match: IfMatch = None,
    wait: Annotated[bool, Query(description="Answer when the thread has stopped again")] = False,  # noqa: FBT002
) -> OutcomeResolved:
    """It happened, with its result; or try once more; or give it up.

    This is the decision on the approval that asks about it (respond, approve, reject), by the same rules: the
    first one wins, and with a digest it counts only for exactly that question.
    """
    question = outcome.question
    if question is None:
        raise Conflict(
            "Its thread has not asked about it yet.", remedy="It asks as soon as it goes on; look again then."
        )
    digest = one_digest(body.digest, digest_of_etag(if_match))
    async with told_if_too_late(service, question):
        decision = decision_for(*said(body), comment=body.comment or "")
        _, stream = await runs.decide(question, decision, actor=actor_of(service), digest=digest)
    if wait and stream is not None:
        await stream.settled()
    thread = await story_of(outcome.thread, service, runs) if wait else None
    return OutcomeResolved(outcome=OutcomeView.of(await service.outcomes.get(outcome.key)), thread=thread)
