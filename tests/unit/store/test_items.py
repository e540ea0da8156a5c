"""The store of graphs and clients: what it begins it also ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nexus.store.items import open_items


async def test_nothing_sweeps_a_store_that_was_closed(tmp_path: Path):
    others = asyncio.all_tasks()
    async with open_items(tmp_path / "items.db") as store:
        await store.aput(("a",), "b", {"c": 1}, ttl=1)
        assert asyncio.all_tasks() - others
    assert not {task.get_name() for task in asyncio.all_tasks() - others} & {"ttl_sweeper"}
