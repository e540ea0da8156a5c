"""A user's memories: which store keeps them, and that every one can be found."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from langgraph.store.sqlite.aio import AsyncSqliteStore
from pydantic import SecretStr

from graphs.memories import Memories
from nexus.core.user import OWNER
from nexus.errors import NexusError, NotFound
from nexus.memory import chroma, pinecone
from nexus.memory.choice import store_choice_of
from nexus.memory.chroma import ChromaMemories, collection_of
from nexus.memory.chroma_places import open_chroma
from nexus.memory.pinecone import PineconeMemories, open_pinecone
from nexus.memory.records import Records
from nexus.memory.sealing import seal_for
from nexus.memory.sqlite import SqliteMemories
from nexus.models.local_url import is_local_host
from nexus.ports.clock import Clock, SystemClock
from nexus.ports.embeddings import Embedder
from nexus.ports.memory import MemoryStore
from nexus.runtime.homes import home_of
from nexus.settings import Settings
from nexus.store.database import make_private_folder
from nexus.store.items import open_items
from nexus.wiring.embeddings import open_embedder
from nexus.wiring.shared import Shared

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_memories(
    shared: Shared, user: str, items: AsyncSqliteStore
) -> AsyncGenerator[Memories | None]:
    """The user's memories; None if memory is off. `items` are the user's own.

    What another embedder had embedded is embedded anew behind it; that goes on at the next start if cut off.
    """
    async with _open_store(shared.settings, user, items, shared.embedder, shared.clock) as store:
        if store is None:
            yield None
            return
        async with _renewed(store):
            yield Memories(store, shared.clock)


@asynccontextmanager
async def open_own_memories(settings: Settings) -> AsyncGenerator[Memories]:
    """The owner's by themselves: no model, no tools. Raises NotFound: memory is off."""
    await asyncio.to_thread(make_private_folder, settings.home)
    clock, embedder = SystemClock(), await open_embedder(settings)
    async with (
        open_items(home_of(settings, OWNER) / "store.db") as items,
        _open_store(settings, OWNER, items, embedder, clock) as store,
    ):
        if store is None:
            raise NotFound("Nothing is remembered here.", remedy="NEXUS_MEMORY=sqlite switches memory on.")
        yield Memories(store, clock)


@asynccontextmanager
async def _open_store(
    settings: Settings, user: str, items: AsyncSqliteStore, embedder: Embedder, clock: Clock
) -> AsyncGenerator[MemoryStore | None]:
    """The store that the settings choose. Raises SettingsInvalid: it cannot be."""
    key = _secret(settings.encryption_key)
    choice = store_choice_of(settings.memory, has_key=key is not None, is_near=is_local_host)
    seal = seal_for(key, user)
    match choice.kind:
        case "off":
            yield None
        case "sqlite":
            yield await SqliteMemories(items, embedder, clock, seal).open()
        case "chroma":
            where = choice.place or home_of(settings, user) / "chroma"
            async with open_chroma(where, _secret(settings.chroma_token)) as place:
                own = collection_of(choice.name, user)
                records = Records(user, embedder.name, seal, chroma.has_any_of)
                yield ChromaMemories(place, records, embedder, clock, collection=own)
        case "pinecone":
            api_key = _secret(settings.pinecone_api_key)
            async with open_pinecone(choice.place, api_key, settings.pinecone_url) as index:
                own = collection_of(choice.name, user)
                records = Records(user, embedder.name, seal, pinecone.has_any_of)
                yield PineconeMemories(index, records, embedder, clock, namespace=own)


@asynccontextmanager
async def _renewed(store: MemoryStore) -> AsyncGenerator[None]:
    """Embeds anew what has to be, while the block runs."""
    renewing = asyncio.create_task(_renew(store), name="memory-vectors")
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None


async def _renew(store: MemoryStore) -> None:
    try:
        if count := await store.reembed():
            _log.info("%d memories were embedded anew: the embedding model has changed", count)
    except NexusError as error:
        _log.warning("some memories are not found by their meaning yet: %s", error)
