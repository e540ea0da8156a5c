"""Sessions of browsers in SQLite."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from datetime import datetime

from nexus.core.roles import Caller, role_of
from nexus.errors import Unidentified
from nexus.ports.sessions import LASTING
from nexus.store.database import Database
from nexus.store.users import SqliteUsers

SECRET_BYTES = 32
"""Nobody guesses 256 bits, so a plain hash keeps them as well as a slow one."""


class SqliteSessions:
    """Implements `nexus.ports.sessions.Sessions`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._users = SqliteUsers(database)
        self._page_key: str | None = None

    async def begin(self, key: str) -> str:
        """The secret of a new session."""
        caller = await self._users.identify(key)
        secret = f"{caller.user}.{secrets.token_urlsafe(SECRET_BYTES)}"

        def change(connection: sqlite3.Connection, now: datetime) -> None:
            connection.execute(
                "DELETE FROM sessions WHERE user = ? AND expires_at < ?", (caller.user, now.isoformat())
            )
            connection.execute(
                "INSERT INTO sessions (user, hash, key_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
                (caller.user, _hashed(secret), _hashed(key), now.isoformat(), (now + LASTING).isoformat()),
            )

        await self._database.write(change)
        return secret

    async def whose(self, secret: str) -> Caller:
        """Who logged in. The look-up goes by the hash, so its time says nothing of any secret."""
        now = self._database.now().isoformat()
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT u.id, u.role FROM sessions AS s JOIN users AS u ON u.id = s.user"
                " WHERE s.user = ? AND s.hash = ? AND s.expires_at >= ?"
                " AND u.key_hash = s.key_hash AND u.revoked_at IS NULL",
                (_user(secret), _hashed(secret), now),
            ).fetchone()
        )
        if row is None:
            raise Unidentified("You are not logged in any more.", remedy="Log in with your key.")
        return Caller(row["id"], role_of(row["id"], row["role"]))

    async def end(self, secret: str) -> None:
        """Forget the session."""
        await self._database.write(
            lambda connection, _: connection.execute(
                "DELETE FROM sessions WHERE user = ? AND hash = ?", (_user(secret), _hashed(secret))
            )
        )

    async def page_key(self) -> str:
        """What forms are signed with; two servers of one file agree on it."""
        if self._page_key is None:
            self._page_key = await self._database.read(_kept) or await self._database.write(_made)
        return self._page_key


def _kept(connection: sqlite3.Connection) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE name = 'page_key'").fetchone()
    return row["value"] if row else None


def _made(connection: sqlite3.Connection, _: datetime) -> str:
    connection.execute(
        "INSERT INTO meta (name, value) VALUES ('page_key', ?) ON CONFLICT (name) DO NOTHING",
        (secrets.token_hex(SECRET_BYTES),),
    )
    key = _kept(connection)
    if key is None:
        raise RuntimeError("what was just written is not there")
    return key


def _user(secret: str) -> str:
    """Whose it would be: the names of users have dots, what is random has none."""
    return secret.rpartition(".")[0]


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
