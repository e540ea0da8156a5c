"""Long results, whole, in SQLite: each in its thread, each user's apart."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from nexus.core.action import ThreadId
from nexus.errors import NotFound
from nexus.ports.results import StoredResult
from nexus.store.database import Database

LONGEST = 1_000_000
"""Characters that are kept of one result: more than anybody reads of it piece by piece."""

MOST = 100
"""Results that are kept of a user; the oldest go first."""


class SqliteResults:
    """Implements `nexus.ports.results.ResultStore` for one user."""

    def __init__(self, database: Database, user: str) -> None:
        self._database = database
        self._user = user

    async def add(self, text: str, *, thread: ThreadId, call: str, tool: str) -> str:
        """Keep a result under the next number of its thread."""

        def change(connection: sqlite3.Connection, now: datetime) -> str:
            known = connection.execute(
                "SELECT id FROM results WHERE user = ? AND call = ?", (self._user, call)
            ).fetchone()
            if known:
                return known["id"]
            (number,) = connection.execute(
                "SELECT coalesce(max(CAST(substr(id, 2) AS INTEGER)), 0) + 1 FROM results"
                " WHERE user = ? AND thread = ?",
                (self._user, thread),
            ).fetchone()
            connection.execute(
                "INSERT INTO results (user, thread, id, call, tool, text, length, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (self._user, thread, f"r{number}", call, tool, text[:LONGEST], len(text), now.isoformat()),
            )
            connection.execute(
                "DELETE FROM results WHERE user = :user AND rowid NOT IN"
                " (SELECT rowid FROM results WHERE user = :user ORDER BY rowid DESC LIMIT :most)",
                {"user": self._user, "most": MOST},
            )
            return f"r{number}"

        return await self._database.write(change)

    async def get(self, result_id: str, *, thread: ThreadId) -> StoredResult:
        """A kept result of that thread. Raises NotFound."""
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT id, tool, text, length FROM results WHERE user = ? AND thread = ? AND id = ?",
                (self._user, thread, result_id),
            ).fetchone()
        )
        if row is None:
            raise NotFound(f"There is no result {result_id!r} in this thread.")
        return StoredResult(row["id"], row["tool"], row["text"], row["length"])

    async def thread_of(self, call: str) -> ThreadId:
        """The thread whose call the ledger knows under this key. Raises NotFound."""
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT thread FROM effects WHERE user = ? AND key = ?", (self._user, call)
            ).fetchone()
        )
        if row is None:
            raise NotFound("This call belongs to no thread.")
        return ThreadId(row["thread"])
