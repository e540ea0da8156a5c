"""P3 when the disk or the clock misbehaves: nothing is done twice, and it works again after."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nexus.core.decision import Approve, Reject
from nexus.errors import ClockSetBack, StoreUnavailable
from nexus.ports.clock import SystemClock
from nexus.store.checkpoints import open_checkpoints
from nexus.store.database import Database
from tests.durability.disks import small_disk
from tests.world import MakeWorld, World

Trouble = Callable[[World, str], AbstractAsyncContextManager[None]]
FILES = ["nexus.db", "checkpoints.db"]


async def _pragma(world: World, file: str, pragma: str) -> None:
    """Set something on the connections that the world writes to that file with."""
    if file == "nexus.db":
        await world.database.read(lambda connection: connection.execute(f"PRAGMA {pragma}").fetchall())
    else:
        await world.saver.conn.execute_fetchall(f"PRAGMA {pragma}")
        world.saver.on_the_spot.conn.execute(f"PRAGMA {pragma}")


@asynccontextmanager
async def locked(world: World, file: str) -> AsyncIterator[None]:
    """Another program holds the write lock, for longer than anybody waits."""
    await _pragma(world, file, "busy_timeout=20")
    other = sqlite3.connect(world.home / file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@asynccontextmanager
async def read_only(world: World, file: str) -> AsyncIterator[None]:
    """SQLite refuses every write, as on a file system that was remounted read-only."""
    await _pragma(world, file, "query_only=ON")
    try:
        yield
    finally:
        await _pragma(world, file, "query_only=OFF")


both = pytest.mark.parametrize("file", FILES)
troubles = pytest.mark.parametrize("trouble", [locked, read_only])


async def _works_again(world: World) -> None:
    assert (await world.view()).status == "unfinished"
    await world.resume()
    view = await world.view()
    assert (view.status, view.ending, len(world.effects)) == ("idle", "answered", 1)


@both
@troubles
async def test_trouble_before_the_call_stops_the_run_and_nothing_is_sent(
    world: World, trouble: Trouble, file: str
) -> None:
    await world.start()
    await world.decide(Approve())
    async with trouble(world, file):
        with pytest.raises(StoreUnavailable, match="cannot be used right now"):
            await world.resume()
        assert world.effects == []
    await _works_again(world)


async def _in_trouble_once_it_acted(world: World, trouble: AbstractAsyncContextManager[None]) -> None:
    async def breaks(*_: Any, acted: bool) -> None:
        if acted:
            await trouble.__aenter__()

    world.tools.sabotage = breaks
    with pytest.raises(StoreUnavailable):
        await world.resume()
    assert len(world.effects) == 1
    await trouble.__aexit__(None, None, None)


@both
@troubles
async def test_trouble_while_the_tool_acts_does_not_make_it_act_again(
    world: World, trouble: Trouble, file: str
) -> None:
    await world.start()
    await world.decide(Approve())
    await _in_trouble_once_it_acted(world, trouble(world, file))
    await _works_again(world)


@troubles
async def test_an_outcome_that_could_not_be_written_down_before_the_process_ended_is_asked_about(
    world: World, trouble: Trouble
) -> None:
    await world.start()
    await world.decide(Approve())
    await _in_trouble_once_it_acted(world, trouble(world, "nexus.db"))
    await world.restart()
    await world.boot()
    assert (await world.pending()).question == "outcome"
    assert len(world.effects) == 1


@troubles
async def test_a_decision_that_cannot_be_written_is_not_taken(world: World, trouble: Trouble) -> None:
    await world.start()
    approval = await world.pending()
    async with trouble(world, "nexus.db"):
        with pytest.raises(StoreUnavailable):
            await world.runner.decide(approval.id, Approve(), actor="test")
    await world.decide(Reject())
    await world.resume()
    assert world.effects == []


async def test_a_locked_checkpoint_file_does_not_keep_the_saver_from_working_later(world: World) -> None:
    await world.start()
    async with locked(world, "checkpoints.db"):
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await world.graph.aupdate_state(world.config(), {"search": []})
    assert not world.saver.conn.in_transaction
    await world.graph.aupdate_state(world.config(), {"search": []}, as_node="reason")


async def test_a_clock_set_back_stops_everything_but_looking_until_it_is_right_again(world: World) -> None:
    await world.start()
    await world.decide(Approve())
    world.advance(timedelta(hours=-2))
    for attempt in (world.resume, world.approvals.expire_overdue):
        with pytest.raises(ClockSetBack, match="Set the clock right"):
            await attempt()
    assert world.effects == []
    assert (await world.view()).steps
    world.advance(timedelta(hours=2))
    await _works_again(world)


async def test_a_clock_set_back_while_the_process_was_down_does_not_act_again(world: World) -> None:
    await world.start()
    await world.decide(Approve())
    await world.resume()
    world.advance(timedelta(hours=-2))
    await world.restart()
    with pytest.raises(ClockSetBack):
        await world.resume()
    assert len(world.effects) == 1


async def test_a_clock_that_a_time_server_corrects_by_seconds_is_no_trouble(world: World) -> None:
    await world.start()
    world.advance(timedelta(seconds=-30))
    await world.decide(Approve())
    await _works_again(world)


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", megabytes=1) as folder:
        yield folder


def _remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", disk], check=True)


def _fill(disk: Path) -> None:
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(os.urandom(4096))
        except OSError:
            return


@asynccontextmanager
async def full(disk: Path) -> AsyncIterator[None]:
    """There is no room left."""
    _fill(disk)
    try:
        yield
    finally:
        (disk / "ballast").unlink()


async def _world_on(disk: Path, tmp_path: Path) -> World:
    world = World(disk / "home")
    world.tools.outbox = tmp_path / "outbox.jsonl"
    await world.__aenter__()
    await world.start()
    await world.decide(Approve())
    return world


async def test_a_full_disk_before_the_call_stops_the_run_and_nothing_is_sent(
    small_disk: Path, tmp_path: Path
) -> None:
    world = await _world_on(small_disk, tmp_path)
    async with full(small_disk):
        with pytest.raises(StoreUnavailable, match="Free disk space"):
            await world.resume()
        assert world.effects == []
    await _works_again(world)
    await world.__aexit__()


async def test_a_disk_that_fills_up_while_the_tool_acts_does_not_make_it_act_again(
    small_disk: Path, tmp_path: Path
) -> None:
    world = await _world_on(small_disk, tmp_path)
    await _in_trouble_once_it_acted(world, full(small_disk))
    await _works_again(world)
    await world.__aexit__()


async def _first_write(path: Path) -> None:
    database = Database(path, SystemClock())
    try:
        await database.write(lambda *_: None)
    finally:
        await database.close()


async def _first_checkpoint(path: Path) -> None:
    async with open_checkpoints(path):
        pass


@pytest.mark.parametrize("use", [_first_write, _first_checkpoint])
async def test_files_that_cannot_be_made_are_a_store_that_is_unavailable(
    small_disk: Path, use: Callable[[Path], Awaitable[None]]
) -> None:
    async with full(small_disk):
        with pytest.raises(StoreUnavailable):
            await use(small_disk / "home" / "nexus.db")
    _remount(small_disk, "ro")
    with pytest.raises(StoreUnavailable):
        await use(small_disk / "home" / "nexus.db")
    _remount(small_disk, "rw")
    await use(small_disk / "home" / "nexus.db")


async def test_a_thread_that_cannot_go_on_at_boot_does_not_keep_the_others_from_going_on(
    make_world: MakeWorld,
) -> None:
    world = await make_world()
    for name in ("broken", "fine"):
        await world.start(thread=name)
        await world.decide(Approve(), thread=name)
    await world.saver.conn.execute(
        "UPDATE checkpoints SET type = 'pickle', checkpoint = X'00' WHERE thread_id = 'broken'"
    )
    await world.saver.conn.commit()
    await world.boot()
    assert (await world.view("fine")).ending == "answered"
    assert len(world.effects) == 1
