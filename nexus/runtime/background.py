"""Jobs of a server's own, beside the requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from weakref import WeakValueDictionary

from nexus.runtime.failures import where

log = logging.getLogger("nexus.background")


class Background:
    """Keeps jobs going until they end or the server does."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._named: WeakValueDictionary[str, asyncio.Task[None]] = WeakValueDictionary()

    def supervise(self, job: Callable[[], Awaitable[object]], *, name: str | None = None) -> None:
        """Let a job go on beside the requests; one with a name replaces its namesake."""

        async def supervised() -> None:
            try:
                await job()
            # Nobody awaits the job, so its failure has to be told here.
            except Exception as error:  # noqa: BLE001
                log.error("a background job failed: %s", where(error))  # noqa: TRY400

        task = self.keep(supervised())
        if name is not None:
            if before := self._named.pop(name, None):
                before.cancel()
            self._named[name] = task

    def keep(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task that nobody else holds."""
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self, *, grace: float) -> None:
        """Wait for what runs, then cut it off."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in (cut_off := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)
