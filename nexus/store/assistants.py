"""Assistants in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from nexus.core.user import OWNER
from nexus.errors import Conflict, NotFound
from nexus.ports.assistants import Assistant
from nexus.store.database import Database


class SqliteAssistants:
    """Implements `nexus.ports.assistants.AssistantStore` over one user's assistants."""

    def __init__(self, database: Database, user: str = OWNER) -> None:
        self._database = database
        self._user = user

    async def create(self, assistant: Assistant) -> Assistant:
        """A new one."""

        def change(connection: sqlite3.Connection, now: datetime) -> Assistant:
            made = replace(assistant, version=1, created_at=now, updated_at=now)
            try:
                self._insert(connection, made)
            except sqlite3.IntegrityError as error:
                raise Conflict(f"There is already an assistant {assistant.id!r}.") from error
            return made

        return await self._database.write(change)

    async def get(self, assistant_id: str) -> Assistant:
        """Its latest version."""
        return await self._database.read(lambda connection: self._latest(connection, assistant_id))

    async def all(self) -> Sequence[Assistant]:
        """The latest version of each."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT * FROM assistants WHERE user = ? AND is_latest ORDER BY created_at DESC, id",
                (self._user,),
            ).fetchall()
        )
        return [_parse(row) for row in rows]

    async def versions(self, assistant_id: str) -> Sequence[Assistant]:
        """Every version."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT * FROM assistants WHERE user = ? AND id = ? ORDER BY version DESC",
                (self._user, assistant_id),
            ).fetchall()
        )
        if not rows:
            raise _missing(assistant_id)
        return [_parse(row) for row in rows]

    async def change(self, assistant_id: str, changes: Mapping[str, Any]) -> Assistant:
        """A new version."""

        def change(connection: sqlite3.Connection, now: datetime) -> Assistant:
            before = self._latest(connection, assistant_id)
            (newest,) = connection.execute(
                "SELECT max(version) FROM assistants WHERE user = ? AND id = ?", (self._user, assistant_id)
            ).fetchone()
            metadata = {**before.metadata, **changes.get("metadata", {})}
            made = replace(
                before, **{**changes, "metadata": metadata, "version": newest + 1, "updated_at": now}
            )
            self._clear_latest(connection, assistant_id)
            self._insert(connection, made)
            return made

        return await self._database.write(change)

    async def choose(self, assistant_id: str, version: int) -> Assistant:
        """Make a version the latest."""

        def change(connection: sqlite3.Connection, _: datetime) -> Assistant:
            self._latest(connection, assistant_id)
            self._clear_latest(connection, assistant_id)
            row = connection.execute(
                "UPDATE assistants SET is_latest = 1 WHERE user = ? AND id = ? AND version = ? RETURNING *",
                (self._user, assistant_id, version),
            ).fetchone()
            if row is None:
                raise NotFound(f"Assistant {assistant_id!r} has no version {version}.")
            return _parse(row)

        return await self._database.write(change)

    async def delete(self, assistant_id: str) -> None:
        """Forget it."""

        def change(connection: sqlite3.Connection, _: datetime) -> None:
            self._latest(connection, assistant_id)
            connection.execute("DELETE FROM assistants WHERE user = ? AND id = ?", (self._user, assistant_id))

        await self._database.write(change)

    def _latest(self, connection: sqlite3.Connection, assistant_id: str) -> Assistant:
        row = connection.execute(
            "SELECT * FROM assistants WHERE user = ? AND id = ? AND is_latest", (self._user, assistant_id)
        ).fetchone()
        if row is None:
            raise _missing(assistant_id)
        return _parse(row)

    def _clear_latest(self, connection: sqlite3.Connection, assistant_id: str) -> None:
        connection.execute(
            "UPDATE assistants SET is_latest = 0 WHERE user = ? AND id = ?", (self._user, assistant_id)
        )

    def _insert(self, connection: sqlite3.Connection, made: Assistant) -> None:
        connection.execute(
            "INSERT INTO assistants (user, id, version, is_latest, graph, name, description, config, context,"
            " metadata, created_at, updated_at) VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._user,
                made.id,
                made.version,
                made.graph,
                made.name,
                made.description,
                json.dumps(made.config),
                json.dumps(made.context),
                json.dumps(made.metadata),
                made.created_at.isoformat(),
                made.updated_at.isoformat(),
            ),
        )


def _missing(assistant_id: str) -> NotFound:
    return NotFound(f"There is no assistant {assistant_id!r}.", remedy="POST /assistants/search lists them.")


def _parse(row: sqlite3.Row) -> Assistant:
    return Assistant(
        id=row["id"],
        graph=row["graph"],
        name=row["name"],
        description=row["description"],
        config=json.loads(row["config"]),
        context=json.loads(row["context"]),
        metadata=json.loads(row["metadata"]),
        version=row["version"],
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
    )
