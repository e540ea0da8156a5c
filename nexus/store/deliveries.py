"""Deliveries in SQLite: a message is noted together with how far the audit log was read for it."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from nexus.core.audit import AuditEntry
from nexus.core.user import OWNER
from nexus.errors import Conflict, NotFound
from nexus.ports.deliveries import Attempt, Delivery, DeliveryState, Message
from nexus.ports.endpoints import Endpoint
from nexus.store.audit import record
from nexus.store.database import Database
from nexus.store.endpoints import endpoint_of

KEPT = timedelta(days=30)
"""How long the log keeps what was delivered or has failed."""

PATIENCE = timedelta(hours=20)
"""An endpoint that nothing has reached for that long is switched off when a message has failed for good."""


_VALID = f"(user = '{OWNER}' OR user IN (SELECT id FROM users WHERE revoked_at IS NULL))"  # noqa: S608 - constant
"""Whose messages are sent: not those of users whose key was revoked."""

_DUE = (
    f"FROM deliveries WHERE state = 'pending' AND next_at <= ? AND {_VALID}"  # noqa: S608 - constant
    " AND endpoint NOT IN (SELECT value FROM json_each(?))"
)


class SqliteDeliveries:
    """Implements `nexus.ports.deliveries.Deliveries`, over one user's, or over all if `user` is None."""

    def __init__(self, database: Database, user: str | None = None) -> None:
        self._database = database
        self._user = user

    async def waiting(self) -> Sequence[Endpoint]:
        """Every endpoint that is on."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                f"SELECT * FROM endpoints WHERE disabled_at IS NULL AND {_VALID} ORDER BY created_at, id"  # noqa: S608 - constant
            ).fetchall()
        )
        return [endpoint_of(row) for row in rows]

    async def enqueue(self, endpoint: Endpoint, messages: Sequence[Message], *, cursor: int) -> None:
        """Note what is to be sent, and how far the log was read, in one transaction."""

        def change(connection: sqlite3.Connection, now: datetime) -> None:
            moved = connection.execute(
                "UPDATE endpoints SET cursor = ? WHERE id = ? AND cursor = ? AND disabled_at IS NULL",
                (cursor, endpoint.id, endpoint.cursor),
            )
            if not moved.rowcount:  # removed, switched off, or read on by another process
                return
            for message in messages:
                connection.execute(
                    "INSERT INTO deliveries (id, user, endpoint, message, kind, body, state, created_at,"
                    " next_at) VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?)"
                    " ON CONFLICT (endpoint, message) DO NOTHING",
                    (
                        f"del_{secrets.token_hex(12)}",
                        endpoint.user,
                        endpoint.id,
                        message.id,
                        message.kind,
                        message.body,
                        now.isoformat(),
                        now.isoformat(),
                    ),
                )
            connection.execute(
                "DELETE FROM deliveries WHERE state <> 'pending' AND last_at < ?", ((now - KEPT).isoformat(),)
            )

        await self._database.write(change)

    async def has_due(self, now: datetime, *, but: Sequence[str] = ()) -> bool:
        """True if something is to be sent."""
        query = f"SELECT 1 {_DUE} LIMIT 1"
        values = (now.isoformat(), json.dumps(but))
        return await self._database.read(
            lambda connection: connection.execute(query, values).fetchone() is not None
        )

    async def claim(
        self, *, limit: int, lease: timedelta, but: Sequence[str] = ()
    ) -> Sequence[tuple[Delivery, Endpoint]]:
        """Those that are due, the oldest of each endpoint."""

        def change(connection: sqlite3.Connection, now: datetime) -> Sequence[tuple[Delivery, Endpoint]]:
            rows = connection.execute(
                f"SELECT *, min(rowid) {_DUE} GROUP BY endpoint ORDER BY next_at, rowid LIMIT ?",
                (now.isoformat(), json.dumps(but), limit),
            ).fetchall()
            for row in rows:
                connection.execute(
                    "UPDATE deliveries SET next_at = ? WHERE id = ?", ((now + lease).isoformat(), row["id"])
                )
            return [(_delivery(row), _endpoint(connection, row["endpoint"])) for row in rows]

        return await self._database.write(change)

    async def settle(
        self, delivery: Delivery, *, status: int | None, error: str | None, again_in: timedelta | None
    ) -> None:
        """Note how an attempt ended, and what follows for the endpoint."""

        def change(connection: sqlite3.Connection, now: datetime) -> None:
            row = connection.execute("SELECT * FROM deliveries WHERE id = ?", (delivery.id,)).fetchone()
            if row is None or row["state"] != "pending":  # removed, or settled by whoever else had it
                return
            state = "delivered" if error is None else "failed" if again_in is None else "pending"
            next_at = (now + again_in).isoformat() if state == "pending" and again_in else None
            connection.execute(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1, last_at = ?, next_at = ?,"
                " status = ?, error = ? WHERE id = ?",
                (state, now.isoformat(), next_at, status, error, delivery.id),
            )
            connection.execute(
                "INSERT INTO attempts (delivery, number, at, status, error) SELECT ?, count(*) + 1, ?, ?, ?"
                " FROM attempts WHERE delivery = ?",
                (delivery.id, now.isoformat(), status, error, delivery.id),
            )
            _note_health(connection, now, row["endpoint"], is_reached=error is None)
            if state != "pending":
                _tell(connection, now, row, state=state, error=error)
            if state == "failed":
                _disable_if_dead(connection, now, row)

        await self._database.write(change)

    async def disable(self, endpoint: Endpoint, *, because: str) -> None:
        """Send nothing more there."""
        await self._database.write(
            lambda connection, now: _disable(connection, now, endpoint.id, because=because)
        )

    async def search(
        self, *, endpoint: str | None = None, state: DeliveryState | None = None, limit: int = 100
    ) -> Sequence[Delivery]:
        """Deliveries, the newest first."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT * FROM deliveries WHERE (:user IS NULL OR user = :user)"
                " AND (:endpoint IS NULL OR endpoint = :endpoint) AND (:state IS NULL OR state = :state)"
                " ORDER BY created_at DESC, rowid DESC LIMIT :limit",
                {"user": self._user, "endpoint": endpoint, "state": state, "limit": limit},
            ).fetchall()
        )
        return [_delivery(row) for row in rows]

    async def get(self, delivery_id: str) -> tuple[Delivery, Sequence[Attempt]]:
        """The one of exactly that id, with every attempt."""

        def look(connection: sqlite3.Connection) -> tuple[Delivery, Sequence[Attempt]]:
            delivery = _delivery(self._row(connection, delivery_id))
            rows = connection.execute(
                "SELECT * FROM attempts WHERE delivery = ? ORDER BY number", (delivery_id,)
            )
            return delivery, [
                Attempt(row["number"], datetime.fromisoformat(row["at"]), row["status"], row["error"])
                for row in rows
            ]

        return await self._database.read(look)

    async def replay(self, delivery_id: str) -> Delivery:
        """Send it once more, now."""

        def change(connection: sqlite3.Connection, now: datetime) -> Delivery:
            row = self._row(connection, delivery_id)
            if _endpoint(connection, row["endpoint"]).disabled_at is not None:
                raise Conflict(
                    f"The endpoint {row['endpoint']} is switched off.", remedy="Switch it on again first."
                )
            connection.execute(
                "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = ? WHERE id = ?",
                (now.isoformat(), delivery_id),
            )
            return _delivery(self._row(connection, delivery_id))

        return await self._database.write(change)

    def _row(self, connection: sqlite3.Connection, delivery_id: str) -> sqlite3.Row:
        row = connection.execute(
            "SELECT * FROM deliveries WHERE id = :id AND (:user IS NULL OR user = :user)",
            {"id": delivery_id, "user": self._user},
        ).fetchone()
        if row is None:
            raise NotFound(
                f"There is no delivery {delivery_id[:80]!r}.",
                remedy="`nexus webhooks deliveries` lists them.",
            )
        return row


def _note_health(connection: sqlite3.Connection, now: datetime, endpoint: str, *, is_reached: bool) -> None:
    """Since when nothing has arrived there."""
    connection.execute(
        "UPDATE endpoints SET failing_since = CASE WHEN ? THEN NULL ELSE coalesce(failing_since, ?) END"
        " WHERE id = ?",
        (is_reached, now.isoformat(), endpoint),
    )


def _disable_if_dead(connection: sqlite3.Connection, now: datetime, row: sqlite3.Row) -> None:
    """Switch an endpoint off that nothing has reached for so long."""
    endpoint = _endpoint(connection, row["endpoint"])
    failing = endpoint.failing_since
    if failing is not None and now - failing >= PATIENCE:
        because = f"nothing reached it since {failing:%Y-%m-%d %H:%M} UTC"
        _disable(connection, now, endpoint.id, because=because)


def _disable(connection: sqlite3.Connection, now: datetime, endpoint: str, *, because: str) -> None:
    connection.execute(
        "UPDATE endpoints SET disabled_at = ?, disabled_because = ? WHERE id = ? AND disabled_at IS NULL",
        (now.isoformat(), because, endpoint),
    )
    left = "SELECT * FROM deliveries WHERE endpoint = ? AND state = 'pending'"
    for row in connection.execute(left, (endpoint,)).fetchall():
        error = "its endpoint was switched off"
        connection.execute(
            "UPDATE deliveries SET state = 'failed', next_at = NULL, last_at = ?, error = ? WHERE id = ?",
            (now.isoformat(), error, row["id"]),
        )
        _tell(connection, now, row, state="failed", error=error)


def add_delivery(
    connection: sqlite3.Connection, now: datetime, user: str, endpoint: str, message: Message
) -> None:
    """Note what is to be sent, in the open transaction of `connection`; nothing if the endpoint is gone."""
    connection.execute(
        "INSERT INTO deliveries (id, user, endpoint, message, kind, body, state, created_at, next_at)"
        " SELECT ?, user, id, ?, ?, ?, 'pending', ?, ? FROM endpoints WHERE user = ? AND id = ?"
        " ON CONFLICT (endpoint, message) DO NOTHING",
        (
            f"del_{secrets.token_hex(12)}",
            message.id,
            message.kind,
            message.body,
            now.isoformat(),
            now.isoformat(),
            user,
            endpoint,
        ),
    )


def _tell(
    connection: sqlite3.Connection, now: datetime, row: sqlite3.Row, *, state: str, error: str | None
) -> None:
    """Write into the audit log what became of a message."""
    facts = {
        "message": row["message"],
        "about": row["kind"],
        "endpoint": row["endpoint"],
        "delivery": row["id"],
        "state": state,
        "error": error,
    }
    record(connection, now, row["user"], AuditEntry("notification", None, None, facts))


def _endpoint(connection: sqlite3.Connection, endpoint_id: str) -> Endpoint:
    return endpoint_of(connection.execute("SELECT * FROM endpoints WHERE id = ?", (endpoint_id,)).fetchone())


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(
        id=row["id"],
        endpoint=row["endpoint"],
        message=Message(row["message"], row["kind"], row["body"]),
        state=row["state"],
        attempts=row["attempts"],
        created_at=datetime.fromisoformat(row["created_at"]),
        next_at=datetime.fromisoformat(row["next_at"]) if row["next_at"] else None,
        last_at=datetime.fromisoformat(row["last_at"]) if row["last_at"] else None,
        status=row["status"],
        error=row["error"],
    )
