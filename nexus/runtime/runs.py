"""The runs that a server drives: each a row before it begins, one at a time in a thread, whoever watches."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import cast

from nexus.core.action import ThreadId
from nexus.core.approval import Approval
from nexus.core.decision import Decision
from nexus.errors import Conflict, NexusError, Unavailable
from nexus.ports.approvals import Alongside
from nexus.ports.assistants import Assistant
from nexus.ports.runs import AGENT, NewRun, Run, RunStatus, Stop, going_on
from nexus.runtime.admission import check_place, check_wanted
from nexus.runtime.answering import with_addresses
from nexus.runtime.assistants import Assistants
from nexus.runtime.background import Background
from nexus.runtime.driving import check_graph, drive, is_next_try, next_try
from nexus.runtime.failures import detail_of, kind_of
from nexus.runtime.followers import Followers
from nexus.runtime.protocol import MODES
from nexus.runtime.requests import Wanted, is_answer, take_answer, text_of, with_no_for_the_end
from nexus.runtime.run_messages import ended
from nexus.runtime.service import Service
from nexus.runtime.streams import RunStream

log = logging.getLogger("nexus.runs")

MAX_ENDED = 256
"""Ended runs whose events stay in memory for watchers that come late."""


class Runs(Background):
    """One user's: starts runs and keeps them going until they end or the server does."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self._store = service.runs
        self.assistants = Assistants(service.graphs, service.assistants)
        self._queues: dict[str, deque[RunStream]] = {}
        self._driving: dict[str, asyncio.Task[None]] = {}
        self._streams: dict[str, RunStream] = {}
        self._ended: OrderedDict[str, RunStream] = OrderedDict()
        self._coming: set[str] = set()
        self._followers = Followers()
        self._is_closing = False

    async def start(self, thread_id: str, wanted: Wanted, *, actor: str = "api") -> RunStream:
        """Write a run down and let it begin when it is its turn.

        Raises:
            NotFound: There is no such thread, assistant or place in its past.
            Conflict: The thread is being run and the strategy is to give way, or it waits for a decision.
            InvalidInput: Something in it cannot be used. In all these cases nothing was changed.
        """
        if self._is_closing:
            raise _stopped()
        assistant = await self.check(wanted)
        graph = self._service.graphs.get(assistant.graph)
        await check_graph(self._service, thread_id, graph)
        await check_place(graph, thread_id, wanted.checkpoint)
        if graph.asks_first:
            wanted = with_no_for_the_end(wanted)
            title = await self._admit(thread_id, wanted)
        else:
            title = ""
            if not self.is_running(thread_id):
                wanted = await with_addresses(graph, thread_id, wanted)
        new = NewRun(
            id=str(uuid.uuid4()),
            thread=thread_id,
            assistant=assistant.id,
            strategy=wanted.strategy,
            request=wanted.as_json(),
            metadata=wanted.metadata,
            after_seconds=wanted.after_seconds,
            title=title[:80],
            labels={"graph_id": assistant.graph, "assistant_id": assistant.id},
        )
        with self._announced(new):
            if graph.asks_first and is_answer(wanted):
                run, before = await self._answered(new, wanted, actor)
            else:
                run, before = await self._store.add(new, owner=self._service.process.token)
            stream = self._accept(run)
        if wanted.strategy in {"interrupt", "rollback"}:
            for each in before:
                await self.stop(each.id, "rollback" if wanted.strategy == "rollback" else "interrupt")
        return stream

    async def check(self, wanted: Wanted, *, is_first: bool = False) -> Assistant:
        """Whether it can be run in some thread, or as a new one's first run. Raises as `start`."""
        assistant = await self.assistants.get(wanted.assistant)
        await check_wanted(self._service.graphs.get(assistant.graph), assistant, wanted, is_first=is_first)
        return assistant

    async def decide(
        self,
        approval: Approval,
        decision: Decision,
        *,
        actor: str,
        digest: str | None = None,
        message: str | None = None,
    ) -> tuple[Approval, RunStream | None]:
        """Record a decision and, in the same transaction, the run that carries it out, which begins.

        There is no such run while others still have to say yes. A server that shuts down leaves it to its
        next start. Raises as `Runner.decide`.

        Args:
            approval: What is decided on.
            decision: What the person answered.
            actor: Who, through what.
            digest: The digest the person saw, if their client says so.
            message: The id of the message that it came in; never let in again.
        """
        new = going_on(approval.thread)
        with self._announced(new):
            decided = await self._service.runner.decide(
                approval.id, decision, actor=actor, digest=digest, alongside=self._alongside(new, message)
            )
            return decided, await self._taken_up(new)

    async def _taken_up(self, new: NewRun) -> RunStream | None:
        """The run that was written down with a decision, if it was, and can be begun now."""
        try:
            run = await self._store.get(new.id)
        except NexusError:  # there is none; or the store fails just now, and the next sweep finds it
            return None
        return None if self._is_closing else self._accept(run)

    def _alongside(self, new: NewRun, message: str | None = None) -> Alongside:
        return Alongside(new, self._service.process.token, message)

    @contextmanager
    def _announced(self, new: NewRun) -> Generator[None]:
        """The run is about to be written down: whoever looks for what nobody drives leaves it alone."""
        self._coming.add(new.id)
        try:
            yield
        finally:
            self._coming.discard(new.id)

    async def go_on(self, thread_id: str) -> RunStream:
        """Start a run that brings nothing new: the thread goes on where it stopped. Raises as `start`."""
        thread = await self._service.threads.get(thread_id)
        modes = MODES if self._followers.are_there(thread.id) else ("values",)
        return await self.start(thread.id, Wanted(thread.graph or AGENT, modes=modes))

    async def stop(self, run_id: str, how: Stop) -> None:
        """Stop a run that has not ended: its model and its tools are told; a call that left is settled."""
        await self._store.ask_to_stop(run_id, how)
        stream = self._streams.get(run_id)
        if stream is None:
            await self._stop_orphan(await self._store.get(run_id))
            return
        stream.stop = stream.stop or how
        if task := self._driving.get(run_id):
            task.cancel()
        elif not stream.is_taken:
            stream.is_taken = True
            await self._finish(stream, "interrupted", None)
            self._followers.show(stream)

    def stream_of(self, run_id: str) -> RunStream | None:
        """What a run tells, if this process has driven it lately."""
        return self._streams.get(run_id) or self._ended.get(run_id)

    def follow(self, thread_id: str, *, past: bool = True) -> AsyncGenerator[RunStream]:
        """Every run of a thread from now on; with its past, also the last one that this process drove."""
        ended = next((each for each in reversed(self._ended.values()) if each.run.thread == thread_id), None)
        driven = [stream for stream in self._streams.values() if stream.run.thread == thread_id]
        known = [each for each in ([ended, *driven] if past else driven) if each is not None]
        return self._followers.follow(thread_id, [each for each in known if each.began_at])

    def is_running(self, thread_id: str) -> bool:
        """True from the moment a run was accepted until it has ended; one to be tried again later waits."""
        streams = self._streams.values()
        return any(stream.run.thread == thread_id and not stream.waits for stream in streams)

    async def recover(self) -> None:
        """Take up every run that nobody drives; end those that were to be stopped.

        Their process has died, or could not write down how they ended, or there never was one.
        """
        for run in await self._store.open():
            if self._is_driven(run):
                continue
            if run.stop:
                await self._stop_orphan(run)
            else:
                self._accept(run, is_recovered=True)

    def _is_driven(self, run: Run) -> bool:
        if run.owner == self._service.process.token:
            return run.id in self._streams or run.id in self._coming
        return bool(run.owner) and self._service.process.is_alive(run.owner)

    async def close(self, *, grace: float) -> None:
        """Start nothing more, wait for what runs, then cut it off: the next start continues it."""
        self._is_closing = True
        await super().close(grace=grace)

    async def _admit(self, thread_id: str, wanted: Wanted) -> str:
        """Check what is sent to Nexus's own graph; the request in it, if there is one."""
        if is_answer(wanted) or wanted.input is None:
            return ""
        text = text_of(wanted.input)
        if not self.is_running(thread_id):
            await self._service.runner.check_free_to_ask(thread_id)
        return text

    async def _answered(self, new: NewRun, wanted: Wanted, actor: str) -> tuple[Run, Sequence[Run]]:
        """Record the decision in an answer, and in the same transaction the run that carries it out."""
        answer = (wanted.command or {})["resume"]
        runner = self._service.runner
        await take_answer(runner, new.thread, answer, actor=actor, alongside=self._alongside(new))
        others = await self._store.search(thread=new.thread, statuses=("pending", "running"), limit=100)
        for run in others:
            if run.id == new.id:
                return run, [each for each in others if each is not run]
        # Others still have to say yes: the run asks again.
        return await self._store.add(new, owner=self._service.process.token)

    def _accept(self, run: Run, *, is_recovered: bool = False) -> RunStream:
        kept = self._store if run.request.get("stream_resumable") else None
        stream = RunStream(run, kept, self._service.parts.clock, is_recovered=is_recovered)
        self._streams[run.id] = stream
        delay = (run.start_at - self._service.parts.clock.now()).total_seconds() if run.start_at else 0.0
        if delay > 0:
            self.keep(self._later(stream, delay))
        else:
            self._enqueue(stream)
        return stream

    async def _later(self, stream: RunStream, delay: float) -> None:
        stream.waits = is_next_try(stream.run)
        await asyncio.sleep(delay)
        stream.waits = False
        self._enqueue(stream)

    def _enqueue(self, stream: RunStream) -> None:
        queue = self._queues.get(stream.run.thread)
        if queue is not None:
            queue.append(stream)
            return
        self._queues[stream.run.thread] = deque([stream])
        self.keep(self._work(stream.run.thread))

    async def _work(self, thread_id: str) -> None:
        """Drive a thread's runs, one after the other."""
        queue = self._queues[thread_id]
        try:
            while queue and not self._is_closing:
                stream = queue.popleft()
                if not stream.is_taken:
                    stream.is_taken = True
                    await self._cut_off_at_close(stream, asyncio.create_task(self._drive(stream)))
        finally:
            del self._queues[thread_id]

    async def _cut_off_at_close(self, stream: RunStream, task: asyncio.Task[None]) -> None:
        """Wait for a run that is driven; a server that shuts down cuts it off, and its row says to go on."""
        try:
            await asyncio.shield(asyncio.wait({task}))
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            if stream.status is None:
                stream.end("error", _stopped())
                self._forget(stream)
            raise

    async def _drive(self, stream: RunStream) -> None:
        """See a run to its end. Whoever stops it cancels this, but not how it ends: that is written down."""
        run, status, error = stream.run, "interrupted", None
        self._driving[run.id] = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            if stream.stop is None:
                status = await self._driven(stream)
        except asyncio.CancelledError:
            if stream.stop is None:  # the server shuts down
                raise
        # The one place where every run ends: its failure belongs to its watchers and to its row.
        except Exception as failure:  # noqa: BLE001
            status, error = "error", failure
        finally:
            del self._driving[run.id]
        if error is not None:
            self._log(run, error)
        if isinstance(error, Unavailable):
            await self._again_later(stream)
        await self._finish(stream, status, error)

    async def _driven(self, stream: RunStream) -> RunStatus:
        async with self._service.runner.locks.turn(stream.run.thread):
            await stream.go_on()
            self._followers.show(stream)
            if stream.run.status == "pending" or stream.is_recovered:
                await self._store.begin(stream.run.id, owner=self._service.process.token)
            return await drive(self._service, self._assistant_of, stream)

    async def _again_later(self, stream: RunStream) -> None:
        """Write down the next try, if there is one, of what its model or its store was not there for."""
        with suppress(NexusError):  # it stays open then, and is found by whoever looks for such runs
            graph = (await self._assistant_of(stream.run)).graph
            new = next_try(stream) if self._service.graphs.get(graph).asks_first else None
            if new is not None:
                with self._announced(new):
                    added, _ = await self._store.add(new, owner=self._service.process.token)
                    self._accept(added)

    async def _finish(self, stream: RunStream, status: RunStatus, error: Exception | None) -> None:
        run, stop = stream.run, stream.stop  # one that is asked for from now on comes too late
        try:
            if stop == "rollback":
                await self._undo(run)
                status = "interrupted"
            if run.request.get("temporary") and not (status == "interrupted" and stop is None):
                await self._delete(run.thread)
            await self._end(stream, status, error)
            if stop == "rollback":
                await self._store.delete(run.id)
        except NexusError as failure:
            self._log(run, failure)
            stream.end("error", failure)
            self._forget(stream)

    async def _end(self, stream: RunStream, status: RunStatus, error: Exception | None = None) -> None:
        """First the row, then the watchers: what they are told is on disk."""
        detail = detail_of(error) if error else None
        told = ended(stream.run, status, stream.values, detail)
        await self._store.end(stream.run.id, status, error=detail, told=told)
        stream.end(status, error)
        self._forget(stream)

    def _forget(self, stream: RunStream) -> None:
        run_id = stream.run.id
        self._streams.pop(run_id, None)
        self._ended[run_id] = stream
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)

    async def delete_thread(self, thread_id: str) -> None:
        """Forget a thread with its runs and checkpoints; what it still asks is answered with no.

        Raises:
            NotFound: There is none.
            Conflict: It is being run.
        """
        if self.is_running(thread_id):
            raise Conflict(f"Thread {thread_id} is being run.", remedy="Cancel its run first.")
        await self._delete(thread_id)

    async def _delete(self, thread_id: str) -> None:
        await self._service.runner.reject_all(thread_id, why="The thread was deleted.")
        await self._service.threads.delete(ThreadId(thread_id))
        await self._service.graphs.checkpointer.adelete_thread(thread_id)

    async def _undo(self, run: Run) -> None:
        """Make the thread forget a run, unless it left a call behind that a person has to hear about."""
        if not await self._service.runner.has_open_call(run.thread):
            await self._service.graphs.checkpointer.adelete_for_runs([run.id])

    async def _stop_orphan(self, run: Run) -> None:
        """End a run that nobody drives any more."""
        if not run.is_open or self._service.process.is_alive(run.owner):
            return
        if run.stop == "rollback":
            await self._undo(run)
        await self._store.end(run.id, "interrupted", told=ended(run, "interrupted", None, None))
        if run.stop == "rollback":
            await self._store.delete(run.id)

    async def _assistant_of(self, run: Run) -> Assistant:
        return await self.assistants.get(run.assistant)

    def _log(self, run: Run, failure: Exception) -> None:
        log.warning("run %s of thread %s failed: %s", run.id, run.thread, kind_of(failure))


def _stopped() -> Unavailable:
    return Unavailable("This server is shutting down.", remedy="It goes on at its next start.")
