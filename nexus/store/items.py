"""The store that graphs and clients keep items in: LangGraph's, in a private file of the user's own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from langgraph.store.sqlite.aio import AsyncSqliteStore

from nexus.store.database import make_wal_file, unavailable

_TTL_SWEEP_MINUTES = 10


@asynccontextmanager
async def open_items(path: Path) -> AsyncGenerator[AsyncSqliteStore]:
    """The store over `path`; items with a time to live are removed when it is over."""
    try:
        await asyncio.to_thread(make_wal_file, path)
        opened = AsyncSqliteStore.from_conn_string(
            str(path), ttl={"refresh_on_read": True, "sweep_interval_minutes": _TTL_SWEEP_MINUTES}
        )
        async with opened as store:
            await store.conn.execute("PRAGMA synchronous=NORMAL")
            await store.setup()
            await store.start_ttl_sweeper()
            try:
                yield store
            finally:
                await store.stop_ttl_sweeper()
    except (sqlite3.Error, OSError) as error:
        raise unavailable("The store's file", error) from error
