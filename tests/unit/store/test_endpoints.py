"""Endpoints that runs name: which of them make room for others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from nexus.errors import Conflict
from nexus.store.database import Database
from nexus.store.endpoints import AT_REST, SqliteEndpoints
from nexus.testing import FakeClock

URLS = [f"https://hooks.example.invalid/{number}" for number in range(3)]


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(name="endpoints")
async def _endpoints(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SqliteEndpoints]:
    monkeypatch.setattr("nexus.store.endpoints.MOST_OF_RUNS", 2)
    database = Database(tmp_path / "nexus.db", clock)
    yield SqliteEndpoints(database, "ana")
    await database.close()


async def test_one_whose_secret_was_shown_stays_and_keeps_it(
    endpoints: SqliteEndpoints, clock: FakeClock
) -> None:
    known = await endpoints.rotate((await endpoints.for_runs(URLS[0])).id)
    await endpoints.for_runs(URLS[1])
    clock.advance(AT_REST + timedelta(days=2))  # the old secret does not count any more
    await endpoints.for_runs(URLS[2])
    assert [each.url for each in await endpoints.search()] == [URLS[0], URLS[2]]
    assert (await endpoints.for_runs(URLS[0])).secret == known.secret


async def test_where_all_of_them_were_shown_a_new_one_is_refused_until_one_is_removed(
    endpoints: SqliteEndpoints, clock: FakeClock
) -> None:
    first, _ = [await endpoints.rotate((await endpoints.for_runs(url)).id) for url in URLS[:2]]
    clock.advance(AT_REST * 2)
    with pytest.raises(Conflict, match="secret was shown"):
        await endpoints.for_runs(URLS[2])
    await endpoints.remove(first.id)
    assert (await endpoints.for_runs(URLS[2])).url == URLS[2]
