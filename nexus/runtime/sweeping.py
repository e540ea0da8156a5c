"""Looked at again and again: approvals that wait long or too long, calls and runs whose process died."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from itertools import count

from nexus.runtime.all_runs import AllRuns
from nexus.runtime.retention import forget_old
from nexus.runtime.service import Service
from nexus.runtime.services import Services

log = logging.getLogger("nexus.sweeping")

FORGET_EVERY = 120
"""Rounds from one look for old threads to the next: an hour's."""

EVERY_SECONDS = 30.0
"""How late the end of an approval's time, or of another process, may be noticed."""


async def sweep(services: Services, every: AllRuns) -> int:
    """Close every user's overdue approvals and lost calls, and go on with every run that nobody drives.

    People are reminded of what has waited long.

    One user's trouble (a locked file, a clock set back) does not keep the others' from being looked at.

    Returns:
        How many approvals and calls were closed.
    """
    closed = 0
    for user in await services.users.with_threads():
        try:
            closed += await look_after(await services.of(user), every)
        # The next round comes soon.
        except Exception as error:  # noqa: BLE001
            log.warning("what waits of user %s could not be looked at: %s", user, type(error).__name__)
    return closed


async def look_after(service: Service, every: AllRuns) -> int:
    """The same for one user. Raises what the store does."""
    overdue = await service.parts.approvals.expire_overdue()
    await service.parts.approvals.remind()
    lost = await service.parts.ledger.settle_lost()
    await every.of(service).recover()
    return len(overdue) + lost


async def forget(services: Services, every: AllRuns) -> int:
    """Forget what is old of every user's threads; of how many."""
    forgotten = 0
    for user in await services.users.with_threads():
        try:
            service = await services.of(user)
            forgotten += await forget_old(service, every.of(service))
        # The next round comes soon.
        except Exception as error:  # noqa: BLE001
            log.warning("old threads of user %s could not be looked at: %s", user, type(error).__name__)
    return forgotten


@asynccontextmanager
async def sweeping(
    services: Services, every: AllRuns, *, seconds: float = EVERY_SECONDS
) -> AsyncGenerator[None]:
    """Sweep again and again as long as the context is open."""

    async def go_on() -> None:
        for number in count():
            await asyncio.sleep(seconds)
            with suppress(Exception):  # the list of users cannot be read now; the next round comes soon
                await sweep(services, every)
                if number % FORGET_EVERY == 0:
                    await forget(services, every)

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
