"""Whose graph a thread is of, told in the transaction that writes a run down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nexus.core.action import ThreadId
from nexus.errors import Conflict
from nexus.ports.runs import NewRun
from nexus.store.database import Database
from nexus.store.runs import SqliteRuns
from nexus.store.threads import SqliteThreads
from nexus.testing import FakeClock

THREAD = ThreadId("one")


@pytest.fixture(name="database")
async def _database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "nexus.db", FakeClock())
    await SqliteThreads(database).create(THREAD)
    yield database
    await database.close()


def run_of(graph: str) -> NewRun:
    """A run of that graph, also by its id, in the thread."""
    return NewRun(graph, THREAD, graph, "enqueue", {}, labels={"graph_id": graph})


@pytest.mark.parametrize(("first", "second"), [("nexus", "theirs"), ("theirs", "nexus")])
async def test_of_two_graphs_that_come_at_once_our_own_shares_the_thread_with_no_other(
    database: Database, first: str, second: str
) -> None:
    """Both have looked at the thread before either writes; the transaction looks again."""
    threads, runs = SqliteThreads(database), SqliteRuns(database)
    await runs.add(run_of(first), owner="")
    with pytest.raises(Conflict, match=first):
        await runs.add(run_of(second), owner="")
    with pytest.raises(Conflict, match=first):
        await threads.touch(THREAD, title="late", graph=second)
    thread = await threads.get(THREAD)
    assert (thread.graph, thread.title) == (first, "")
    assert [run.id for run in await runs.open()] == [first]


async def test_other_graphs_may_follow_each_other_in_a_thread(database: Database) -> None:
    for graph in ("theirs", "others"):
        await SqliteRuns(database).add(run_of(graph), owner="")
    assert (await SqliteThreads(database).get(THREAD)).graph == "others"
