"""Checkpoints: LangGraph's SQLite saver with strict deserialisation and private files."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from nexus.store.database import BUSY_SECONDS, make_wal_file, unavailable


class Checkpoints(AsyncSqliteSaver):
    """LangGraph's saver, with trouble named as ours and no transaction left open by it."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As LangGraph says. Raises StoreUnavailable."""
        async with self._named_trouble():
            return await super().aget_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As LangGraph says. Raises StoreUnavailable."""
        async with self._named_trouble():
            return await super().aput(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As LangGraph says. Raises StoreUnavailable."""
        async with self._named_trouble():
            await super().aput_writes(config, writes, task_id, task_path)

    @asynccontextmanager
    async def _named_trouble(self) -> AsyncGenerator[None]:
        try:
            yield
        except sqlite3.Error as error:
            # Half a write must not be committed by the next one, nor keep other processes out.
            with suppress(sqlite3.Error):
                await self.conn.rollback()
            raise unavailable("The checkpoint file", error) from error


def strict_serializer() -> JsonPlusSerializer:
    """A serializer that rebuilds LangChain's messages and plain values, and no other object.

    LangGraph's default rebuilds whatever class a row names (CVE-2026-28277); the empty list leaves only
    the types that LangGraph itself knows to be safe.
    """
    return JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=[])


@asynccontextmanager
async def open_checkpoints(path: Path) -> AsyncGenerator[Checkpoints]:
    """The saver over `path`.

    WAL with `synchronous=NORMAL`: safe against the death of the process. A power cut may take the last
    checkpoints; the replay then meets the ledger, which is written with FULL.
    """
    async with AsyncExitStack() as stack:
        try:
            make_wal_file(path)
            connection = await stack.enter_async_context(aiosqlite.connect(path, timeout=BUSY_SECONDS))
            saver = Checkpoints(connection, serde=strict_serializer())
            await saver.setup()
            await connection.execute("PRAGMA synchronous=NORMAL")
        except (sqlite3.Error, OSError) as error:
            raise unavailable("The checkpoint file", error) from error
        yield saver
