"""What routes are handed, defined once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Depends, Header, Path, Query, Request

from nexus.api.runs import Runs
from nexus.core.approval import Approval
from nexus.errors import NotFound
from nexus.ports.threads import Thread
from nexus.runtime.service import Service


async def _service(request: Request) -> Service:
    return request.state.service


async def _runs(request: Request) -> Runs:
    return request.state.runs


ServiceDep = Annotated[Service, Depends(_service)]
RunsDep = Annotated[Runs, Depends(_runs)]
Id = Annotated[str, Path(min_length=1, max_length=100)]


async def _thread(thread_id: Id, service: ServiceDep) -> Thread:
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


ThreadDep = Annotated[Thread, Depends(_thread)]
ApprovalDep = Annotated[Approval, Depends(_approval)]
Answer = Annotated[Any, Body()]
IfMatch = Annotated[
    str | None, Header(max_length=200, description="The digest you saw (the ETag of the approval)")
]
Limit = Annotated[int, Query(ge=1, le=1000)]
