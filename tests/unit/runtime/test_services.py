"""Every user's service: opened once, when first needed, and closed by the task that opened it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from nexus.errors import StoreUnavailable, Unavailable
from nexus.runtime.service import Service
from nexus.runtime.services import Services
from nexus.settings import Settings
from nexus.store.audit import SqliteAudit
from nexus.store.database import Database
from nexus.store.sessions import SqliteSessions
from nexus.store.users import SqliteUsers
from nexus.testing import FakeClock
from nexus.wiring.notices import notices_over


class Doors:
    """What is opened and closed, by which task."""

    def __init__(self, folder: Path) -> None:
        self.opened: list[tuple[str, Any]] = []
        self.closed: list[tuple[str, Any]] = []
        self.broken: set[str] = set()
        clock = FakeClock()
        database = Database(folder / "nexus.db", clock)
        notices = notices_over(database, clock, Settings(home=folder))
        self.services = Services(
            self.open, SqliteUsers(database), notices, SqliteAudit(database), SqliteSessions(database)
        )

    @asynccontextmanager
    async def open(self, user: str) -> AsyncGenerator[Service]:
        """A service that is only a name."""
        await asyncio.sleep(0)
        if user in self.broken:
            raise StoreUnavailable(f"The files of {user} cannot be read.")
        self.opened.append((user, asyncio.current_task()))
        yield cast("Service", f"service of {user}")
        self.closed.append((user, asyncio.current_task()))


@pytest.fixture(name="doors")
def _doors(tmp_path: Path) -> Doors:
    return Doors(tmp_path)


async def test_each_user_has_one_service_whoever_asks_at_the_same_time(doors: Doors):
    found = await asyncio.gather(*(doors.services.of(user) for user in ("ana", "ana", "ben", "ana")))
    assert found == ["service of ana", "service of ana", "service of ben", "service of ana"]
    assert [user for user, _ in doors.opened] == ["ana", "ben"]
    await doors.services.close()


async def test_who_opened_it_closes_it(doors: Doors):
    await asyncio.gather(doors.services.of("ana"), doors.services.of("ben"))
    assert doors.closed == []
    await doors.services.close()
    assert doors.closed == doors.opened
    assert len({task for _, task in doors.opened}) == 2
    assert asyncio.current_task() not in {task for _, task in doors.opened}


async def test_what_could_not_be_opened_is_tried_again(doors: Doors):
    doors.broken = {"ana"}
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="files of ana"):
            await doors.services.of("ana")
    assert await doors.services.of("ben") == "service of ben"
    doors.broken = set()
    assert await doors.services.of("ana") == "service of ana"
    await doors.services.close()


async def test_who_no_longer_waits_does_not_keep_others_from_it(doors: Doors):
    impatient = asyncio.create_task(doors.services.of("ana"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await doors.services.of("ana") == "service of ana"
    assert len(doors.opened) == 1
    await doors.services.close()


async def test_nothing_is_opened_after_the_end(doors: Doors):
    await doors.services.close()
    with pytest.raises(Unavailable, match="shutting down"):
        await doors.services.of("ana")
