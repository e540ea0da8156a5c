"""Approvals as an approver sees them, in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from nexus.core.approval import expire
from nexus.errors import NotFound
from nexus.ports.reviews import Review
from nexus.store.approvals import parse
from nexus.store.database import Database

_MINE = "EXISTS (SELECT 1 FROM json_each(approvers) WHERE value = :approver)"
"""Of all users' approvals, those that the approver decides on."""


class SqliteReviews:
    """Implements `nexus.ports.reviews.Reviews` for one approver."""

    def __init__(self, database: Database, approver: str) -> None:
        self._database = database
        self._approver = approver

    async def search(self, *, limit: int = 100) -> Sequence[Review]:
        """What waits for the approver."""
        now = self._database.now()

        def query(connection: sqlite3.Connection) -> Sequence[Review]:
            rows = connection.execute(
                f"SELECT * FROM approvals WHERE state = 'pending' AND user <> '' AND {_MINE}"  # noqa: S608
                " ORDER BY created_at, id LIMIT :limit",
                {"approver": self._approver, "limit": limit},
            ).fetchall()
            found = [_review(connection, row, now) for row in rows]
            return [review for review in found if review.approval.is_pending]

        return await self._database.read(query)

    async def decided(self, *, limit: int = 20) -> Sequence[Review]:
        """What waits no more; of an edited call, what it was edited to."""
        now = self._database.now()

        def query(connection: sqlite3.Connection) -> Sequence[Review]:
            rows = connection.execute(
                f"SELECT * FROM approvals WHERE state NOT IN ('pending', 'edited') AND user <> '' AND {_MINE}"  # noqa: S608
                " ORDER BY decided_at DESC, id LIMIT :limit",
                {"approver": self._approver, "limit": limit},
            ).fetchall()
            return [_review(connection, row, now) for row in rows]

        return await self._database.read(query)

    async def get(self, approval_id: str) -> Review:
        """The approval of exactly that id."""
        now = self._database.now()

        def query(connection: sqlite3.Connection) -> Review | None:
            row = connection.execute(
                f"SELECT * FROM approvals WHERE id = :id AND user <> '' AND {_MINE}",  # noqa: S608 - constant
                {"id": approval_id, "approver": self._approver},
            ).fetchone()
            return _review(connection, row, now) if row else None

        found = await self._database.read(query)
        if found is None:
            raise NotFound(f"There is no approval {approval_id!r}.", remedy="GET /reviews lists yours.")
        return found


def _review(connection: sqlite3.Connection, row: sqlite3.Row, now: datetime) -> Review:
    return Review(row["user"], expire(parse(connection, row), now=now))
