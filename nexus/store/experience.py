"""Experience in SQLite: the user's own words, in the user's own database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from nexus.ports.experience import PastCall
from nexus.store.database import Database

EXAMPLES = 5
"""Requests kept for each tool; with 5 most of the gain is had (toolselect.md: R@5 78 → 89; 10: 90)."""

TOOLS = 200
"""Tools a user has examples of at most, the latest used: what search has to embed is bounded."""

LONGEST = 500
"""Characters of a request that are kept: more than the embedding model reads of it."""


class SqliteExperience:
    """Implements `nexus.ports.experience.Experience`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, user: str, *, tool: str, request: str, call: str) -> None:
        """Note that `tool` served `request`, and forget what there is no room for any more."""

        def change(connection: sqlite3.Connection, now: datetime) -> None:
            kept = connection.execute(
                "INSERT INTO experience (user, tool, request, call, created_at) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (user, call) DO NOTHING",
                (user, tool, request[:LONGEST], call, now.isoformat()),
            )
            if kept.rowcount:
                _forget_earlier(connection, user, tool, request[:LONGEST])

        await self._database.write(change)

    async def examples(self, user: str) -> Mapping[str, Sequence[str]]:
        """The latest few requests for each tool, the latest first."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT tool, request FROM experience WHERE user = ? ORDER BY number DESC", (user,)
            ).fetchall()
        )
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["tool"], []).append(row["request"])
        return found

    async def last_call(self, user: str, tool: str) -> PastCall | None:
        """The latest remembered call of `tool`, with the arguments that its approval holds."""
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT experience.request, experience.call, approvals.arguments"
                " FROM experience JOIN approvals"
                " ON approvals.user = experience.user AND approvals.id = replace(experience.call, '.', '-')"
                " WHERE experience.user = ? AND experience.tool = ? ORDER BY experience.number DESC LIMIT 1",
                (user, tool),
            ).fetchone()
        )
        return PastCall(row["request"], json.loads(row["arguments"]), row["call"]) if row else None


def _forget_earlier(connection: sqlite3.Connection, user: str, tool: str, request: str) -> None:
    """Drop the same request for the tool, more than `EXAMPLES` of it, and tools not used for longest."""
    connection.execute(
        "DELETE FROM experience WHERE user = :user AND tool = :tool AND request = :request AND number <"
        " (SELECT max(number) FROM experience WHERE user = :user AND tool = :tool AND request = :request)",
        {"user": user, "tool": tool, "request": request},
    )
    connection.execute(
        "DELETE FROM experience WHERE user = :user AND tool = :tool AND number NOT IN"
        " (SELECT number FROM experience WHERE user = :user AND tool = :tool"
        " ORDER BY number DESC LIMIT :most)",
        {"user": user, "tool": tool, "most": EXAMPLES},
    )
    connection.execute(
        "DELETE FROM experience WHERE user = :user AND tool NOT IN (SELECT tool FROM experience"
        " WHERE user = :user GROUP BY tool ORDER BY max(number) DESC LIMIT :most)",
        {"user": user, "most": TOOLS},
    )
