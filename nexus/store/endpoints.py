"""Endpoints in SQLite. Their secrets are kept as they are, since messages are signed with them."""

from __future__ import annotations

import base64
import json
import secrets
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from nexus.core.user import OWNER
from nexus.errors import Conflict, NotFound
from nexus.ports.endpoints import RUN_ENDED, Endpoint, Medium
from nexus.store.database import Database

MOST = 20
"""Endpoints a user may have, beside those that runs name."""

MOST_OF_RUNS = 100
"""Endpoints that a user's runs may name; for a new one the one goes that was not named for longest."""

AT_REST = timedelta(hours=1)
"""How long one that a run named stays at least, whatever others are named meanwhile."""

OVERLAP = timedelta(days=1)
"""How long the old secret counts beside a new one."""

SECRET_BYTES = 32

_OF_RUNS = json.dumps([RUN_ENDED])

# The one named the longest ago, that no open run names and no message is on its way to. Only a rotation shows
# such a one's secret: then somebody checks its messages, and it stays, since it would come back with another.
_FORGET_ONE_OF_RUNS = """
DELETE FROM endpoints WHERE id = (
    SELECT id FROM endpoints AS endpoint
    WHERE user = :user AND kinds = :kinds AND old_secret IS NULL
      AND coalesce(named_at, created_at) < :before
      AND NOT EXISTS (SELECT 1 FROM deliveries WHERE endpoint = endpoint.id AND state = 'pending')
      AND NOT EXISTS (
        SELECT 1 FROM runs
        WHERE user = :user AND status IN ('pending', 'running')
          AND json_extract(request, '$.webhook') = endpoint.id)
    ORDER BY coalesce(named_at, created_at) LIMIT 1)
"""


class SqliteEndpoints:
    """Implements `nexus.ports.endpoints.Endpoints`, over one user's, or over all if `user` is None."""

    def __init__(self, database: Database, user: str | None = None) -> None:
        self._database = database
        self._user = user

    async def add(
        self, url: str, *, kinds: Sequence[str], may_decide: bool = False, medium: Medium = "webhook"
    ) -> Endpoint:
        """A new one, with a new secret."""

        def change(connection: sqlite3.Connection, now: datetime) -> Endpoint:
            if len([each for each in self._all(connection) if not _is_of_runs(each)]) >= MOST:
                raise Conflict(f"There are {MOST} endpoints already.", remedy="Remove one first.")
            return self._insert(connection, now, url, kinds=kinds, may_decide=may_decide, medium=medium)

        return await self._database.write(change)

    async def for_runs(self, url: str) -> Endpoint:
        """The one that is told of the ends of runs."""

        def change(connection: sqlite3.Connection, now: datetime) -> Endpoint:
            known = [each for each in self._all(connection) if _is_of_runs(each)]
            named = next((each for each in known if each.url == url), None)
            if named is None:
                if len(known) >= MOST_OF_RUNS:
                    self._make_room(connection, now)
                named = self._insert(
                    connection, now, url, kinds=(RUN_ENDED,), may_decide=False, medium="webhook"
                )
            connection.execute("UPDATE endpoints SET named_at = ? WHERE id = ?", (now.isoformat(), named.id))
            return self._enabled(connection, named)

        return await self._database.write(change)

    def _make_room(self, connection: sqlite3.Connection, now: datetime) -> None:
        """Forget the one that no run named for longest, if nothing is to be sent there any more."""
        given = {"user": self._user or OWNER, "kinds": _OF_RUNS, "before": (now - AT_REST).isoformat()}
        if not connection.execute(_FORGET_ONE_OF_RUNS, given).rowcount:
            raise Conflict(
                f"Runs name {MOST_OF_RUNS} webhooks already; each is in use, or its secret was shown.",
                remedy="Wait for the ends of runs, or remove endpoints.",
            )

    async def keep(self, medium: Medium, url: str | None, *, kinds: Sequence[str]) -> None:
        """There is one of that medium with that URL, or none."""

        def change(connection: sqlite3.Connection, now: datetime) -> None:
            known = [each for each in self._all(connection) if each.medium == medium]
            if [each.url for each in known if each.disabled_at is None] == ([url] if url else []):
                return
            for each in known:
                connection.execute("DELETE FROM endpoints WHERE id = ?", (each.id,))
            if url:
                self._insert(connection, now, url, kinds=kinds, may_decide=False, medium=medium)

        await self._database.write(change)

    async def get(self, endpoint_id: str) -> Endpoint:
        """The one of exactly that id."""
        return await self._database.read(lambda connection: self._one(connection, endpoint_id))

    async def search(self) -> Sequence[Endpoint]:
        """All, the oldest first."""
        return await self._database.read(self._all)

    async def rotate(self, endpoint_id: str) -> Endpoint:
        """Give it a new secret."""

        def change(connection: sqlite3.Connection, now: datetime) -> Endpoint:
            self._one(connection, endpoint_id)
            connection.execute(
                "UPDATE endpoints SET old_secret = secret, old_secret_until = ?, secret = ? WHERE id = ?",
                ((now + OVERLAP).isoformat(), _new_secret(), endpoint_id),
            )
            return self._one(connection, endpoint_id)

        return await self._database.write(change)

    async def enable(self, endpoint_id: str) -> Endpoint:
        """Send to it again, what happens from now on."""

        def change(connection: sqlite3.Connection, _: datetime) -> Endpoint:
            return self._enabled(connection, self._one(connection, endpoint_id))

        return await self._database.write(change)

    async def remove(self, endpoint_id: str) -> None:
        """Forget it, and what was to be sent to it."""

        def change(connection: sqlite3.Connection, _: datetime) -> None:
            self._one(connection, endpoint_id)
            connection.execute("DELETE FROM endpoints WHERE id = ?", (endpoint_id,))

        await self._database.write(change)

    def _enabled(self, connection: sqlite3.Connection, endpoint: Endpoint) -> Endpoint:
        if endpoint.disabled_at is not None:
            connection.execute(
                "UPDATE endpoints SET disabled_at = NULL, disabled_because = NULL, failing_since = NULL,"
                " cursor = ? WHERE id = ?",
                (_head(connection, self._user or OWNER), endpoint.id),
            )
        return self._one(connection, endpoint.id)

    def _insert(
        self,
        connection: sqlite3.Connection,
        now: datetime,
        url: str,
        *,
        kinds: Sequence[str],
        may_decide: bool,
        medium: Medium,
    ) -> Endpoint:
        row = (
            f"ep_{secrets.token_hex(12)}",
            self._user or OWNER,
            url,
            json.dumps(list(kinds)),
            medium,
            may_decide,
            _new_secret(),
            _head(connection, self._user or OWNER),
            now.isoformat(),
        )
        connection.execute(
            "INSERT INTO endpoints (id, user, url, kinds, medium, may_decide, secret, cursor, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        return self._one(connection, row[0])

    def _one(self, connection: sqlite3.Connection, endpoint_id: str) -> Endpoint:
        row = connection.execute(
            "SELECT * FROM endpoints WHERE id = :id AND (:user IS NULL OR user = :user)",
            {"id": endpoint_id, "user": self._user},
        ).fetchone()
        if row is None:
            raise NotFound(
                f"There is no endpoint {endpoint_id[:80]!r}.", remedy="`nexus webhooks list` shows them."
            )
        return endpoint_of(row)

    def _all(self, connection: sqlite3.Connection) -> Sequence[Endpoint]:
        rows = connection.execute(
            "SELECT * FROM endpoints WHERE :user IS NULL OR user = :user ORDER BY created_at, id",
            {"user": self._user},
        )
        return [endpoint_of(row) for row in rows]


def _is_of_runs(endpoint: Endpoint) -> bool:
    return endpoint.kinds == (RUN_ENDED,)


def endpoint_of(row: sqlite3.Row) -> Endpoint:
    """The endpoint in a row."""
    return Endpoint(
        user=row["user"],
        id=row["id"],
        url=row["url"],
        kinds=tuple(json.loads(row["kinds"])),
        medium=row["medium"],
        may_decide=bool(row["may_decide"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        secret=row["secret"],
        old_secret=row["old_secret"],
        old_secret_until=_time(row["old_secret_until"]),
        cursor=row["cursor"],
        failing_since=_time(row["failing_since"]),
        disabled_at=_time(row["disabled_at"]),
        disabled_because=row["disabled_because"],
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def _head(connection: sqlite3.Connection, user: str) -> int:
    """The number of the user's last event in the audit log."""
    query = "SELECT coalesce(max(number), 0) FROM audit WHERE user = ?"
    (number,) = connection.execute(query, (user,)).fetchone()
    return int(number)
