"""What happened in a thread of Nexus's own graph, as a person reads it."""

# ruff: noqa: FAST003 - the ids in the paths go to the dependencies

from __future__ import annotations

from fastapi import APIRouter

from nexus.api.dependencies import RunsDep, ServiceDep, ThreadDep
from nexus.api.openapi import problems
from nexus.api.views import Story, story_of

router = APIRouter(prefix="/threads", tags=["threads"])


@router.get("/{thread_id}/story", responses=problems(404), summary="Read a thread")
async def read_thread(thread: ThreadDep, service: ServiceDep, runs: RunsDep) -> Story:
    """What was said and done, what is pending, and whether a run is under way."""
    return await story_of(thread.id, service, runs)
