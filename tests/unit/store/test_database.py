"""The file of approvals and effects: private, migrated once, durable, with a time that never runs back."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nexus.errors import ClockSetBack, StoreUnavailable
from nexus.store.checkpoints import open_checkpoints
from nexus.store.database import Database, make_private_file
from nexus.testing import FakeClock
from tests.durability.servers import SweepServer
from tests.world import MakeWorld


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(name="database")
async def _database(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Database]:
    database = Database(tmp_path / "home" / "nexus.db", clock)
    yield database
    await database.close()


async def pragma(database: Database, name: str) -> object:
    return await database.read(lambda connection: connection.execute(f"PRAGMA {name}").fetchone()[0])


async def test_everything_kept_is_readable_by_its_owner_only(make_world: MakeWorld, tmp_path: Path) -> None:
    world = await make_world()
    await world.start()
    kept = [tmp_path / "home", *(tmp_path / "home").rglob("*")]
    modes = {path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in kept}
    assert {"home", "home/nexus.db", "home/checkpoints.db", "home/locks", "home/owners"} <= modes.keys()
    for path in kept:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


async def test_a_file_that_was_readable_by_all_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "nexus.db"
    path.touch(mode=0o644)
    path.chmod(0o644)
    make_private_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_folder_that_was_there_keeps_its_mode_and_new_ones_above_it_are_private(
    tmp_path: Path,
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    make_private_file(shared / "a" / "b" / "file")
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
    assert stat.S_IMODE((shared / "a").stat().st_mode) == 0o700
    assert stat.S_IMODE((shared / "a" / "b").stat().st_mode) == 0o700


async def test_a_transaction_that_returned_survives_a_power_cut(database: Database) -> None:
    assert await pragma(database, "journal_mode") == "wal"
    assert await pragma(database, "synchronous") == 2


async def test_checkpoints_survive_the_death_of_the_process(tmp_path: Path) -> None:
    async with open_checkpoints(tmp_path / "checkpoints.db") as saver:
        rows = await saver.conn.execute_fetchall("SELECT * FROM pragma_journal_mode, pragma_synchronous")
        assert [tuple(row) for row in rows] == [("wal", 1)]


def test_eight_processes_that_open_a_new_home_at_once_all_work(fast_path: Path) -> None:
    with SweepServer() as server:
        for number in range(5):
            folder = fast_path / str(number)
            folder.mkdir()
            job = {"job": "open", "home": str(folder / "home"), "gun": str(folder / "gun")}
            ends = server.ask_all([{**job, "ready": str(folder / f"ready-{place}")} for place in range(8)])
            assert all(end["code"] == 0 and "error" not in end for end in ends), ends
            with sqlite3.connect(folder / "home" / "nexus.db") as connection:
                assert connection.execute("PRAGMA user_version").fetchone()[0] >= 1
                assert connection.execute("SELECT count(*) FROM threads").fetchone()[0] == 8
            connection.close()


async def test_a_file_of_today_is_not_migrated_again(
    database: Database, tmp_path: Path, clock: FakeClock
) -> None:
    version = await pragma(database, "user_version")
    await database.write(lambda connection, _: connection.execute("INSERT INTO meta VALUES ('mine', 'x')"))
    other = Database(tmp_path / "home" / "nexus.db", clock)
    assert await pragma(other, "user_version") == version
    rows = await other.read(
        lambda connection: connection.execute("SELECT value FROM meta WHERE name = 'mine'").fetchall()
    )
    assert [row["value"] for row in rows] == ["x"]
    await other.close()


async def test_a_change_that_fails_leaves_nothing_behind(database: Database) -> None:
    def half(connection: sqlite3.Connection, now: datetime) -> None:
        connection.execute("INSERT INTO meta VALUES ('half', ?)", (now.isoformat(),))
        raise RuntimeError("no further")

    with pytest.raises(RuntimeError):
        await database.write(half)
    left = await database.read(
        lambda c: c.execute("SELECT count(*) FROM meta WHERE name = 'half'").fetchone()[0]
    )
    assert left == 0
    assert await database.write(lambda connection, _: connection.in_transaction)


async def _together(
    database: Database, *changes: Callable[[sqlite3.Connection, datetime], object]
) -> list[object]:
    """What becomes of changes that come while the thread is busy, and how often something was committed."""
    busy, statements = threading.Event(), list[str]()

    def hold(connection: sqlite3.Connection) -> None:
        busy.wait(10)
        connection.set_trace_callback(statements.append)

    holding = asyncio.create_task(database.read(hold))
    await asyncio.sleep(0)
    writing = [asyncio.create_task(database.write(change)) for change in changes]
    await asyncio.sleep(0)
    busy.set()
    await holding
    outcomes = await asyncio.gather(*writing, return_exceptions=True)
    await database.read(lambda connection: connection.set_trace_callback(None))
    return [*outcomes, statements.count("COMMIT")]


def _noting(name: str, error: Exception | None = None) -> Callable[[sqlite3.Connection, datetime], str]:
    def change(connection: sqlite3.Connection, now: datetime) -> str:
        connection.execute("INSERT INTO meta VALUES (?, ?)", (name, now.isoformat()))
        if error is not None:
            raise error
        return name

    return change


def _noted(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM meta WHERE name LIKE 'x%'")}


async def test_changes_that_wait_share_a_transaction_and_each_is_kept_or_undone_by_itself(
    database: Database,
) -> None:
    failure = RuntimeError("no further")
    outcomes = await _together(database, _noting("x1"), _noting("x2", failure), _noting("x3"), _noting("x1"))
    assert outcomes[:3] == ["x1", failure, "x3"]
    assert isinstance(outcomes[3], StoreUnavailable), "a row of that key is there"
    assert outcomes[4] == 1
    assert await database.read(_noted) == {"x1", "x3"}


async def test_a_look_up_on_the_spot_finds_what_was_just_written_and_survives_the_end(
    tmp_path: Path, clock: FakeClock
) -> None:
    database = Database(tmp_path / "nexus.db", clock, on_the_spot=True)

    async def look_up_for_ever() -> None:
        while True:
            await database.look_up(_noted)
            await asyncio.sleep(0)

    looking = asyncio.create_task(look_up_for_ever())
    for name in ("x1", "x2"):
        await database.write(_noting(name))
        assert name in await database.look_up(_noted)
    await database.close()
    with pytest.raises(RuntimeError, match="shutdown"):
        await looking


async def test_a_change_that_nobody_waits_for_any_more_is_not_begun(database: Database) -> None:
    busy = threading.Event()
    holding = asyncio.create_task(database.read(lambda _: busy.wait(10)))
    await asyncio.sleep(0)
    writing = [asyncio.create_task(database.write(_noting(name))) for name in ("x1", "x2")]
    await asyncio.sleep(0)
    writing[0].cancel()
    await asyncio.sleep(0)
    busy.set()
    await asyncio.gather(holding, *writing, return_exceptions=True)
    assert await database.read(_noted) == {"x2"}


async def test_where_the_disk_is_full_what_was_told_to_be_written_is_and_nothing_else(
    database: Database,
) -> None:
    def limit(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 4}")

    await database.read(limit)
    changes = [_noting(f"x{number}" * size) for number, size in enumerate((1, 20_000, 1, 1))]
    *outcomes, _ = await _together(database, *changes)
    assert isinstance(outcomes[1], StoreUnavailable)
    assert await database.read(_noted) == {each for each in outcomes if isinstance(each, str)}


async def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "nexus.db"
    path.write_text("this is no database, but a letter to a friend, longer than a header")
    database = Database(path, clock)
    with pytest.raises(
        StoreUnavailable, match=r"nexus.db cannot be used right now \(file is not a database\)"
    ):
        await database.write(lambda *_: None)
    await database.close()
    assert path.read_text().startswith("this is no database")


async def test_the_time_of_a_transaction_never_lies_before_that_of_an_earlier_one(
    database: Database, clock: FakeClock
) -> None:
    first = await database.write(lambda _, now: now)
    clock.advance(timedelta(seconds=-59))
    assert await database.write(lambda _, now: now) == first
    clock.advance(timedelta(seconds=59, milliseconds=10))
    assert await database.write(lambda _, now: now) == first + timedelta(milliseconds=10)
    clock.advance(timedelta(hours=1))
    later = await database.write(lambda _, now: now)
    clock.advance(timedelta(seconds=-61))
    with pytest.raises(ClockSetBack, match=f"{later:%Y-%m-%d %H:%M} is already on record"):
        await database.write(lambda _, now: now)
    assert later.tzinfo is UTC


async def test_a_file_that_cannot_be_opened_now_can_be_opened_later(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "in the way").write_text("x")
    database = Database(tmp_path / "in the way" / "nexus.db", clock)
    with pytest.raises(StoreUnavailable):
        await database.write(lambda *_: None)
    (tmp_path / "in the way").unlink()
    assert await database.write(lambda _, now: now) == clock.now()
    await database.close()


def look_in(path: Path) -> list[str]:
    """What another program finds there: it opens the file, reads, and closes it."""
    code = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT id FROM threads'))"
    done = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True)
    return done.stdout.split()


def adds(thread: str) -> Callable[[sqlite3.Connection, datetime], object]:
    query = "INSERT INTO threads (user, id, title, created_at, updated_at) VALUES ('owner', ?2, '', ?1, ?1)"
    return lambda connection, now: connection.execute(query, (now.isoformat(), thread))


async def test_another_program_that_looks_in_takes_nothing_from_a_process_with_two_connections(
    database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    path = tmp_path / "home" / "nexus.db"
    await database.write(adds("a"))
    second = Database(path, clock)
    try:
        await second.write(adds("b"))
        assert len(look_in(path)) == 2
        # Had it taken the file for left, what is written from now on would be in a log that is not there.
        await database.write(adds("c"))
        await second.write(adds("d"))
        assert len(look_in(path)) == 4
    finally:
        await second.close()
