"""The audit log in SQLite: every event in the transaction of the change that it tells of."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime

import rfc8785

from nexus.core.audit import FIRST, AuditCheck, AuditEntry, AuditEvent, Head, chained, check_chain
from nexus.core.user import OWNER
from nexus.store.database import Database

_COLUMNS = "number, at, kind, thread, approval_id, data, previous, hash"


class SqliteAudit:
    """Implements `nexus.ports.audit.AuditLog`.

    Args:
        database: Where the log is.
        user: Whose events it shows; None for everybody's. What it appends is that user's, or the owner's.
    """

    def __init__(self, database: Database, user: str | None = None) -> None:
        self._database = database
        self._user = user

    async def append(self, entry: AuditEntry, *, once: str | None = None) -> None:
        """Write an entry down in a transaction of its own."""
        user = self._user or OWNER
        await self._database.write(lambda connection, now: record(connection, now, user, entry, once=once))

    async def after(self, number: int, *, limit: int = 100) -> Sequence[AuditEvent]:
        """The events behind that number."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                f"SELECT user, {_COLUMNS} FROM audit WHERE number > :number"  # noqa: S608 - constant columns
                " AND (:user IS NULL OR user = :user) ORDER BY number LIMIT :limit",
                {"number": number, "user": self._user, "limit": limit},
            ).fetchall()
        )
        return [_parse(row) for row in rows]

    async def of_thread(self, thread: str, *, limit: int = 2_000) -> Sequence[AuditEvent]:
        """What happened in a thread."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                f"SELECT user, {_COLUMNS} FROM audit WHERE thread = :thread"  # noqa: S608 - constant columns
                " AND (:user IS NULL OR user = :user) ORDER BY number DESC LIMIT :limit",
                {"thread": thread, "user": self._user, "limit": limit},
            ).fetchall()
        )
        return [_parse(row) for row in reversed(rows)]

    async def latest(self) -> int:
        """The number of the last event."""
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT number FROM audit WHERE (:user IS NULL OR user = :user) ORDER BY number DESC LIMIT 1",
                {"user": self._user},
            ).fetchone()
        )
        return row["number"] if row else 0

    async def verify(self, *, expected: Head | None = None) -> AuditCheck:
        """Look at every event."""
        return await self._database.read(lambda connection: _verify(connection, expected))


def record(
    connection: sqlite3.Connection,
    now: datetime,
    user: str,
    entry: AuditEntry,
    *,
    once: str | None = None,
) -> None:
    """Append an entry inside the open transaction of `connection`.

    Args:
        connection: In an immediate transaction, so that nobody else appends meanwhile.
        now: The time of the transaction.
        user: Whose event it is.
        entry: What happened.
        once: A name for it: what was written under the name before is not written again.
    """
    query = "SELECT 1 FROM audit WHERE user = ? AND once = ?"
    if once and connection.execute(query, (user, once)).fetchone():
        return
    event = chained(entry, after=_head(connection), at=now, user=user)
    connection.execute(
        f"INSERT INTO audit (user, {_COLUMNS}, once) VALUES ({', '.join('?' * 10)})",  # noqa: S608 - constant
        (
            event.user,
            event.number,
            event.at.isoformat(),
            event.kind,
            event.thread,
            event.approval_id,
            rfc8785.dumps(dict(event.data)).decode(),
            event.previous,
            event.hash,
            once,
        ),
    )
    connection.execute(
        "INSERT INTO meta (name, value) VALUES ('audit_head', ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (f"{event.number} {event.hash}",),
    )


def _head(connection: sqlite3.Connection) -> Head:
    row = connection.execute("SELECT user, number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    return (row["number"], row["hash"]) if row else (0, FIRST)


def _verify(connection: sqlite3.Connection, expected: Head | None) -> AuditCheck:
    connection.execute("BEGIN")
    try:
        found = check_chain(_every(connection), expected=expected)
        noted = connection.execute("SELECT value FROM meta WHERE name = 'audit_head'").fetchone()
    finally:
        connection.execute("ROLLBACK")
    head = "{} {}".format(*found.head) if found.head else None
    if found.problem or head == (noted["value"] if noted else None):
        return found
    return AuditCheck(found.events, found.head, "its end is missing")


def _every(connection: sqlite3.Connection) -> Iterator[AuditEvent]:
    query = f"SELECT user, {_COLUMNS} FROM audit ORDER BY number"  # noqa: S608 - constant
    yield from map(_parse, connection.execute(query))


def _parse(row: sqlite3.Row) -> AuditEvent:
    return AuditEvent(
        number=row["number"],
        at=datetime.fromisoformat(row["at"]),
        user=row["user"],
        kind=row["kind"],
        thread=row["thread"],
        approval_id=row["approval_id"],
        data=json.loads(row["data"]),
        previous=row["previous"],
        hash=row["hash"],
    )
