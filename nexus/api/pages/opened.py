"""The thread that a page is about, and what may begin there: as an operator's handlers let the visitor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from pydantic import ValidationError

from nexus.api.hook import Hook
from nexus.api.langgraph.authorized import may_run
from nexus.api.langgraph.forms import RunCreate
from nexus.api.pages.visitor import Visitor
from nexus.errors import InvalidInput, NotFound
from nexus.ports.runs import AGENT
from nexus.ports.threads import Thread
from nexus.runtime.requests import Wanted
from nexus.runtime.talking import Talking
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
    return thread.graph in {None, AGENT}


def talking(request: Request, visitor: Visitor) -> Talking:
    """What the visitor does with threads."""
    return Talking(visitor.service, visitor.runs, _Allowed(request, visitor), actor=visitor.actor)


class _Allowed:
    """Implements `nexus.runtime.talking.Permission`: the handlers are asked as they are over the API."""

    def __init__(self, request: Request, visitor: Visitor) -> None:
        self._request = request
        self._runs = visitor.runs

    async def thread(self) -> Mapping[str, Any]:
        """The metadata of a new thread."""
        value: dict[str, Any] = {}
        await asked(self._request, "create", value)
        return value.get("metadata") or {}

    async def run(self, thread_id: str, metadata: Mapping[str, Any] | None, wanted: Wanted) -> Wanted:
        """The run, as the handlers let it begin."""
        hook: Hook | None = self._request.app.state.hook
        if hook is None:
            return wanted
        value = {
            "thread_id": thread_id,
            "assistant_id": wanted.assistant,
            "input": wanted.input,
            "metadata": dict(wanted.metadata),
            "stream_mode": list(wanted.modes),
            "multitask_strategy": wanted.strategy,
        }
        visible = await may_run(hook, self._request, self._runs, value)
        if metadata is not None and visible is not None and not visible(metadata):
            raise NotFound(f"There is no thread {thread_id[:100]!r}.")
        return _as_changed(value)


def _as_changed(value: Mapping[str, Any]) -> Wanted:
    """The run that the handlers left. Raises InvalidInput: it is none, as it would be over the API."""
    try:
        return RunCreate.model_validate(value).wanted()
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(
            first["msg"],
            field=".".join(str(part) for part in first["loc"]),
            remedy="The handlers of this server's operator made it so: tell them.",
        ) from error
