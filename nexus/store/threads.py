"""Threads in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from nexus.core.action import ThreadId
from nexus.errors import Conflict, NotFound
from nexus.ports.threads import Thread
from nexus.store.database import Database


class SqliteThreads:
    """Implements `nexus.ports.threads.Threads`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, thread_id: ThreadId, *, title: str = "") -> Thread:
        """A new thread."""

        def change(connection: sqlite3.Connection, now: datetime) -> Thread:
            try:
                connection.execute(
                    "INSERT INTO threads (id, title, created_at, updated_at) VALUES (?, ?, ?, ?)",
                    (thread_id, title, now.isoformat(), now.isoformat()),
                )
            except sqlite3.IntegrityError as error:
                raise Conflict(f"There is already a thread {thread_id!r}.") from error
            return Thread(thread_id, title, now, now)

        return await self._database.write(change)

    async def touch(self, thread_id: ThreadId, *, title: str | None = None) -> None:
        """Note that something happened."""
        await self._database.write(
            lambda connection, now: connection.execute(
                "UPDATE threads SET updated_at = ?, title = CASE title WHEN '' THEN ? ELSE title END"
                " WHERE id = ?",
                (now.isoformat(), title or "", thread_id),
            )
        )

    async def get(self, thread_id: str) -> Thread:
        """The thread of that id or unique beginning of an id."""

        def query(connection: sqlite3.Connection) -> Thread:
            rows = connection.execute(
                "SELECT * FROM threads WHERE substr(id, 1, ?) = ? ORDER BY id = ? DESC LIMIT 2",
                (len(thread_id), thread_id, thread_id),
            ).fetchall()
            if not rows or not thread_id or (len(rows) > 1 and rows[0]["id"] != thread_id):
                raise NotFound(f"There is no one thread {thread_id!r}.")
            return _parse(rows[0])

        return await self._database.read(query)

    async def search(self, *, limit: int = 50) -> Sequence[Thread]:
        """Threads, the latest first."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT * FROM threads ORDER BY updated_at DESC, id LIMIT ?", (limit,)
            ).fetchall()
        )
        return [_parse(row) for row in rows]


def _parse(row: sqlite3.Row) -> Thread:
    return Thread(
        id=ThreadId(row["id"]),
        title=row["title"],
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
    )
