"""Memories in LangGraph's SQLite store: items of the user's own file, with a vector beside each."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sqlite3
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

import numpy as np
import orjson
from langgraph.store.base import PutOp
from langgraph.store.sqlite.aio import AsyncSqliteStore

from nexus.core.memory import Memory, MemoryId, from_json, to_json
from nexus.errors import InvalidInput, NotFound, StoreUnavailable
from nexus.memory.sealing import Seal, Unsealed
from nexus.memory.shelf import Placed, Shelf
from nexus.ports.clock import Clock
from nexus.ports.embeddings import Embedder, Matrix
from nexus.ports.memory import EVERY, Found, Which

Result = TypeVar("Result")

NAMESPACE = ("memories",)
"""Where they stand among the items: `/store` and the user's own graphs see them there."""

PIECE = 32
"""Memories embedded between two writes, when the embedder has changed."""

_SEALED = "sealed"
"""What a sealed memory's item holds, and all it holds."""

_log = logging.getLogger(__name__)
_PREFIX = ".".join(NAMESPACE)

# `memory_changes` says which memories changed since a number, whoever changed them in whichever process.
_CHANGED = (
    "INSERT INTO memory_changes (key, number) VALUES ({key},"
    " (SELECT coalesce(max(number), 0) + 1 FROM memory_changes))"
    " ON CONFLICT (key) DO UPDATE SET number = excluded.number;"
)
_TABLES = f"""
CREATE TABLE IF NOT EXISTS memory_vectors (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, text_hash BLOB NOT NULL, vector BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memory_changes (key TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS memory_changes_by_number ON memory_changes (number);
CREATE TRIGGER IF NOT EXISTS memory_added AFTER INSERT ON store WHEN new.prefix = '{_PREFIX}'
BEGIN {_CHANGED.format(key="new.key")} END;
CREATE TRIGGER IF NOT EXISTS memory_changed AFTER UPDATE OF value ON store WHEN new.prefix = '{_PREFIX}'
BEGIN {_CHANGED.format(key="new.key")} END;
CREATE TRIGGER IF NOT EXISTS memory_deleted AFTER DELETE ON store WHEN old.prefix = '{_PREFIX}'
BEGIN DELETE FROM memory_vectors WHERE key = old.key; {_CHANGED.format(key="old.key")} END;
CREATE TRIGGER IF NOT EXISTS vector_added AFTER INSERT ON memory_vectors
BEGIN {_CHANGED.format(key="new.key")} END;
INSERT INTO memory_changes (key, number)
SELECT key, 1 FROM store WHERE prefix = '{_PREFIX}' ON CONFLICT (key) DO NOTHING;
"""  # noqa: S608 - constants

_SINCE = f"""
-- What changed after a number: its value, and its vector if one of the present embedder is there.
SELECT memory_changes.number, memory_changes.key, store.value, memory_vectors.text_hash, memory_vectors.vector
FROM memory_changes
LEFT JOIN store ON store.prefix = '{_PREFIX}' AND store.key = memory_changes.key
LEFT JOIN memory_vectors ON memory_vectors.key = memory_changes.key AND memory_vectors.model = ?
WHERE memory_changes.number > ? ORDER BY memory_changes.number
"""  # noqa: S608 - constants


class SqliteMemories:
    """Implements `nexus.ports.memory.MemoryStore` over the store that `open_items` opened.

    The search is exact, by numpy over vectors that are read once and held in the process (15 MB for 10,000):
    2 to 7 ms. sqlite-vec takes 30 to 38 ms for the same table (0.1.9), and not every Python can load it.
    """

    def __init__(
        self, items: AsyncSqliteStore, embedder: Embedder, clock: Clock, seal: Seal | None = None
    ) -> None:
        self._items = items
        self._embedder = embedder
        self._seal: Seal = seal or Unsealed()
        self._shelf = Shelf(clock)
        self._locked: Mapping[MemoryId, StoreUnavailable] = {}
        self._catching_up = asyncio.Lock()
        self._changing = asyncio.Lock()
        self._unfinished: set[asyncio.Task[Any]] = set()

    async def open(self) -> SqliteMemories:
        """Make the tables that are missing. Call it once, before anything else."""
        async with self._connection() as connection:
            await connection.executescript(_TABLES)
            # What is deleted or replaced is overwritten with zeros, not only marked as free.
            await connection.execute("PRAGMA secure_delete=ON")
        return self

    async def put(self, memories: Sequence[Memory]) -> None:
        """Keep them, and delete what has expired."""
        await self._readable()
        vectors = await self._embed(memories)
        await self._to_its_end(self._keep(memories, vectors))
        await self._catch_up()
        if expired := self._shelf.expired():
            await self.delete(expired)

    async def get(self, memory: MemoryId) -> Memory:
        """That memory."""
        await self._catch_up()
        if memory in self._locked:
            raise self._locked[memory].with_traceback(None)
        found = self._shelf.get(memory)
        if found is None:
            raise NotFound(f"There is no memory {memory}.")
        return found

    async def search(self, text: str, *, which: Which = EVERY, limit: int = 10) -> Sequence[Found]:
        """Those closest in meaning, the closest first."""
        query = (await self._embedder.embed([text]))[0]
        await self._readable()
        return await asyncio.to_thread(self._shelf.nearest, query, which, limit)

    async def list(self, which: Which = EVERY, *, limit: int = 100, offset: int = 0) -> Sequence[Memory]:
        """Those that fit, the last updated first."""
        await self._readable()
        return self._shelf.latest(which)[offset : offset + limit]

    async def delete(self, memories: Sequence[MemoryId]) -> int:
        """Delete them from the file and its log, whether or not they can be read."""
        there = await self._there(memories)
        await self._to_its_end(self._erase(there))
        await self._catch_up()
        return len(there)

    async def reembed(self, told: Callable[[int, int], None] | None = None) -> int:
        """Embed what has no vector of the present embedder, a piece at a time."""
        await self._catch_up()
        absent, kept = self._shelf.without_vector(), 0
        for start in range(0, len(absent), PIECE):
            piece = absent[start : start + PIECE]
            kept += await self._to_its_end(self._renew(piece, await self._embed(piece)))
            if told is not None:
                told(start + len(piece), len(absent))
        await self._catch_up()
        return kept

    async def _to_its_end(self, change: Coroutine[Any, Any, Result]) -> Result:
        """What a change of the file gives. It is finished even if whoever waits for it is cancelled.

        A cancel comes between any two steps, and while SQLite takes one in its thread: it would leave a
        transaction open on a connection that all share.
        """
        task = asyncio.create_task(change)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return await asyncio.shield(task)

    async def _keep(self, memories: Sequence[Memory], vectors: Matrix) -> None:
        async with self._changing:
            await self._write({memory.id: self._item(memory) for memory in memories})
            await self._keep_vectors(memories, vectors)

    async def _erase(self, memories: Sequence[MemoryId]) -> None:
        await self._write(dict.fromkeys(memories))
        async with self._connection() as connection:
            # The log still holds the pages as they were.
            rows = await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        if next(iter(rows))[0]:
            _log.warning("what was forgotten stays in the store's log until another process lets go of it")

    async def _renew(self, memories: Sequence[Memory], vectors: Matrix) -> int:
        """Keep the new vectors of those that are there as they were; how many are."""
        async with self._changing:
            await self._catch_up()
            there = [row for row, memory in enumerate(memories) if self._shelf.get(memory.id) == memory]
            await self._keep_vectors([memories[row] for row in there], vectors[there])
        return len(there)

    async def _embed(self, memories: Sequence[Memory]) -> Matrix:
        """A vector for each. Raises StoreUnavailable if the embedder does not keep to its dimensions."""
        vectors = await self._embedder.embed([memory.text for memory in memories])
        if vectors.shape != (len(memories), self._embedder.dimensions):
            raise StoreUnavailable(
                f"{self._embedder.name} gave vectors of {vectors.shape[-1]} dimensions, not"
                f" {self._embedder.dimensions}.",
                remedy="Restart Nexus: the model behind that name has changed.",
            )
        return vectors

    def _item(self, memory: Memory) -> dict[str, Any]:
        values = to_json(memory)
        if self._seal.is_open:
            return values
        return {_SEALED: self._seal.close(json.dumps(values), memory.id)}

    def _parsed(self, key: str, value: bytes | str | None) -> Memory | None:
        """The memory of an item; None if there is none, or somebody put something else there.

        Raises StoreUnavailable: it is sealed, and not with this key.
        """
        if value is None:
            return None
        try:
            values = orjson.loads(value)
            if _SEALED in values:
                values = orjson.loads(self._seal.open(str(values[_SEALED]), key))
            return from_json({**values, "id": key})
        except (InvalidInput, ValueError, TypeError) as error:
            _log.warning("the item %r among the memories is none (%s)", key, type(error).__name__)
            return None

    def _hash(self, text: str) -> bytes:
        """Of the text that a vector was made for; nothing to guess a sealed one by."""
        return hashlib.sha256(self._seal.tag(text).encode("utf-8", "surrogatepass")).digest()

    async def _write(self, values: dict[MemoryId, dict[str, Any] | None]) -> None:
        with _as_unavailable():
            await self._items.abatch([PutOp(NAMESPACE, key, value) for key, value in values.items()])

    async def _there(self, memories: Sequence[MemoryId]) -> list[MemoryId]:
        """Which of them have an item, whatever it holds."""
        async with self._connection() as connection:
            rows = await connection.execute_fetchall(
                "SELECT key FROM store WHERE prefix = ? AND key IN (SELECT value FROM json_each(?))",
                (_PREFIX, json.dumps(memories)),
            )
        return [MemoryId(row[0]) for row in rows]

    async def _keep_vectors(self, memories: Sequence[Memory], vectors: Matrix) -> None:
        rows = [
            (memory.id, self._embedder.name, self._hash(memory.text), vector.tobytes())
            for memory, vector in zip(memories, vectors, strict=True)
        ]
        async with self._connection() as connection:
            await connection.execute("BEGIN IMMEDIATE")
            # Not for what was forgotten meanwhile.
            await connection.executemany(
                "INSERT OR REPLACE INTO memory_vectors (key, model, text_hash, vector) SELECT ?1, ?2, ?3, ?4"  # noqa: S608
                f" WHERE EXISTS (SELECT 1 FROM store WHERE prefix = '{_PREFIX}' AND key = ?1)",
                rows,
            )
            await connection.execute("COMMIT")

    async def _catch_up(self) -> None:
        """Take in what changed in the file since the last look, by whomever."""
        async with self._catching_up:
            async with self._connection() as connection:
                rows = [
                    tuple(row)
                    for row in await connection.execute_fetchall(
                        _SINCE, (self._embedder.name, self._shelf.number)
                    )
                ]
            if rows:
                placed, locked = await asyncio.to_thread(self._placed, rows)
                self._shelf.take(rows[-1][0], placed)
                known = {key: error for key, error in self._locked.items() if key not in placed}
                self._locked = known | locked

    async def _readable(self) -> None:
        """The same. Raises StoreUnavailable: there are memories, and the key opens none of them."""
        await self._catch_up()
        if self._shelf.is_empty and self._locked:
            raise next(iter(self._locked.values())).with_traceback(None)

    def _placed(
        self, rows: Sequence[tuple[Any, ...]]
    ) -> tuple[dict[MemoryId, Placed | None], dict[MemoryId, StoreUnavailable]]:
        """What stands on the shelf for each changed item, and why some cannot be opened."""
        size = self._embedder.dimensions * np.dtype(np.float32).itemsize
        placed: dict[MemoryId, Placed | None] = {}
        locked: dict[MemoryId, StoreUnavailable] = {}
        for _, key, value, text_hash, vector in rows:
            placed[MemoryId(key)] = None
            try:
                memory = self._parsed(key, value)
            except StoreUnavailable as error:
                _log.warning("the memory %r cannot be opened: %s", key, error)
                locked[MemoryId(key)] = error
                continue
            if memory is None:
                continue
            has_its = vector is not None and len(vector) == size and text_hash == self._hash(memory.text)
            kept = np.frombuffer(bytes(vector or b""), np.float32) if has_its else None
            placed[MemoryId(key)] = Placed(memory, kept)
        return placed, locked

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any]:
        """The store's connection, between two of its own transactions."""
        with _as_unavailable():
            async with self._items.lock:
                connection = self._items.conn
                await _roll_back(connection)  # what somebody else's cancelled use of the store left open
                try:
                    yield connection
                # Whatever stops it: half a change must not be committed by the next one.
                except BaseException:
                    await _roll_back(connection)
                    raise


async def _roll_back(connection: Any) -> None:
    """Give up the open transaction, if there is one."""
    if connection.in_transaction:
        # It may end meanwhile, in SQLite's thread; and this error must not hide the one that led here.
        with suppress(sqlite3.Error):
            await connection.execute("ROLLBACK")


@contextmanager
def _as_unavailable() -> Generator[None]:
    """Tells an error of SQLite's as the port does."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(
            f"The memories cannot be read or written right now ({error}).",
            remedy="Free disk space or end the program that locks the file, then try again.",
            retry_after=5.0,
        ) from error
