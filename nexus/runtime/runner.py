"""Start, decide, continue: every way into a thread goes through here."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from typing import Any, TypeAlias

from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.errors import InvalidUpdateError, is_invalid_resume
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateSnapshot
from pydantic import ValidationError

from graphs.decisions import record_decision
from graphs.parts import Parts
from nexus.core.action import ThreadId
from nexus.core.approval import Approval
from nexus.core.decision import Decision, Reject
from nexus.errors import Conflict, InvalidInput, NexusError
from nexus.ports.approvals import Alongside
from nexus.ports.runs import AGENT
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
        self.graph = graph
        self.locks = locks
        self._parts = parts
        self._threads = threads

    async def open_thread(self, thread_id: str | None) -> Thread:
        """The thread of that id, or a new one. Raises NotFound, and Conflict: it is another graph's."""
        if thread_id is None:
            return await self.create_thread()
        thread = await self._threads.get(thread_id)
        thread.check_takes(AGENT)
        return thread

    async def create_thread(self, thread_id: str | None = None, *, title: str = "") -> Thread:
        """A new, empty thread. Raises Conflict if the id is taken."""
        return await self._threads.create(ThreadId(thread_id or uuid.uuid4().hex), title=title)

    async def run(self, thread_id: str, request: str) -> AsyncGenerator[Event]:
        """Serve a request in a thread, until it ends or a person must decide.

        Raises:
            InvalidInput: The request is empty or too long.
            NotFound: There is no such thread.
            Conflict: The thread is running, waits for a decision or has an unfinished run, or it is another
                graph's.
            NexusError: The model or the store failed; `resume` continues where it stopped.
        """
        check_request(request)
        thread = await self.open_thread(thread_id)
        async with self.locks.hold(thread.id):
            snapshot = await self.snapshot(thread.id)
            if snapshot.tasks:
                raise Conflict(
                    f"Thread {thread.id} has not finished its last request.",
                    remedy="Decide on its approval or resume it first, or start another thread.",
                )
            await self._threads.touch(thread.id, title=request[:80], graph=AGENT)
            update = {"messages": [HumanMessage(content=request)]}
            async with aclosing(self._stream(thread.id, update)) as events:
                async for event in events:
                    yield event

    async def resume(self, thread_id: str) -> AsyncGenerator[Event]:
        """Continue a thread: after a decision, after a crash, after the model came back.

        Asks again (a `paused` event) while the decision is missing. Raises as `run`.
        """
        thread = await self.open_thread(thread_id)
        async with self.locks.hold(thread.id):
            await self._threads.touch(thread.id, graph=AGENT)
            if not (await self.snapshot(thread.id)).tasks:
                yield await self._last_event(thread.id)
                return
            async with aclosing(self._stream(thread.id, None)) as events:
                async for event in events:
                    yield event

    async def decide(
        self,
        approval_id: str,
        decision: Decision,
        *,
        actor: str,
        digest: str | None = None,
        alongside: Alongside | None = None,
    ) -> Approval:
        """Record a decision; `resume`, or the run `alongside`, carries it out. The first decision wins.

        Raises:
            NotFound, Conflict, ApprovalExpired, DigestMismatch, DecisionInvalid, ArgumentsInvalid,
            PolicyDenied: Nothing was changed.
        """
        approval = await self._parts.approvals.get(approval_id)
        return await record_decision(
            self._parts, approval, decision, actor=actor, digest=digest, alongside=alongside
        )

    async def view(self, thread_id: str) -> ThreadView:
        """The thread as it stands. Raises NotFound."""
        thread = await self._threads.get(thread_id)
        snapshot = await self.snapshot(thread.id)
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

    async def check_free_to_ask(self, thread_id: str, *, forked: bool = False) -> None:
        """Make sure that a new message in the thread leaves no call behind, asked about or sent.

        Raises:
            Conflict: A call of its last run is open, and it does not begin in the thread's past.
        """
        if not forked and await self.has_open_call(thread_id):
            raise Conflict(
                f"Thread {thread_id} has not finished its last request.",
                remedy="Decide on its approval or resume it first, or start another thread.",
            )

    async def has_open_call(self, thread_id: str) -> bool:
        """True if the thread stopped at a call that was proposed and is not finished."""
        snapshot = await self.snapshot(ThreadId(thread_id))
        return bool(snapshot.tasks and snapshot.values.get("call"))

    async def has_work(self, thread_id: str) -> bool:
        """True if something is left to do in the thread, even if it is only to ask again."""
        return bool((await self.snapshot(ThreadId(thread_id))).tasks)

    async def reject_all(self, thread_id: str, *, why: str) -> None:
        """Answer everything the thread still asks with no; the thread does not go on."""
        for approval in await self._parts.approvals.search(thread=ThreadId(thread_id)):
            if approval.is_pending:
                with suppress(Conflict):  # somebody was first
                    await self.decide(approval.id, Reject(why), actor="api")

    async def _stream(self, thread_id: ThreadId, update: dict[str, Any] | None) -> AsyncGenerator[Event]:
        """Drive the graph; every step is on disk before the next one begins."""
        try:
            async for event in self.graph.astream(
                update, _config(thread_id), stream_mode="custom", durability="sync"
            ):
                yield event
        except ValidationError as error:
            # An answer that came around the runner and did not fit stays saved; the question stays open.
            if not is_invalid_resume(error):
                raise
        # Whatever it is, the thread tells why it stopped; the error goes on.
        except Exception as error:
            await self.note_failure(thread_id, error)
            raise
        yield await self.note_end(thread_id)

    async def note_failure(self, thread_id: ThreadId, error: Exception) -> None:
        """Put on record that a run of the thread broke off, and close what the thread waits for no more."""
        with suppress(NexusError):  # what broke the run off may be the store itself
            await self._close_the_rest(thread_id)
            await self._threads.failed(thread_id, error=type(error).__name__)

    async def note_end(self, thread_id: ThreadId) -> Event:
        """The last event of a run that went through; put on record if it did not only pause."""
        last = await self._last_event(thread_id)
        await self._close_the_rest(thread_id)
        if last["event"] == "ended":
            await self._threads.ended(thread_id, ending=last["ending"])
        return last

    async def _close_the_rest(self, thread_id: ThreadId) -> None:
        """Nothing can be decided any more on what a run asked that went another way: a fork, say."""
        pending = await self._parts.approvals.search(thread=thread_id)
        if pending:
            awaited = {approval.id for approval in _awaited(await self.snapshot(thread_id), pending)}
            await self._parts.approvals.supersede(thread_id, keep=awaited)

    async def questions(self, thread_id: str) -> dict[str, Approval]:
        """The approvals that a thread waits for, by the ids of the interrupts that ask for them."""
        snapshot = await self.snapshot(ThreadId(thread_id))
        pending = _awaited(snapshot, await self._parts.approvals.search(thread=ThreadId(thread_id)))
        known = {approval.id: approval for approval in pending}
        asked = {each.id: each.value.get("nexus", {}).get("approval_id") for each in snapshot.interrupts}
        return {number: known[approval] for number, approval in asked.items() if approval in known}

    async def _last_event(self, thread_id: ThreadId) -> Event:
        view = await self.view(thread_id)
        if view.approvals:
            return {"event": "paused", "thread_id": thread_id, "approvals": [a.id for a in view.approvals]}
        return {"event": "ended", "thread_id": thread_id, "ending": view.ending, "answer": view.answer}

    def _status(self, thread_id: str, snapshot: StateSnapshot, *, waits: bool) -> Status:
        if self.locks.is_held(thread_id):
            return "running"
        # `next` can be empty although an approved action never ran: only `tasks` tells (reliability.md, 1.5).
        if not snapshot.tasks:
            return "idle"
        return "waiting" if waits else "unfinished"

    async def snapshot(self, thread_id: ThreadId, *, checkpoint: str | None = None) -> StateSnapshot:
        """The thread's state, now or at a checkpoint of it; an empty one if there is none.

        Raises:
            Conflict: Somebody steered it, from outside, into what cannot be read.
        """
        place = {"checkpoint_ns": "", "checkpoint_id": checkpoint} if checkpoint else {}
        try:
            return await self.graph.aget_state(_config(thread_id, **place))
        except InvalidUpdateError as error:  # `goto`, given around the runner, put two nodes in one step
            raise Conflict(
                "Two nodes wrote into one step of this thread, by steering from outside: it cannot go on.",
                remedy="Start a new thread; the audit log has what was done in this one.",
            ) from error


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


def _config(thread_id: str, **place: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, **place}, "recursion_limit": _RECURSION_LIMIT}


def check_request(request: str, *, most: int = MAX_REQUEST) -> str:
    """The request itself. Raises InvalidInput if it cannot be served, or has more characters than `most`."""
    if not request.strip():
        raise InvalidInput("it is empty", field="request", remedy="Say what you want done.")
    if len(request) > most:
        raise InvalidInput(
            f"{len(request):,} characters are more than {most:,}",
            field="request",
            remedy="Put long text into a note and name the note.",
        )
    if any("\ud800" <= character <= "\udfff" for character in request):
        raise InvalidInput("it holds half of a character (a lone surrogate)", field="request")
    return request
