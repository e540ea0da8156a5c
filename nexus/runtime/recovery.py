"""What happens at boot: runs that were cut off go on where they stopped."""

from __future__ import annotations

import logging

from nexus.ports.threads import Threads
from nexus.runtime.runner import Runner, finish

log = logging.getLogger("nexus.recovery")


async def recover(runner: Runner, threads: Threads, *, limit: int = 1_000) -> list[str]:
    """Resume every unfinished thread, one after the other; the ids of those that were.

    A thread that waits for a person goes on waiting. One that cannot go on now (the model is down, its
    checkpoint is damaged) is logged and left as it is.
    """
    resumed: list[str] = []
    for thread in await threads.search(limit=limit):
        try:
            if (await runner.view(thread.id)).status != "unfinished":
                continue
            await finish(runner.resume(thread.id))
        # One damaged thread must not keep the others, and the whole program, from starting.
        except Exception as error:  # noqa: BLE001
            # Its message may hold arguments.
            log.warning("thread %s could not go on: %s", thread.id, type(error).__name__)
        else:
            resumed.append(thread.id)
    return resumed
