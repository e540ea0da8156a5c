"""Every kind of memory store, made so that it can be closed and opened again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
from tenacity import Retrying, stop_after_delay, wait_fixed

from nexus.core.memory import Memory, MemoryId
from nexus.memory.sealing import Seal, Unsealed
from nexus.memory.sqlite import SqliteMemories
from nexus.ports.embeddings import Embedder, Matrix
from nexus.ports.memory import MemoryStore
from nexus.store.items import open_items
from nexus.testing import FakeClock, KeptMemories, WordEmbedder
from tests.servers.pinecone.standin import PineconeStandIn
from tests.servers.running import running

THEN = datetime(2026, 3, 1, 9, 30, 15, 123456, tzinfo=UTC)

KINDS = ("fake", "sqlite", "chroma folder", "chroma server", "pinecone")


@dataclass
class Place:
    """Somewhere memories are kept, for whoever asks.

    Attributes:
        files: The folder whose files hold everything, if they are ours.
        has_one_length: Vectors of two lengths cannot be in it.
        sent: What was sent to a server that is ours, so far.
        is_fast: Ten thousand memories take it a few seconds.
        open: The store of a user there, for an embedder and a seal; it may be open already.
    """

    clock: FakeClock
    open: Callable[[str, Embedder, Seal], Awaitable[MemoryStore]]
    files: Path | None = None
    has_one_length: bool = False
    is_fast: bool = False
    is_fake: bool = False
    sent: Callable[[], bytes] = bytes

    async def of(
        self, user: str = "ada", embedder: Embedder | None = None, seal: Seal | None = None
    ) -> MemoryStore:
        """A store opened anew."""
        return await self.open(user, embedder or WordEmbedder(), seal or Unsealed())


@asynccontextmanager
async def place_of(kind: str, folder: Path, server_at: Callable[[], str]) -> AsyncGenerator[Place]:
    """One place of that kind; the test is skipped if what it needs is not installed."""
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        if kind == "fake":
            yield fake_place(clock)
            return
        if kind == "sqlite":
            yield sqlite_place(clock, folder / "users", stack)
            return
        if kind == "pinecone":
            if find_spec("langchain_pinecone") is None:
                pytest.skip("langchain-pinecone is not installed: pip install 'nexus-agent[pinecone]'")
            yield pinecone_place(clock, stack)
            return
        if find_spec("langchain_chroma") is None:
            pytest.skip("langchain-chroma is not installed: pip install 'nexus-agent[chroma]'")
        if kind == "chroma server":
            yield chroma_place(clock, server_at(), None, stack)
        else:
            yield chroma_place(clock, folder / "chroma", folder / "chroma", stack)


def fake_place(clock: FakeClock) -> Place:
    """The in-memory fake; it outlives being opened again."""
    kept: dict[str, KeptMemories] = {}

    async def opened(user: str, embedder: Embedder, _seal: Seal) -> MemoryStore:
        store = kept.setdefault(user, KeptMemories(clock))
        store.embedder = embedder
        return store

    return Place(clock, opened, is_fast=True, is_fake=True)


def sqlite_place(clock: FakeClock, folder: Path, stack: AsyncExitStack) -> Place:
    """The default: LangGraph's store in a file of the user's own."""

    async def opened(user: str, embedder: Embedder, seal: Seal) -> MemoryStore:
        items = await stack.enter_async_context(open_items(folder / user / "store.db"))
        return await SqliteMemories(items, embedder, clock, seal).open()

    return Place(clock, opened, files=folder, is_fast=True)


def chroma_place(clock: FakeClock, where: Path | str, files: Path | None, stack: AsyncExitStack) -> Place:
    """A folder, or the server at a URL. Each opening is a client of its own, as another process has it."""
    from nexus.memory.chroma import ChromaMemories, collection_of, has_any_of  # noqa: PLC0415 - optional
    from nexus.memory.chroma_places import ChromaFolder, ChromaServer  # noqa: PLC0415 - optional
    from nexus.memory.records import Records  # noqa: PLC0415 - optional

    name = f"test-{uuid4().hex[:8]}"

    async def opened(user: str, embedder: Embedder, seal: Seal) -> MemoryStore:
        place = ChromaFolder(where / user) if isinstance(where, Path) else ChromaServer(where)
        stack.push_async_callback(place.close)
        records = Records(user, embedder.name, seal, has_any_of)
        return ChromaMemories(place, records, embedder, clock, collection=collection_of(name, user))

    return Place(clock, opened, files=files)


def pinecone_place(clock: FakeClock, stack: AsyncExitStack) -> Place:
    """Pinecone's client against a stand-in that shows writes late. Other lengths are other indexes."""
    from nexus.memory.pinecone import PineconeIndex, PineconeMemories, has_any_of  # noqa: PLC0415 - optional
    from nexus.memory.records import Records  # noqa: PLC0415 - optional

    standin = PineconeStandIn(lag=2)
    standin.url = stack.enter_context(running(standin.app))

    async def opened(user: str, embedder: Embedder, seal: Seal) -> MemoryStore:
        if not standin.namespaces:
            standin.dimension = embedder.dimensions
        index = PineconeIndex(standin.name, standin.api_key, standin.url)
        stack.push_async_callback(index.close)
        records = Records(user, embedder.name, seal, has_any_of)
        return PineconeMemories(index, records, embedder, clock, namespace=f"test-{user}")

    return Place(clock, opened, has_one_length=True, sent=lambda: b"\n".join(standin.bodies))


@contextmanager
def chroma_server(folder: Path) -> Iterator[str]:
    """The URL of Chroma's own server, until the block ends."""
    port = _free_port()
    program = Path(sys.executable).with_name("chroma")
    with subprocess.Popen(
        [program, "run", "--path", folder, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "ANONYMIZED_TELEMETRY": "False"},
    ) as server:
        url = f"http://127.0.0.1:{port}"
        for attempt in Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.1)):
            with attempt:
                httpx.get(f"{url}/api/v2/heartbeat", timeout=2).raise_for_status()
        try:
            yield url
        finally:
            server.terminate()
            server.wait(timeout=10)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def memory(name: str, text: str, **values: Any) -> Memory:
    """A fact that a person told."""
    known = {"kind": "fact", "author": "person", "created_at": THEN, "updated_at": THEN} | values
    return Memory(MemoryId(name), text=text, **known)


class Scattered(WordEmbedder):
    """Vectors that have nothing to do with the words, as far apart as they can be."""

    async def embed(self, texts: Sequence[str]) -> Matrix:
        """One row a text, the same for the same text."""
        seeds = [abs(int.from_bytes(text.encode()[-8:], "big")) for text in texts]
        rows = np.array([np.random.default_rng(seed).standard_normal(self.dimensions) for seed in seeds])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32).reshape(len(texts), -1)
