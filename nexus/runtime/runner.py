"""Start, decide, continue: every way into a thread goes through here."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, TypeAlias

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.errors import is_invalid_resume
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateSnapshot
from pydantic import ValidationError

from graphs.decisions import record_decision
from graphs.parts import Parts
from nexus.core.action import ThreadId
from nexus.core.approval import Approval
from nexus.core.decision import Decision
from nexus.errors import Conflict, InvalidInput
from nexus.ports.threads import Thread, Threads
from nexus.runtime.locks import ThreadLocks
from nexus.runtime.view import Status, ThreadView, steps_of

Event: TypeAlias = dict[str, Any]
"""`{"event": name, …}`: what `graphs.events` names, and at the end of a run `paused` or `ended`."""

MAX_REQUEST = 20_000
"""Characters of a request: more does not fit a small model's context window."""

_RECURSION_LIMIT = 1_000  # the budget ends a run long before


class Runner:
    """Runs threads of one graph. At most one run of a thread at a time, on this machine."""

    def __init__(
        self,
        graph: CompiledStateGraph[Any, Any, Any, Any],
        parts: Parts,
        threads: Threads,
        locks: ThreadLocks,
    ) -> None:
        self._graph = graph
        self._parts = parts
        self._threads = threads
        self._locks = locks

    async def create_thread(self, thread_id: str | None = None, *, title: str = "") -> Thread:
        """A new, empty thread. Raises Conflict if the id is taken."""
        return await self._threads.create(ThreadId(thread_id or uuid.uuid4().hex), title=title)

    async def run(self, thread_id: str, request: str) -> AsyncGenerator[Event]:
        """Serve a request in a thread, until it ends or a person must decide.

        Raises:
            InvalidInput: The request is empty or too long.
            NotFound: There is no such thread.
            Conflict: The thread is running, waits for a decision, or has an unfinished run.
            NexusError: The model or the store failed; `resume` continues where it stopped.
        """
        _check_request(request)
        thread = await self._threads.get(thread_id)
        async with self._locks.hold(thread.id):
            snapshot = await self._snapshot(thread.id)
            if snapshot.tasks:
                raise Conflict(
                    f"Thread {thread.id} has not finished its last request.",
                    remedy="Decide on its approval or resume it first, or start another thread.",
                )
            await self._threads.touch(thread.id, title=request[:80])
            update = {"messages": [HumanMessage(content=request)]}
            async with aclosing(self._stream(thread.id, update)) as events:
                async for event in events:
                    yield event

    async def resume(self, thread_id: str) -> AsyncGenerator[Event]:
        """Continue a thread: after a decision, after a crash, after the model came back.

        Asks again (a `paused` event) while the decision is missing. Raises as `run`.
        """
        thread = await self._threads.get(thread_id)
        async with self._locks.hold(thread.id):
            await self._threads.touch(thread.id)
            if not (await self._snapshot(thread.id)).tasks:
                yield await self._last_event(thread.id)
                return
            async with aclosing(self._stream(thread.id, None)) as events:
                async for event in events:
                    yield event

    async def decide(
        self, approval_id: str, decision: Decision, *, actor: str, digest: str | None = None
    ) -> Approval:
        """Record a decision; `resume` then carries it out. The first decision wins.

        Raises:
            NotFound, Conflict, ApprovalExpired, DigestMismatch, DecisionInvalid, ArgumentsInvalid,
            PolicyDenied: Nothing was changed.
        """
        approval = await self._parts.approvals.get(approval_id)
        return await record_decision(self._parts, approval, decision, actor=actor, digest=digest)

    async def view(self, thread_id: str) -> ThreadView:
        """The thread as it stands. Raises NotFound."""
        thread = await self._threads.get(thread_id)
        snapshot = await self._snapshot(thread.id)
        pending = _awaited(snapshot, await self._parts.approvals.search(thread=thread.id))
        return ThreadView(
            id=thread.id,
            title=thread.title,
            status=self._status(thread.id, snapshot, waits=bool(pending)),
            ending=snapshot.values.get("ending"),
            steps=steps_of(snapshot.values.get("messages", [])),
            approvals=pending,
            created_at=thread.created_at,
            updated_at=thread.updated_at,
        )

    async def _stream(self, thread_id: ThreadId, update: dict[str, Any] | None) -> AsyncGenerator[Event]:
        """Drive the graph; every step is on disk before the next one begins."""
        try:
            async for event in self._graph.astream(
                update, _config(thread_id), stream_mode="custom", durability="sync"
            ):
                yield event
        except ValidationError as error:
            # An answer that came around the runner and did not fit stays saved; the question stays open.
            if not is_invalid_resume(error):
                raise
        yield await self._last_event(thread_id)

    async def _last_event(self, thread_id: ThreadId) -> Event:
        view = await self.view(thread_id)
        if view.approvals:
            return {"event": "paused", "thread_id": thread_id, "approvals": [a.id for a in view.approvals]}
        return {"event": "ended", "thread_id": thread_id, "ending": view.ending, "answer": view.answer}

    def _status(self, thread_id: str, snapshot: StateSnapshot, *, waits: bool) -> Status:
        if self._locks.is_held(thread_id):
            return "running"
        # `next` can be empty although an approved action never ran: only `tasks` tells (reliability.md, 1.5).
        if not snapshot.tasks:
            return "idle"
        return "waiting" if waits else "unfinished"

    async def _snapshot(self, thread_id: ThreadId) -> StateSnapshot:
        return await self._graph.aget_state(_config(thread_id))


async def finish(events: AsyncIterator[Event]) -> Event:
    """Let a run go on to its end; its last event."""
    last: Event = {}
    async for event in events:
        last = event
    return last


def _awaited(snapshot: StateSnapshot, pending: Sequence[Approval]) -> list[Approval]:
    """Those approvals that the thread waits for: forks and parallel runs may have asked others, in vain."""
    call = snapshot.values.get("call")
    return [approval for approval in pending if call and approval.call.id == call["id"]]


def _config(thread_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}, "recursion_limit": _RECURSION_LIMIT}


def _check_request(request: str) -> None:
    if not request.strip():
        raise InvalidInput("it is empty", field="request", remedy="Say what you want done.")
    if len(request) > MAX_REQUEST:
        raise InvalidInput(
            f"{len(request):,} characters are more than {MAX_REQUEST:,}",
            field="request",
            remedy="Put long text into a note and name the note.",
        )
    if any("\ud800" <= character <= "\udfff" for character in request):
        raise InvalidInput("it holds half of a character (a lone surrogate)", field="request")
