"""What a run tells, numbered, for any number of watchers, and for those that come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from nexus.ports.clock import Clock
from nexus.ports.runs import Run, RunEvent, RunStatus, RunStore, Stop
from nexus.runtime.wire import dumps


class RunStream:
    """The events of one run. None of its watchers can stop it.

    Args:
        run: Whose events they are.
        store: Where a resumable stream is kept; None for one that lives as long as the process.
        clock: Tells when things were told.
        is_recovered: True if an earlier process began it.

    Attributes:
        is_taken: True once somebody sees it to its end: who drives it, or who stopped it before its turn.
        states_told: How many states of the thread it has told: more whenever a step is done.
        waits: True while it is to try again later what an earlier run failed at.
        began_at: When it got its turn, in milliseconds since 1970.
        ended_at: When it ended, likewise.
    """

    def __init__(self, run: Run, store: RunStore | None, clock: Clock, *, is_recovered: bool = False) -> None:
        self.run = run
        self.began_at = 0
        self.ended_at = 0
        self.states_told = 0
        self._clock = clock
        self.is_recovered = is_recovered
        self.is_taken = False
        self.waits = False
        self.stop: Stop | None = None
        self.values: dict[str, Any] | None = None
        self.error: Exception | None = None
        self.status: RunStatus | None = None
        self._store = store
        self._first = 0
        self._events: list[RunEvent] = []
        self._times: list[int] = []
        self._kept = 0
        self._news = asyncio.Event()

    @property
    def first_number(self) -> int:
        """The number before its first event in this process."""
        return self._first

    @property
    def last_number(self) -> int:
        """The number of the last event so far."""
        return self._first + len(self._events)

    async def go_on(self) -> None:
        """It gets its turn; numbers on from what an earlier process told."""
        self.began_at = self._now()
        if self._store is not None and (told := await self._store.told(self.run.id)):
            self._first = told[-1][0]

    async def publish(self, event: str, data: Any) -> None:
        """Show an event to the watchers; a resumable one is on disk when they see it."""
        self._events.append((self.last_number + 1, event, dumps(data)))
        self._times.append(self._now())
        self.states_told += event == "values"
        if self._store is not None:
            await self._store.tell(self.run.id, self._events[self._kept :])
            self._kept = len(self._events)
        self._wake()

    def end(self, status: RunStatus, error: Exception | None = None) -> None:
        """No more events follow."""
        self.status, self.error, self.ended_at = status, error, self._now()
        self._wake()

    async def watch(self, *, after: int = 0) -> AsyncGenerator[RunEvent]:
        """Every event from behind that number until the end, whatever the end is."""
        seen = max(0, after - self._first)
        while True:
            news = self._news
            while seen < len(self._events):
                seen += 1
                yield self._events[seen - 1]
            if self.status is not None:
                return
            await news.wait()

    def told_at(self, number: int) -> int:
        """When this process told the event of that number, in milliseconds since 1970."""
        return self._times[number - self._first - 1]

    async def ended(self) -> None:
        """Wait for the end. Raises what the run failed with."""
        await self.settled()
        if self.error is not None:
            raise self.error

    async def settled(self) -> None:
        """Wait for the end, whatever it is."""
        while self.status is None:
            await self._news.wait()

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
