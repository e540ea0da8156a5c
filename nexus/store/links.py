"""Decision links in SQLite."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from datetime import datetime, timedelta

from nexus.core.approval import Approval
from nexus.core.user import OWNER
from nexus.errors import NotFound
from nexus.ports.links import Link
from nexus.store.database import Database

SECRET_BYTES = 32
"""Nobody guesses 256 bits, so a plain hash keeps them as well as a slow one."""

KEPT = timedelta(days=30)
"""How long a link that is over still shows what became of its approval."""


class SqliteLinks:
    """Implements `nexus.ports.links.Links`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make(self, user: str, approval: Approval, *, through: str) -> str:
        """The secret of a new link."""
        secret, page_key = secrets.token_urlsafe(SECRET_BYTES), secrets.token_hex(SECRET_BYTES)

        def change(connection: sqlite3.Connection, now: datetime) -> None:
            connection.execute("DELETE FROM links WHERE expires_at < ?", ((now - KEPT).isoformat(),))
            connection.execute(
                "INSERT INTO links (hash, user, approval_id, digest, page_key, through, created_at,"
                " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    _hashed(secret),
                    user,
                    approval.id,
                    approval.digest,
                    page_key,
                    through,
                    now.isoformat(),
                    approval.expires_at.isoformat(),
                ),
            )

        await self._database.write(change)
        return secret

    async def find(self, secret: str) -> Link:
        """The link of that secret. The look-up goes by the hash, so its time says nothing of any secret."""
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT * FROM links WHERE hash = ? AND (user = ?"
                " OR user IN (SELECT id FROM users WHERE revoked_at IS NULL))",
                (_hashed(secret), OWNER),
            ).fetchone()
        )
        if row is None:
            raise NotFound(
                "This link leads to nothing, or is too old.",
                remedy="`nexus approvals list` shows what waits.",
            )
        return Link(
            user=row["user"],
            approval_id=row["approval_id"],
            digest=row["digest"],
            through=row["through"],
            expires_at=datetime.fromisoformat(row["expires_at"]),
            page_key=row["page_key"],
            used_at=datetime.fromisoformat(row["used_at"]) if row["used_at"] else None,
        )

    async def use(self, secret: str) -> None:
        """Note that somebody decided by it."""
        await self._database.write(
            lambda connection, now: connection.execute(
                "UPDATE links SET used_at = coalesce(used_at, ?) WHERE hash = ?",
                (now.isoformat(), _hashed(secret)),
            )
        )


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
