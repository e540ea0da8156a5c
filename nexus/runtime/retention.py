"""Threads that nobody has touched for long: their past or all of them is forgotten, if the operator says so.

What is run, waits for somebody, was stopped half-way or left a call unsettled is never touched.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from datetime import timedelta

from nexus.ports.threads import Thread
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.thread_states import ThreadStates

log = logging.getLogger("nexus.retention")

PAGE = 200

_OVER = {"idle", "error"}
"""The states of a thread in which nothing is left to do."""


async def forget_old(service: Service, runs: Runs) -> int:
    """Forget of one user's threads what the settings say is old; of how many something was forgotten.

    Raises what the store does when the threads are listed; one that cannot be looked at is left for later.
    """
    settings = service.settings
    if settings.keep_states_days is None and settings.keep_threads_days is None:
        return 0
    forgotten = 0
    async for thread in _oldest_last(service):
        age = service.parts.clock.now() - thread.updated_at
        try:
            if _is_older(age, settings.keep_threads_days):
                forgotten += await _forget(service, runs, thread, keep_latest=False)
            elif _is_older(age, settings.keep_states_days):
                forgotten += await _forget(service, runs, thread, keep_latest=True)
        # One damaged thread must not keep the others.
        except Exception as error:  # noqa: BLE001
            log.warning("thread %s could not be looked at: %s", thread.id, type(error).__name__)
    return forgotten


async def _oldest_last(service: Service) -> AsyncGenerator[Thread]:
    """All threads, as the list was when this began: what is deleted meanwhile moves none out of sight."""
    found: list[Thread] = []
    while page := await service.threads.search(limit=PAGE, offset=len(found)):
        found += page
    for thread in found:
        yield thread


def _is_older(age: timedelta, days: float | None) -> bool:
    return days is not None and age > timedelta(days=days)


async def _forget(service: Service, runs: Runs, thread: Thread, *, keep_latest: bool) -> bool:
    if (await ThreadStates(service, runs).thread(thread))["status"] not in _OVER:
        return False
    if keep_latest and await service.graphs.keeps_deltas(thread):
        return False  # its past is its state
    async with service.runner.locks.hold(thread.id):
        now = await service.threads.get(thread.id)
        is_free = not await service.runs.search(thread=thread.id, statuses=("pending", "running"), limit=1)
        if now.updated_at != thread.updated_at or not is_free:
            return False
        if keep_latest:
            await service.graphs.checkpointer.aprune([thread.id])
        else:
            await runs.delete_thread(thread.id)
    return True
