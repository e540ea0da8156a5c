"""Which toolkits a user switched on or off, in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from nexus.store.database import Database


class SqliteToolkits:
    """Implements `nexus.ports.toolkits.ToolkitSwitches` for one user."""

    def __init__(self, database: Database, user: str) -> None:
        self._database = database
        self._user = user

    async def set(self, toolkit: str, is_on: bool) -> None:  # noqa: FBT001 - a switch is on or off
        """Switch a toolkit on or off for the user."""

        def change(connection: sqlite3.Connection, now: datetime) -> None:
            connection.execute(
                "INSERT INTO toolkit_switches (user, toolkit, is_on, changed_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (user, toolkit) DO UPDATE SET is_on = excluded.is_on,"
                " changed_at = excluded.changed_at",
                (self._user, toolkit, is_on, now.isoformat()),
            )

        await self._database.write(change)

    async def all(self) -> Mapping[str, bool]:
        """Every switch the user has set."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT toolkit, is_on FROM toolkit_switches WHERE user = ?", (self._user,)
            ).fetchall()
        )
        return {row["toolkit"]: bool(row["is_on"]) for row in rows}
