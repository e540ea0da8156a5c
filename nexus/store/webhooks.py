"""Messages from outside that were dealt with, in SQLite: none is dealt with again."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import datetime, timedelta

from nexus.errors import Conflict
from nexus.store.database import Database

KEPT = timedelta(days=1)
"""How long an id is kept: far longer than a signature counts."""


class SqliteSeenMessages:
    """Implements `nexus.ports.webhooks.SeenMessages`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def has(self, message_id: str) -> bool:
        """True if the id was noted."""

        def look(connection: sqlite3.Connection) -> bool:
            return bool(connection.execute("SELECT 1 FROM webhooks WHERE id = ?", (message_id,)).fetchone())

        return await self._database.read(look)

    async def add(self, message_id: str) -> None:
        """Note the id in one transaction."""

        def change(connection: sqlite3.Connection, now: datetime) -> None:
            with suppress(Conflict):
                note_message(connection, now, message_id)

        await self._database.write(change)


def note_message(connection: sqlite3.Connection, now: datetime, message_id: str) -> None:
    """Note the id inside the open transaction of `connection`. Raises Conflict if it is there already."""
    connection.execute("DELETE FROM webhooks WHERE received_at < ?", ((now - KEPT).isoformat(),))
    noted = connection.execute(
        "INSERT INTO webhooks (id, received_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
        (message_id, now.isoformat()),
    )
    if not noted.rowcount:
        raise Conflict("This message was here before.")
