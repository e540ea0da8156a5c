"""Checkpoints: LangGraph's SQLite saver with strict deserialisation and private files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from nexus.errors import StoreUnavailable
from nexus.store.database import BUSY_SECONDS, has_to_wait, make_wal_file, unavailable, wait_no_more

Result = TypeVar("Result")

FOLD_AFTER = 100
"""Writes after which the log is folded into the file: some hundred pages, as SQLite's own 1,000, if they are
small; 10 MB if each holds a long thread."""


class _Whole(SqliteSaver):
    """LangGraph's saver for a thread: here what it writes is committed whole or not at all."""

    @contextmanager
    def cursor(self, transaction: bool = True) -> Generator[sqlite3.Cursor]:  # noqa: FBT001, FBT002 - LangGraph's
        """As LangGraph says, without committing what failed."""
        with closing(self.conn.cursor()) as cursor:
            yield cursor
            if transaction:
                self.conn.commit()


class Checkpoints(AsyncSqliteSaver):
    """LangGraph's saver, with trouble named as ours and no transaction left open by it.

    What every step of a run does takes one visit to the connection's thread; LangGraph's makes four to six,
    which were half of what a run costs.

    With a connection of the event loop's own it takes none: on the spot it is a fraction of a millisecond,
    the way to the thread and back ten times that under load (`tests/bench/langgraph_server.py`). That
    connection waits for nobody: while another process writes, the step waits in the thread; there the log
    is folded into the file, too, which is what waits for the disk.

    Args:
        connection: The thread's.
        on_the_spot: The event loop's, if it may use files.
    """

    def __init__(
        self, connection: aiosqlite.Connection, on_the_spot: sqlite3.Connection | None = None
    ) -> None:
        super().__init__(connection, serde=strict_serializer())
        self.on_the_spot = _saver_over(on_the_spot, self.serde) if on_the_spot is not None else None
        self._written = 0

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As LangGraph says. Raises StoreUnavailable."""
        return await self._read(lambda saver: saver.get_tuple(config))

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As LangGraph says. Raises StoreUnavailable."""
        return await self._write(lambda saver: saver.put(config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As LangGraph says. Raises StoreUnavailable."""
        await self._write(lambda saver: saver.put_writes(config, writes, task_id, task_path))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """As LangGraph says. Raises StoreUnavailable."""
        await self._change(
            "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type,"
            " checkpoint, metadata) SELECT ?, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type,"
            " checkpoint, metadata FROM checkpoints WHERE thread_id = ?",
            "INSERT INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel,"
            " type, value) SELECT ?, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type,"
            " value FROM writes WHERE thread_id = ?",
            parameters=(target_thread_id, source_thread_id),
        )

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """As LangGraph says. Raises StoreUnavailable."""
        await self._delete("json_extract(metadata, '$.run_id') IN (SELECT value FROM json_each(?))", run_ids)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """As LangGraph says. Raises StoreUnavailable."""
        older = (
            " AND EXISTS (SELECT 1 FROM checkpoints AS later WHERE later.thread_id = checkpoints.thread_id"
            " AND later.checkpoint_ns = checkpoints.checkpoint_ns"
            " AND later.checkpoint_id > checkpoints.checkpoint_id)"
        )
        which = "thread_id IN (SELECT value FROM json_each(?))"
        await self._delete(which + (older if strategy == "keep_latest" else ""), thread_ids)

    async def _delete(self, which: str, ids: Sequence[str]) -> None:
        """Delete those checkpoints and what was written for them."""
        places = f"SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints WHERE {which}"  # noqa: S608 - a constant
        await self._change(
            f"DELETE FROM writes WHERE (thread_id, checkpoint_ns, checkpoint_id) IN ({places})",  # noqa: S608 - same
            f"DELETE FROM checkpoints WHERE {which}",  # noqa: S608 - same
            parameters=(json.dumps(list(ids)),),
        )

    async def _change(self, *statements: str, parameters: tuple[str, ...]) -> None:
        """All of the statements, or none."""

        def change(connection: sqlite3.Connection) -> None:
            for statement in statements:
                connection.execute(statement, parameters)

        async with self.lock:
            await self._in_thread(change)

    async def _read(self, job: Callable[[SqliteSaver], Result]) -> Result:
        """Have something read on the spot, whoever writes; in the thread if it has to wait."""
        done = self._try(job)
        if done is None:
            async with self.lock:
                done = await self._over_the_thread(job)
        return done[0]

    async def _write(self, job: Callable[[SqliteSaver], Result]) -> Result:
        """Have something written on the spot; in the thread if it has to wait.

        In turn: nothing overtakes what waits, and nothing is written while the log is folded, which would
        never be done then.
        """
        async with self.lock:
            done = self._try(job) or await self._over_the_thread(job)
        await self._fold_at_times()
        return done[0]

    def _try(self, job: Callable[[SqliteSaver], Result]) -> tuple[Result] | None:
        """What comes of it on the spot; None if that may not be, or has to wait."""
        saver = self.on_the_spot
        if saver is None:
            return None
        try:
            return (_whole(saver.conn, lambda _: job(saver)),)
        except sqlite3.Error as error:
            if has_to_wait(error):
                return None
            raise unavailable("The checkpoint file", error) from error

    async def _over_the_thread(self, job: Callable[[SqliteSaver], Result]) -> tuple[Result]:
        return (await self._in_thread(lambda connection: job(_saver_over(connection, self.serde))),)

    async def _fold_at_times(self) -> None:
        """Bring the log into the file now and then; what cannot be brought in now stays in the log."""
        self._written += 1
        if self.on_the_spot is not None and self._written % FOLD_AFTER == 0:
            await self.fold()

    async def fold(self) -> None:
        """Bring the log into the file, as far as nobody reads it."""
        with suppress(StoreUnavailable):
            async with self.lock, self._named_trouble():
                await self.conn.execute_fetchall("PRAGMA wal_checkpoint(PASSIVE)")

    async def _in_thread(self, job: Callable[[sqlite3.Connection], Result]) -> Result:
        """Have something done in the connection's thread, under the lock. aiosqlite has no public way."""
        connection = self.conn._conn  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        async with self._named_trouble():
            return await self.conn._execute(_whole, connection, job)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    @asynccontextmanager
    async def _named_trouble(self) -> AsyncGenerator[None]:
        try:
            yield
        except sqlite3.Error as error:
            # Half a write must not be committed by the next one, nor keep other processes out.
            with suppress(sqlite3.Error):
                await self.conn.rollback()
            raise unavailable("The checkpoint file", error) from error


def _whole(connection: sqlite3.Connection, job: Callable[[sqlite3.Connection], Result]) -> Result:
    """Do it in one transaction: what it reads is of one moment, what fails half way is not there."""
    with connection:
        connection.execute("BEGIN")
        return job(connection)


def _saver_over(connection: sqlite3.Connection, serde: SerializerProtocol) -> _Whole:
    saver = _Whole(connection, serde=serde)
    saver.is_setup = True
    return saver


def strict_serializer() -> JsonPlusSerializer:
    """A serializer that rebuilds LangChain's messages and plain values, and no other object.

    LangGraph's default rebuilds whatever class a row names (CVE-2026-28277); the empty list leaves only
    the types that LangGraph itself knows to be safe.
    """
    return JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=[])


@asynccontextmanager
async def open_checkpoints(path: Path, *, on_the_spot: bool = False) -> AsyncGenerator[Checkpoints]:
    """The saver over `path`.

    WAL with `synchronous=NORMAL`: safe against the death of the process. A power cut may take the last
    checkpoints; the replay then meets the ledger, which is written with FULL.

    Args:
        path: The file.
        on_the_spot: The event loop may use it itself; `langgraph dev` forbids that.
    """
    async with AsyncExitStack() as stack:
        try:
            make_wal_file(path)
            connection = await stack.enter_async_context(aiosqlite.connect(path, timeout=BUSY_SECONDS))
            own = stack.enter_context(closing(_connection_of_the_loop(path))) if on_the_spot else None
            saver = Checkpoints(connection, own)
            await saver.setup()
            await connection.execute("PRAGMA synchronous=NORMAL")
        except (sqlite3.Error, OSError) as error:
            raise unavailable("The checkpoint file", error) from error
        yield saver
        if on_the_spot:
            await saver.fold()


def _connection_of_the_loop(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    wait_no_more(connection)
    return connection
