"""The thread that a page is about: the visitor's own, and shown to them by an operator's handlers."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from nexus.api.hook import Hook
from nexus.api.pages.visitor import Visitor
from nexus.errors import NotFound
from nexus.ports.runs import AGENT
from nexus.ports.threads import Thread
from nexus.runtime.thread_states import Visible, everything


async def asked(request: Request, action: str, value: dict[str, Any]) -> Visible:
    """What of their threads is there for the visitor; a handler may change `value`. Raises Refused."""
    hook: Hook | None = request.app.state.hook
    if hook is None:
        return everything
    return await hook.authorize(request, "threads", action, value) or everything


async def opened(request: Request, visitor: Visitor, thread_id: str, action: str = "read") -> Thread:
    """The thread of exactly that id. Raises NotFound, Refused."""
    visible = await asked(request, action, {"thread_id": thread_id})
    thread = await visitor.service.threads.get(thread_id)
    if thread.id != thread_id or not visible(thread.metadata):
        raise NotFound(f"There is no thread {thread_id[:100]!r}.")
    return thread


async def own(request: Request, visitor: Visitor, thread_id: str, action: str = "read") -> Thread:
    """Likewise, and one of Nexus's own graph. Raises NotFound, Refused."""
    thread = await opened(request, visitor, thread_id, action)
    if not is_own(thread):
        raise NotFound(f"Thread {thread_id[:100]!r} is one of another graph: its clients show it.")
    return thread


def is_own(thread: Thread) -> bool:
    """True for a thread of Nexus's own graph."""
    return thread.metadata.get("graph_id", AGENT) == AGENT
