"""Checkpoints: LangGraph's SQLite saver with strict deserialisation, private files and process-death durability."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from nexus.store.database import BUSY_SECONDS, make_private_file


def strict_serializer() -> JsonPlusSerializer:
    """A serializer that rebuilds LangChain's messages and plain values, and no other object.

    LangGraph's default rebuilds whatever class a row names (CVE-2026-28277); the empty list leaves only
    the types that LangGraph itself knows to be safe.
    """
    return JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=[])


@asynccontextmanager
async def open_checkpoints(path: Path) -> AsyncIterator[AsyncSqliteSaver]:
    """The saver over `path`.

    WAL with `synchronous=NORMAL`: safe against the death of the process. A power cut may take the last
    checkpoints; the replay then meets the ledger, which is written with FULL.
    """
    make_private_file(path)
    async with aiosqlite.connect(path, timeout=BUSY_SECONDS) as connection:
        saver = AsyncSqliteSaver(connection, serde=strict_serializer())
        await saver.setup()
        await connection.execute("PRAGMA synchronous=NORMAL")
        yield saver
