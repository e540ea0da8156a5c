"""What happens at boot: what was decided, claimed or begun, and not brought to its end, goes on."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from nexus.ports.runs import AGENT
from nexus.ports.threads import Thread, Threads
from nexus.runtime.all_runs import AllRuns
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.services import Services
from nexus.runtime.sweeping import look_after

log = logging.getLogger("nexus.recovery")

PAGE = 1_000
"""Threads read at a time."""


async def recover_all(services: Services, every: AllRuns) -> None:
    """For the owner and every user with a valid key, each with their own tools and accounts.

    First the calls that were claimed and have no outcome: they become unknown, and their threads ask. Then
    the runs that were written down, with a decision or at somebody's request, and have not ended. Last the
    threads that a program without a server left behind.
    """
    for user in await services.users.with_threads():
        try:
            service = await services.of(user)
            await look_after(service, every)
            await continue_unfinished(service, every.of(service))
        # One user's trouble must not keep the other users' threads from going on.
        except Exception as error:  # noqa: BLE001
            log.warning("the threads of user %s could not go on: %s", user, type(error).__name__)


async def continue_unfinished(service: Service, runs: Runs) -> None:
    """Start a run in every thread that was left by a program without a server.

    Not where somebody stopped the last run on purpose.
    """
    for thread in await _every(service.threads):
        try:
            if thread.graph not in {None, AGENT} or runs.is_running(thread.id):
                continue
            if (await service.runner.view(thread.id)).status != "unfinished":
                continue
            last = await service.runs.search(thread=thread.id, limit=1)
            if not last or last[0].stop is None:
                await runs.go_on(thread.id)
        # One damaged thread must not keep the others, and the whole program, from starting.
        except Exception as error:  # noqa: BLE001
            # Its message may hold arguments.
            log.warning("thread %s could not go on: %s", thread.id, type(error).__name__)


async def _every(threads: Threads) -> Sequence[Thread]:
    """All of a user's threads, as they were when the first page was read, or twice."""
    found: list[Thread] = []
    while page := await threads.search(limit=PAGE, offset=len(found)):
        found += page
    return found
