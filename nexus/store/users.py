"""Users in SQLite. Of a key only its hash is kept."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from nexus.core.roles import Caller, Role, role_of
from nexus.core.user import OWNER, check_user_id
from nexus.errors import Conflict, NotFound, Unidentified
from nexus.ports.users import User
from nexus.store.database import Database

KEY_BYTES = 32
"""Random bytes of a key: nobody guesses 256 bits, so a plain hash keeps them as well as a slow one."""

_MARK = "nexus_"  # programs that look for leaked secrets know a key by it


class SqliteUsers:
    """Implements `nexus.ports.users.Users`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, user_id: str, role: Role = "user") -> str:
        """Let somebody in; their key."""
        check_user_id(user_id)
        key = f"{_MARK}{secrets.token_urlsafe(KEY_BYTES)}"

        def change(connection: sqlite3.Connection, now: datetime) -> None:
            known = _find(connection, user_id)
            if known is not None and known.revoked_at is None:
                raise Conflict(
                    f"User {user_id} has a key already.",
                    remedy="For a new one revoke it first: what the user has stays.",
                )
            connection.execute(
                "INSERT INTO users (id, key_hash, created_at, role) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET key_hash = excluded.key_hash,"
                " created_at = excluded.created_at, role = excluded.role, revoked_at = NULL",
                (user_id, _hashed(key), now.isoformat(), role),
            )

        await self._database.write(change)
        return key

    async def revoke(self, user_id: str) -> User:
        """Make a user's key invalid."""

        def change(connection: sqlite3.Connection, now: datetime) -> User:
            connection.execute(
                "UPDATE users SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                (now.isoformat(), user_id),
            )
            return _known(connection, user_id)

        return await self._database.write(change)

    async def change_role(self, user_id: str, role: Role) -> User:
        """Give a user another role."""

        def change(connection: sqlite3.Connection, _: datetime) -> User:
            connection.execute("UPDATE users SET role = ? WHERE id = ?", (role, user_id))
            return _known(connection, user_id)

        return await self._database.write(change)

    async def admit(self, user_id: str) -> User:
        """Somebody whom another system vouches for."""
        check_user_id(user_id)

        def change(connection: sqlite3.Connection, now: datetime) -> User:
            connection.execute(
                "INSERT INTO users (id, key_hash, created_at, role) VALUES (?, ?, ?, 'user')"
                " ON CONFLICT (id) DO NOTHING",
                (user_id, _hashed(secrets.token_urlsafe(KEY_BYTES)), now.isoformat()),
            )
            return _known(connection, user_id)

        user = await self._database.read(lambda connection: _find(connection, user_id))
        user = user or await self._database.write(change)
        if user.revoked_at is not None:
            raise Unidentified(f"User {user_id} was revoked.", remedy="`nexus users add` lets them in again.")
        return user

    async def search(self) -> Sequence[User]:
        """Every user, by name."""
        rows = await self._database.read(
            lambda connection: connection.execute("SELECT * FROM users ORDER BY id").fetchall()
        )
        return [_parse(row) for row in rows]

    async def identify(self, key: str | None) -> Caller:
        """Whose key it is."""
        if key is None:
            caller = await self._database.look_up(_owner_if_alone)
        else:
            caller = await self._database.look_up(lambda connection: _whose(connection, key))
        if caller is None:
            raise Unidentified(
                "This server needs a key." if key is None else "This key is not valid.",
                remedy="Send one that does as `Authorization: Bearer KEY`: `nexus users add NAME` makes it.",
            )
        return caller

    async def with_threads(self) -> Sequence[str]:
        """The owner, and the users with a valid key who have threads."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT id FROM users WHERE revoked_at IS NULL AND id <> ?"
                " AND id IN (SELECT user FROM threads) ORDER BY id",
                (OWNER,),
            ).fetchall()
        )
        return [OWNER, *(row["id"] for row in rows)]


def _owner_if_alone(connection: sqlite3.Connection) -> Caller | None:
    """The owner, if nobody was ever given a key: when the last one is revoked the door stays shut."""
    alone = connection.execute("SELECT 1 FROM users LIMIT 1").fetchone() is None
    return Caller(OWNER, role_of(OWNER)) if alone else None


def _whose(connection: sqlite3.Connection, key: str) -> Caller | None:
    # The look-up goes by the hash, so how long it takes says nothing of any key.
    row = connection.execute(
        "SELECT id, role FROM users WHERE key_hash = ? AND revoked_at IS NULL", (_hashed(key),)
    ).fetchone()
    return Caller(row["id"], role_of(row["id"], row["role"])) if row else None


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _find(connection: sqlite3.Connection, user_id: str) -> User | None:
    row = connection.execute("SELECT * FROM users WHERE id = ?", (user_id,)).fetchone()
    return _parse(row) if row else None


def _known(connection: sqlite3.Connection, user_id: str) -> User:
    """The user. Raises NotFound."""
    user = _find(connection, user_id)
    if user is None:
        raise NotFound(f"There is no user {user_id[:80]!r}.", remedy="`nexus users list` shows them.")
    return user


def _parse(row: sqlite3.Row) -> User:
    return User(
        id=row["id"],
        created_at=datetime.fromisoformat(row["created_at"]),
        revoked_at=datetime.fromisoformat(row["revoked_at"]) if row["revoked_at"] else None,
        role=role_of(row["id"], row["role"]),
    )
