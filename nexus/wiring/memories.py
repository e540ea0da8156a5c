"""A user's memories: which store keeps them, and that every one can be found."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from langgraph.store.sqlite.aio import AsyncSqliteStore

from graphs.memories import Memories
from nexus.errors import NexusError
from nexus.memory.sqlite import SqliteMemories
from nexus.ports.memory import MemoryStore
from nexus.wiring.shared import Shared

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_memories(shared: Shared, items: AsyncSqliteStore) -> AsyncGenerator[Memories | None]:
    """The memories of the user whose items these are; None if memory is off.

    What another embedder had embedded is embedded anew behind it; that goes on at the next start if cut off.
    """
    if shared.settings.memory == "off":
        yield None
        return
    store = await SqliteMemories(items, shared.embedder, shared.clock).open()
    renewing = asyncio.create_task(_renew(store), name="memory-vectors")
    try:
        yield Memories(store, shared.clock)
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])


async def _renew(store: MemoryStore) -> None:
    try:
        if count := await store.reembed():
            _log.info("%d memories were embedded anew: the embedding model has changed", count)
    except NexusError as error:
        _log.warning("some memories are not found by their meaning yet: %s", error)
