"""Runs in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from nexus.core.user import OWNER
from nexus.errors import Conflict, NotFound
from nexus.ports.deliveries import Message
from nexus.ports.runs import NewRun, Run, RunEvent, RunStatus, Stop
from nexus.store.database import Database
from nexus.store.deliveries import add_delivery
from nexus.store.threads import touch_thread

_OPEN = "status IN ('pending', 'running')"

_BEGIN = (
    "UPDATE runs SET status = 'running', owner = ?, updated_at = ? WHERE user = ? AND id = ?"
    " AND status IN ('pending', 'running') RETURNING *"
)
_END = (
    "UPDATE runs SET status = ?, error = ?, updated_at = ? WHERE user = ? AND id = ?"
    " AND status IN ('pending', 'running')"
)


class SqliteRuns:
    """Implements `nexus.ports.runs.RunStore` over one user's runs."""

    def __init__(self, database: Database, user: str = OWNER) -> None:
        self._database = database
        self._user = user

    async def add(self, new: NewRun, *, owner: str) -> tuple[Run, Sequence[Run]]:
        """The new run and those before it."""
        return await self._database.write(
            lambda connection, now: add_run(connection, now, self._user, new, owner=owner)
        )

    async def get(self, run_id: str, thread: str | None = None) -> Run:
        """The run of that id."""
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT * FROM runs WHERE user = ? AND id = ?", (self._user, run_id)
            ).fetchone()
        )
        if row is None or thread not in {None, row["thread"]}:
            raise NotFound(f"There is no run {run_id!r}.")
        return _parse(row)

    async def search(
        self,
        *,
        thread: str | None = None,
        statuses: Sequence[RunStatus] = (),
        limit: int = 10,
        offset: int = 0,
    ) -> Sequence[Run]:
        """Runs, the latest first."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT * FROM runs WHERE user = ? AND thread = coalesce(?, thread)"
                " AND (? = '[]' OR status IN (SELECT value FROM json_each(?)))"
                " ORDER BY number DESC LIMIT ? OFFSET ?",
                (self._user, thread, json.dumps(statuses), json.dumps(statuses), limit, offset),
            ).fetchall()
        )
        return [_parse(row) for row in rows]

    async def open(self) -> Sequence[Run]:
        """Those that have not ended."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                f"SELECT * FROM runs WHERE user = ? AND {_OPEN} ORDER BY number",  # noqa: S608 - a constant
                (self._user,),
            ).fetchall()
        )
        return [_parse(row) for row in rows]

    async def begin(self, run_id: str, *, owner: str) -> Run:
        """It is under way."""

        def change(connection: sqlite3.Connection, now: datetime) -> Run:
            row = connection.execute(
                _BEGIN,
                (owner, now.isoformat(), self._user, run_id),
            ).fetchone()
            if row is None:
                raise NotFound(f"There is no run {run_id!r} to begin.")
            return _parse(row)

        return await self._database.write(change)

    async def end(
        self,
        run_id: str,
        status: RunStatus,
        *,
        error: str | None = None,
        told: tuple[str, Message] | None = None,
    ) -> None:
        """It has ended."""

        def change(connection: sqlite3.Connection, now: datetime) -> None:
            connection.execute(_END, (status, error, now.isoformat(), self._user, run_id))
            if told is not None:  # once: its id is the run's, whose row may have gone with its thread
                add_delivery(connection, now, self._user, *told)
            connection.execute(
                "UPDATE threads SET updated_at = ? WHERE user = ?"
                " AND id = (SELECT thread FROM runs WHERE user = ? AND id = ?)",
                (now.isoformat(), self._user, self._user, run_id),
            )

        await self._database.write(change)

    async def ask_to_stop(self, run_id: str, stop: Stop) -> None:
        """Note how it is to be stopped."""
        await self._database.write(
            lambda connection, now: connection.execute(
                f"UPDATE runs SET stop = ?, updated_at = ? WHERE user = ? AND id = ? AND {_OPEN}",  # noqa: S608 - a constant
                (stop, now.isoformat(), self._user, run_id),
            )
        )

    async def delete(self, run_id: str) -> None:
        """Forget it."""

        def change(connection: sqlite3.Connection, _: datetime) -> None:
            key = (self._user, run_id)
            connection.execute("DELETE FROM run_events WHERE user = ? AND run = ?", key)
            connection.execute("DELETE FROM runs WHERE user = ? AND id = ?", key)

        await self._database.write(change)

    async def tell(self, run_id: str, events: Sequence[RunEvent]) -> None:
        """Keep what it told."""
        rows = [(self._user, run_id, number, event, data.decode()) for number, event, data in events]
        await self._database.write(
            lambda connection, _: connection.executemany(
                "INSERT OR IGNORE INTO run_events (user, run, number, event, data) VALUES (?, ?, ?, ?, ?)",
                rows,
            )
        )

    async def told(self, run_id: str, *, after: int = 0) -> Sequence[RunEvent]:
        """What was kept."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT number, event, data FROM run_events"
                " WHERE user = ? AND run = ? AND number > ? ORDER BY number",
                (self._user, run_id, after),
            ).fetchall()
        )
        return [(row["number"], row["event"], row["data"].encode()) for row in rows]


def add_run(
    connection: sqlite3.Connection, now: datetime, user: str, new: NewRun, *, owner: str
) -> tuple[Run, Sequence[Run]]:
    """As `RunStore.add`, inside the open transaction of `connection`."""
    if not touch_thread(connection, now, user, new.thread, title=new.title, labels=new.labels):
        raise NotFound(f"There is no thread {new.thread!r}.")
    before = _open_in(connection, user, new.thread)
    if before and new.strategy == "reject":
        raise Conflict(f"Thread {new.thread} is being run already.", remedy="Wait for that run to end.")
    run = _made(new, owner, now, is_free=not before)
    connection.execute(
        "INSERT INTO runs (user, id, thread, assistant, status, strategy, request, metadata, owner,"
        " start_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            user,
            run.id,
            run.thread,
            run.assistant,
            run.status,
            run.strategy,
            json.dumps(new.request),
            json.dumps(new.metadata),
            owner,
            run.start_at and run.start_at.isoformat(),
            now.isoformat(),
            now.isoformat(),
        ),
    )
    return run, before


def add_run_if_kept(
    connection: sqlite3.Connection, now: datetime, user: str, new: NewRun, *, owner: str = ""
) -> None:
    """As `add_run`; nothing for a thread that is not kept here, as those of `langgraph dev`."""
    with suppress(NotFound):
        add_run(connection, now, user, new, owner=owner)


def _open_in(connection: sqlite3.Connection, user: str, thread: str) -> list[Run]:
    rows = connection.execute(
        f"SELECT * FROM runs WHERE user = ? AND thread = ? AND {_OPEN} ORDER BY number",  # noqa: S608 - a constant
        (user, thread),
    )
    return [_parse(row) for row in rows.fetchall()]


def _made(new: NewRun, owner: str, now: datetime, *, is_free: bool) -> Run:
    start_at = now + timedelta(seconds=new.after_seconds) if new.after_seconds > 0 else None
    return Run(
        id=new.id,
        thread=new.thread,
        assistant=new.assistant,
        status="running" if is_free and start_at is None else "pending",
        strategy=new.strategy,
        request=new.request,
        metadata=new.metadata,
        owner=owner,
        created_at=now,
        updated_at=now,
        start_at=start_at,
    )


def _parse(row: sqlite3.Row) -> Run:
    return Run(
        id=row["id"],
        thread=row["thread"],
        assistant=row["assistant"],
        status=row["status"],
        strategy=row["strategy"],
        request=json.loads(row["request"]),
        metadata=json.loads(row["metadata"]),
        owner=row["owner"],
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        stop=row["stop"],
        error=row["error"],
        start_at=datetime.fromisoformat(row["start_at"]) if row["start_at"] else None,
    )
