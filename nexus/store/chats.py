"""Where chats stand, in SQLite."""

from __future__ import annotations

import sqlite3
from typing import Literal

from nexus.core.user import OWNER
from nexus.ports.chats import ChatPlace
from nexus.store.database import Database

_IS_LATEST = """NOT EXISTS (
    SELECT 1 FROM chats AS later
    WHERE later.user = chats.user AND later.thread = chats.thread AND later.number > chats.number
) AS is_latest"""


class SqliteChats:
    """Implements `nexus.ports.chats.ChatLog` over one user's chats."""

    def __init__(self, database: Database, user: str = OWNER) -> None:
        self._database = database
        self._user = user

    async def find(self, said: str) -> ChatPlace | None:
        """Where the conversation with that fingerprint stood."""
        return await self._last("said", said)

    async def latest(self, thread: str) -> ChatPlace | None:
        """Where the chat of a thread stands."""
        return await self._last("thread", thread)

    async def _last(self, column: Literal["said", "thread"], value: str) -> ChatPlace | None:
        def query(connection: sqlite3.Connection) -> ChatPlace | None:
            row = connection.execute(
                f"SELECT *, {_IS_LATEST} FROM chats WHERE user = ? AND {column} = ?"  # noqa: S608 - constants
                " ORDER BY is_latest DESC, number DESC LIMIT 1",
                (self._user, value),
            ).fetchone()
            if row is None:
                return None
            return ChatPlace(row["thread"], row["checkpoint"], row["told"], is_latest=bool(row["is_latest"]))

        return await self._database.read(query)

    async def note(self, said: str, place: ChatPlace) -> None:
        """The conversation is that far."""
        await self._database.write(
            lambda connection, _: connection.execute(
                "INSERT INTO chats (user, thread, number, said, checkpoint, told) SELECT :user, :thread,"
                " 1 + coalesce(max(number), 0), :said, :checkpoint, :told FROM chats"
                " WHERE user = :user AND thread = :thread",
                {
                    "user": self._user,
                    "thread": place.thread,
                    "said": said,
                    "checkpoint": place.checkpoint,
                    "told": place.told,
                },
            )
        )
