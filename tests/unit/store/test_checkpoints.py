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
    async with open_checkpoints(path) as saver:
        yield saver


async def put(saver: Checkpoints) -> str:
    """Write a checkpoint; its id."""
    placed = await saver.aput(PLACE, empty_checkpoint(), {}, {})
    return placed["configurable"]["checkpoint_id"]


async def latest(saver: Checkpoints) -> str | None:
    found = await saver.aget_tuple(PLACE)
    return found.checkpoint["id"] if found else None


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


async def test_what_fails_half_way_is_not_written_with_what_comes_next(saver: Checkpoints):
    place: Any = await saver.aput(PLACE, empty_checkpoint(), {}, {})
    with pytest.raises(UnicodeEncodeError):
        await saver.aput_writes(place, [("a", 1), ("\ud800", 2)], "task")
    await saver.aput_writes(place, [("b", 3)], "another")
    found = await saver.aget_tuple(place)
    assert found
    assert [(channel, value) for _, channel, value in found.pending_writes or []] == [("b", 3)]


async def test_the_log_is_folded_into_the_file_while_it_is_in_use(saver: Checkpoints, path: Path):
    log, sizes = path.with_name(f"{path.name}-wal"), []
    for _ in range(4):
        for _ in range(FOLD_AFTER):
            await put(saver)
        sizes.append(log.stat().st_size)
    assert sizes[3] < 2 * sizes[0], "it begins anew where it was folded"
