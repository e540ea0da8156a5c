"""What routes are handed, defined once.

Each reads the request itself and depends on no other: FastAPI would solve those anew for each that does.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Depends, Header, Path, Query, Request

from nexus.api.access import caller_of
from nexus.core.approval import Approval
from nexus.errors import NotFound
from nexus.ports.threads import Thread
from nexus.runtime.all_runs import AllRuns
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.services import Services
from nexus.runtime.thread_states import ThreadStates, Visible, everything


async def service_of(request: Request) -> Service:
    """The service of whoever asks: no route can reach another user's."""
    services: Services = request.state.services
    return await services.of(caller_of(request).user)


async def runs_of(request: Request) -> Runs:
    """The runs of whoever asks."""
    every: AllRuns = request.state.runs
    return every.of(await service_of(request))


async def _visible(request: Request) -> Visible:
    """What an operator's handlers let whoever asks see, by its metadata."""
    return getattr(request.state, "visible", everything)


async def _thread_states(request: Request) -> ThreadStates:
    return ThreadStates(await service_of(request), await runs_of(request), await _visible(request))


ServiceDep = Annotated[Service, Depends(service_of)]
VisibleDep = Annotated[Visible, Depends(_visible)]
RunsDep = Annotated[Runs, Depends(runs_of)]
ThreadStatesDep = Annotated[ThreadStates, Depends(_thread_states)]
Id = Annotated[str, Path(min_length=1, max_length=100)]


async def thread_of(thread_id: Id, service: ServiceDep) -> Thread:
    """The thread of exactly that id: abbreviations are for people at a terminal."""
    thread = await service.threads.get(thread_id)
    if thread.id != thread_id:
        raise NotFound(f"There is no thread {thread_id!r}.")
    return thread


async def _approval(approval_id: Id, service: ServiceDep) -> Approval:
    """The approval of exactly that id."""
    approval = await service.parts.approvals.get(approval_id)
    if approval.id != approval_id:
        raise NotFound(f"There is no approval {approval_id!r}.", remedy="GET /approvals lists them.")
    return approval


ThreadDep = Annotated[Thread, Depends(thread_of)]
ApprovalDep = Annotated[Approval, Depends(_approval)]
Answer = Annotated[Any, Body()]
IfMatch = Annotated[
    str | None, Header(max_length=200, description="The digest you saw (the ETag of the approval)")
]
Limit = Annotated[int, Query(ge=1, le=1000)]
