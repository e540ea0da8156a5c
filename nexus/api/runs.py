"""The runs this server drives: each in a task of its own, whoever watches it, whoever leaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from nexus.api.errors import problem_of, where
from nexus.errors import Conflict, InvalidInput, NexusError, NotFound, Unavailable
from nexus.runtime.runner import Event, Runner

log = logging.getLogger("nexus.runs")

POLL_SECONDS = 0.1
"""How often a decided thread that somebody else still runs is tried again."""

_TOLD_AT_ONCE = (Conflict, InvalidInput, NotFound)
"""Failures that are about the request, not about the thread."""

MAX_ERRORS = 1_000
"""Threads whose last error is remembered."""


class Run:
    """One run under way. Any number of watchers see all of its events; none of them can stop it."""

    def __init__(self, thread_id: str) -> None:
        self.thread_id = thread_id
        self._events: list[Event] = []
        self._error: Exception | None = None
        self._ended = False
        self._news = asyncio.Event()

    def publish(self, event: Event) -> None:
        """Show an event to the watchers."""
        self._events.append(event)
        self._wake()

    def end(self, error: Exception | None = None) -> None:
        """No more events follow."""
        self._error, self._ended = error, True
        self._wake()

    async def watch(self) -> AsyncGenerator[tuple[int, Event]]:
        """Every event with its number, from the first; then raises what the run failed with."""
        seen = 0
        while True:
            news = self._news
            while seen < len(self._events):
                seen += 1
                yield seen, self._events[seen - 1]
            if self._ended:
                break
            await news.wait()
        if self._error is not None:
            raise self._error

    async def started(self) -> None:
        """Wait for the first event. Raises what the run failed with before it."""
        async with aclosing(self.watch()) as events:
            async for _ in events:
                return

    async def last_event(self) -> Event:
        """Wait for the end. Raises what the run failed with."""
        last: Event = {}
        async with aclosing(self.watch()) as events:
            async for _, event in events:
                last = event
        return last

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class Runs:
    """Starts runs and keeps them going until they end or the server does."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._running: set[Run] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: dict[str, str] = {}
        self._is_closing = False

    async def start(self, thread_id: str, request: str) -> Run:
        """Serve a request in a thread; returns once the run has begun. Raises as `Runner.run`."""
        self._check_free(thread_id)
        run = self._begin(thread_id, lambda: self._runner.run(thread_id, request))
        await run.started()
        return run

    async def resume(self, thread_id: str) -> Run:
        """Continue an unfinished thread. Raises Conflict if it is being run."""
        status = (await self._runner.view(thread_id)).status
        self._check_free(thread_id)
        if status == "running":
            raise _is_running(thread_id)
        return self._begin(thread_id, lambda: self._runner.resume(thread_id))

    def carry_out(self, thread_id: str) -> Run:
        """Continue a thread that was decided on, as soon as whoever runs it lets go of it.

        A server that shuts down leaves that to its next start: the decision is on record.
        """
        if self._is_closing:
            run = Run(thread_id)
            run.end(_stopped())
            return run
        return self._begin(thread_id, lambda: self._resume_when_free(thread_id))

    def is_running(self, thread_id: str) -> bool:
        """True from the moment a run was accepted until its last event is there."""
        return any(run.thread_id == thread_id for run in self._running)

    def last_error(self, thread_id: str) -> str | None:
        """What the thread's last run by this server failed with."""
        return self._errors.get(thread_id)

    def supervise(self, job: Callable[[], Awaitable[object]]) -> None:
        """Let a job of the server's own go on beside the requests."""

        async def supervised() -> None:
            try:
                await job()
            # Nobody awaits the job, so its failure has to be told here.
            except Exception as error:  # noqa: BLE001
                log.error("a background job failed: %s", where(error))  # noqa: TRY400

        self._keep(supervised())

    async def close(self, *, grace: float) -> None:
        """Start nothing more, wait for what runs, then cut it off: the next start continues it."""
        self._is_closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in (cut_off := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)

    def _check_free(self, thread_id: str) -> None:
        if self.is_running(thread_id):
            raise _is_running(thread_id)

    def _begin(self, thread_id: str, events: Callable[[], AsyncGenerator[Event]]) -> Run:
        if self._is_closing:
            raise _stopped()
        run = Run(thread_id)
        self._running.add(run)
        self._errors.pop(thread_id, None)
        self._keep(self._drive(run, events()))
        return run

    async def _drive(self, run: Run, events: AsyncGenerator[Event]) -> None:
        error: Exception | None = _stopped()
        try:
            async with aclosing(events):
                async for event in events:
                    run.publish(event)
            error = None
        # The one loop that every run ends in: its failure belongs to its watchers and to the thread's view.
        except Exception as failure:  # noqa: BLE001
            error = failure
            self._remember(run.thread_id, failure)
        finally:
            self._running.discard(run)
            run.end(error)

    async def _resume_when_free(self, thread_id: str) -> AsyncGenerator[Event]:
        while True:
            begun = False
            try:
                async with aclosing(self._runner.resume(thread_id)) as events:
                    async for event in events:
                        begun = True
                        yield event
            except Conflict:
                if begun:
                    raise
                await asyncio.sleep(POLL_SECONDS)
            else:
                return

    def _remember(self, thread_id: str, failure: Exception) -> None:
        if not isinstance(failure, _TOLD_AT_ONCE):
            self._errors[thread_id] = problem_of(failure).detail
        if len(self._errors) > MAX_ERRORS:
            del self._errors[next(iter(self._errors))]
        told = type(failure).__name__ if isinstance(failure, NexusError) else where(failure)
        log.warning("a run of thread %s failed: %s", thread_id, told)

    def _keep(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_running(thread_id: str) -> Conflict:
    return Conflict(f"Thread {thread_id} is being run already.", remedy="Wait for that run to end.")


def _stopped() -> Unavailable:
    return Unavailable("This server is shutting down.", remedy="It goes on at its next start.")
