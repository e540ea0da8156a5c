"""Checkpoints on the spot: who writes never waits in the event loop, and the log does not grow for ever."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from nexus.store.checkpoints import FOLD_AFTER, Checkpoints, open_checkpoints

PLACE: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.db"


@pytest.fixture(name="saver")
async def _saver(path: Path) -> AsyncIterator[Checkpoints]:
    async with open_checkpoints(path, on_the_spot=True) as saver:
        yield saver


async def put(saver: Checkpoints) -> str:
    """Write a checkpoint; its id."""
    placed = await saver.aput(PLACE, empty_checkpoint(), {}, {})
    return placed["configurable"]["checkpoint_id"]


async def latest(saver: Checkpoints) -> str | None:
    found = await saver.aget_tuple(PLACE)
    return found.checkpoint["id"] if found else None


async def writes(saver: Checkpoints, place: RunnableConfig) -> list[tuple[str, Any]]:
    """What was written beside a checkpoint."""
    found = await saver.aget_tuple(place)
    return [(channel, value) for _, channel, value in (found and found.pending_writes) or []]


async def test_what_another_process_holds_up_waits_in_the_thread_and_the_loop_goes_on(
    saver: Checkpoints, path: Path
):
    before = await put(saver)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    putting = asyncio.create_task(put(saver))
    for _ in range(20):
        assert await latest(saver) == before, "who only reads waits for nobody"
    assert not putting.done()
    other.execute("ROLLBACK")
    other.close()
    assert await putting == await latest(saver)


async def test_what_waits_is_not_overtaken_by_what_was_written_after_it(saver: Checkpoints, path: Path):
    place: Any = await saver.aput(PLACE, empty_checkpoint(), {}, {})
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    first = asyncio.create_task(saver.aput_writes(place, [("__resume__", 1)], "task"))
    await asyncio.sleep(0)
    other.execute("ROLLBACK")
    other.close()
    await asyncio.gather(first, saver.aput_writes(place, [("__resume__", 2)], "task"))
    assert await writes(saver, place) == [("__resume__", 2)]


@pytest.mark.parametrize("waits", [False, True], ids=["on the spot", "in the thread"])
async def test_what_fails_half_way_is_not_written_with_what_comes_next(saver: Checkpoints, *, waits: bool):
    place: Any = await saver.aput(PLACE, empty_checkpoint(), {}, {})
    if waits:
        await saver.lock.acquire()
    failing = asyncio.create_task(saver.aput_writes(place, [("a", 1), ("\ud800", 2)], "task"))
    await asyncio.sleep(0)
    if waits:
        saver.lock.release()
    with pytest.raises(UnicodeEncodeError):
        await failing
    await saver.aput_writes(place, [("b", 3)], "another")
    assert await writes(saver, place) == [("b", 3)]


@pytest.mark.parametrize("tasks", [1, 4])
async def test_the_log_is_folded_into_the_file_while_it_is_in_use(saver: Checkpoints, path: Path, tasks: int):
    log, sizes = path.with_name(f"{path.name}-wal"), []

    async def put_many() -> None:
        for _ in range(8 * FOLD_AFTER // tasks):
            await put(saver)
            sizes.append(log.stat().st_size)
            await asyncio.sleep(0)

    await asyncio.gather(*(put_many() for _ in range(tasks)))
    assert sizes[-1] < 3 * sizes[FOLD_AFTER], "it begins anew where it was folded"


async def test_a_command_that_ends_leaves_no_log_behind_for_those_that_come_after(
    saver: Checkpoints, path: Path
):
    sizes = []
    for _ in range(8):
        async with open_checkpoints(path, on_the_spot=True) as other:
            for _ in range(FOLD_AFTER // 2):
                await put(other)
        sizes.append(path.with_name(f"{path.name}-wal").stat().st_size)
    assert sizes[-1] < 3 * sizes[0]
    assert await latest(saver)
