"""Threads in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from nexus.core.action import ThreadId
from nexus.core.audit import AuditEntry
from nexus.core.user import OWNER
from nexus.errors import Conflict, NotFound
from nexus.ports.threads import Thread
from nexus.store.audit import record
from nexus.store.database import Database

_BEHIND_ALL = "\U0010ffff"
"""Behind every text that begins alike."""


class SqliteThreads:
    """Implements `nexus.ports.threads.Threads` over one user's threads.

    Args:
        database: Where the audit log is.
        user: Whose threads they are.
        records: The same file, for what need only survive the process; `database` if there is none.
    """

    def __init__(self, database: Database, user: str = OWNER, records: Database | None = None) -> None:
        self._database = database
        self._records = records or database
        self._user = user

    async def create(
        self, thread_id: ThreadId, *, title: str = "", metadata: Mapping[str, Any] | None = None
    ) -> Thread:
        """A new thread."""

        def change(connection: sqlite3.Connection, now: datetime) -> Thread:
            try:
                connection.execute(
                    "INSERT INTO threads (user, id, title, created_at, updated_at, metadata)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        self._user,
                        thread_id,
                        title,
                        now.isoformat(),
                        now.isoformat(),
                        json.dumps(metadata or {}),
                    ),
                )
            except sqlite3.IntegrityError as error:
                raise Conflict(f"There is already a thread {thread_id!r}.") from error
            return Thread(thread_id, title, now, now, metadata or {})

        return await self._records.write(change)

    async def touch(self, thread_id: ThreadId, *, title: str | None = None, graph: str | None = None) -> None:
        """Note that something happened."""
        labels = {"graph_id": graph} if graph else {}
        await self._records.write(
            lambda connection, now: touch_thread(
                connection, now, self._user, thread_id, title=title or "", labels=labels
            )
        )

    async def ended(self, thread_id: ThreadId, *, ending: str | None) -> None:
        """Note that a run came to its end."""
        await self._note(AuditEntry("run.completed", thread_id, None, {"ending": ending}))

    async def failed(self, thread_id: ThreadId, *, error: str) -> None:
        """Note that a run broke off."""
        await self._note(AuditEntry("run.failed", thread_id, None, {"error": error}))

    async def get(self, thread_id: str) -> Thread:
        """The thread of that id or unique beginning of an id."""

        def query(connection: sqlite3.Connection) -> Thread:
            # In the order of the key: the id itself stands before every longer one.
            rows = connection.execute(
                "SELECT * FROM threads WHERE user = ? AND id >= ? AND id < ? ORDER BY id LIMIT 2",
                (self._user, thread_id, thread_id + _BEHIND_ALL),
            ).fetchall()
            if not rows or not thread_id or (len(rows) > 1 and rows[0]["id"] != thread_id):
                raise NotFound(f"There is no one thread {thread_id!r}.")
            return _parse(rows[0])

        return await self._records.look_up(query)

    async def _note(self, entry: AuditEntry) -> None:
        def change(connection: sqlite3.Connection, now: datetime) -> None:
            connection.execute(
                "UPDATE threads SET updated_at = ? WHERE user = ? AND id = ?",
                (now.isoformat(), self._user, entry.thread),
            )
            record(connection, now, self._user, entry)

        await self._database.write(change)

    async def search(
        self, *, limit: int = 50, offset: int = 0, metadata: Mapping[str, Any] | None = None
    ) -> Sequence[Thread]:
        """Threads, the latest first."""
        wanted = metadata or {}

        def query(connection: sqlite3.Connection) -> list[Thread]:
            rows = connection.execute(
                "SELECT * FROM threads WHERE user = ? ORDER BY updated_at DESC, id LIMIT ? OFFSET ?",
                (self._user, -1 if wanted else limit, 0 if wanted else offset),
            )
            if not wanted:
                return [_parse(row) for row in rows]
            found = (thread for thread in map(_parse, rows) if contains(thread.metadata, wanted))
            return list(islice(found, offset, offset + limit))

        return await self._records.read(query)

    async def label(self, thread_id: ThreadId, metadata: Mapping[str, Any]) -> Thread:
        """Add to a thread's metadata."""

        def change(connection: sqlite3.Connection, now: datetime) -> Thread:
            key = (self._user, thread_id)
            row = connection.execute("SELECT * FROM threads WHERE user = ? AND id = ?", key).fetchone()
            if row is None:
                raise NotFound(f"There is no thread {thread_id!r}.")
            merged = {**json.loads(row["metadata"]), **metadata}
            row = connection.execute(
                "UPDATE threads SET metadata = ?, updated_at = ? WHERE user = ? AND id = ? RETURNING *",
                (json.dumps(merged), now.isoformat(), *key),
            ).fetchone()
            return _parse(row)

        return await self._records.write(change)

    async def delete(self, thread_id: ThreadId) -> None:
        """Forget a thread."""

        def change(connection: sqlite3.Connection, _: datetime) -> None:
            key = (self._user, thread_id)
            connection.execute(
                "DELETE FROM run_events WHERE user = ?"
                " AND run IN (SELECT id FROM runs WHERE user = ? AND thread = ?)",
                (self._user, *key),
            )
            connection.execute("DELETE FROM runs WHERE user = ? AND thread = ?", key)
            connection.execute("DELETE FROM chats WHERE user = ? AND thread = ?", key)
            connection.execute("DELETE FROM results WHERE user = ? AND thread = ?", key)
            connection.execute("DELETE FROM threads WHERE user = ? AND id = ?", key)

        await self._records.write(change)


def contains(whole: Any, part: Any) -> bool:
    """True if everything in `part` is in `whole`: keys of objects, elements of lists, equal values."""
    match whole, part:
        case dict(), dict():
            return all(key in whole and contains(whole[key], value) for key, value in part.items())
        case list(), list():
            return all(any(contains(one, wanted) for one in whole) for wanted in part)
        case _:
            return whole == part


def touch_thread(
    connection: sqlite3.Connection,
    now: datetime,
    user: str,
    thread: str,
    *,
    title: str,
    labels: Mapping[str, Any],
) -> bool:
    """As `Threads.touch`, inside the open transaction of `connection`; False if there is no such thread."""
    key = (user, thread)
    row = connection.execute("SELECT * FROM threads WHERE user = ? AND id = ?", key).fetchone()
    if row is None:
        return False
    if graph := labels.get("graph_id"):
        _parse(row).check_takes(graph)
    connection.execute(
        "UPDATE threads SET updated_at = ?, title = CASE title WHEN '' THEN ? ELSE title END,"
        " metadata = json_patch(metadata, ?) WHERE user = ? AND id = ?",
        (now.isoformat(), title, json.dumps(labels), *key),
    )
    return True


def _parse(row: sqlite3.Row) -> Thread:
    return Thread(
        id=ThreadId(row["id"]),
        title=row["title"],
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        metadata=json.loads(row["metadata"]),
    )
