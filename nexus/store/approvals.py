"""Approvals in SQLite: the first decision wins."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from nexus.core.action import ApprovalId, Call, CallId, Digest, ThreadId
from nexus.core.approval import Approval, decide, expire
from nexus.core.canonical import canonical_json
from nexus.core.decision import Decision
from nexus.errors import NotFound
from nexus.store.database import Database

_COLUMNS = (
    "id, thread, call_id, attempt, tool, arguments, question, digest, reason, policy_version, origins,"
    " created_at, expires_at, state, decided_at, decided_by, message, successor"
)


class SqliteApprovals:
    """Implements `nexus.ports.approvals.Approvals`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, approval: Approval) -> Approval:
        """Record the question once."""

        def change(connection: sqlite3.Connection, now: datetime) -> Approval:
            known = _find(connection, approval.id)
            if known is None:
                _insert(connection, approval)
                return approval
            return _expired(connection, known, now)

        return await self._database.write(change)

    async def get(self, approval_id: str) -> Approval:
        """The approval of that id or unique beginning of an id."""

        def change(connection: sqlite3.Connection, now: datetime) -> Approval:
            return _expired(connection, _the_one(connection, approval_id), now)

        return await self._database.write(change)

    async def search(
        self, *, thread: ThreadId | None = None, pending_only: bool = True, limit: int = 100
    ) -> Sequence[Approval]:
        """Approvals, the oldest first."""

        def change(connection: sqlite3.Connection, now: datetime) -> Sequence[Approval]:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM approvals WHERE (:thread IS NULL OR thread = :thread)"  # noqa: S608 - constant columns
                " AND (NOT :pending OR state = 'pending') ORDER BY created_at, id LIMIT :limit",
                {"thread": thread, "pending": pending_only, "limit": limit},
            ).fetchall()
            found = [_expired(connection, _parse(row), now) for row in rows]
            return [approval for approval in found if approval.is_pending or not pending_only]

        return await self._database.write(change)

    async def decide(
        self,
        approval_id: ApprovalId,
        decision: Decision,
        *,
        actor: str,
        digest: str | None = None,
        successor: Approval | None = None,
    ) -> Approval:
        """Record the decision if it is the first."""

        def change(connection: sqlite3.Connection, now: datetime) -> Approval:
            # Not expired here: a rollback after ApprovalExpired would undo it. `get` records it.
            decided = decide(_the_one(connection, approval_id), decision, actor=actor, now=now, digest=digest)
            if successor is not None:
                decided = replace(decided, successor=successor.id)
                _insert(connection, replace(successor, decided_at=now, decided_by=actor))
            _update(connection, decided)
            return decided

        return await self._database.write(change)


def _expired(connection: sqlite3.Connection, approval: Approval, now: datetime) -> Approval:
    current = expire(approval, now=now)
    if current is not approval:
        _update(connection, current)
    return current


def _find(connection: sqlite3.Connection, approval_id: str) -> Approval | None:
    query = f"SELECT {_COLUMNS} FROM approvals WHERE id = ?"  # noqa: S608 - constant columns
    row = connection.execute(query, (approval_id,)).fetchone()
    return _parse(row) if row else None


def _the_one(connection: sqlite3.Connection, beginning: str) -> Approval:
    exact = _find(connection, beginning)
    if exact is not None:
        return exact
    query = f"SELECT {_COLUMNS} FROM approvals WHERE substr(id, 1, ?) = ? LIMIT 2"  # noqa: S608 - constant columns
    rows = connection.execute(query, (len(beginning), beginning)).fetchall() if beginning else []
    if len(rows) != 1:
        problem = "More than one approval starts with" if rows else "There is no approval"
        raise NotFound(f"{problem} {beginning!r}.", remedy="`nexus approvals list` shows them.")
    return _parse(rows[0])


def _insert(connection: sqlite3.Connection, approval: Approval) -> None:
    connection.execute(
        f"INSERT INTO approvals ({_COLUMNS}) VALUES ({', '.join('?' * 18)})",  # noqa: S608 - constant columns
        (
            approval.id,
            approval.thread,
            approval.call.id,
            approval.call.attempt,
            approval.call.tool,
            canonical_json(dict(approval.call.arguments)).decode(),
            approval.question,
            approval.digest,
            approval.reason,
            approval.policy_version,
            json.dumps(approval.origins),
            approval.created_at.isoformat(),
            approval.expires_at.isoformat(),
            approval.state,
            _iso(approval.decided_at),
            approval.decided_by,
            approval.message,
            approval.successor,
        ),
    )


def _update(connection: sqlite3.Connection, approval: Approval) -> None:
    connection.execute(
        "UPDATE approvals SET state = ?, decided_at = ?, decided_by = ?, message = ?, successor = ?"
        " WHERE id = ?",
        (
            approval.state,
            _iso(approval.decided_at),
            approval.decided_by,
            approval.message,
            approval.successor,
            approval.id,
        ),
    )


def _parse(row: sqlite3.Row) -> Approval:
    return Approval(
        id=ApprovalId(row["id"]),
        thread=ThreadId(row["thread"]),
        call=Call(
            id=CallId(row["call_id"]),
            tool=row["tool"],
            arguments=json.loads(row["arguments"]),
            attempt=row["attempt"],
        ),
        question=row["question"],
        digest=Digest(row["digest"]),
        reason=row["reason"],
        policy_version=row["policy_version"],
        origins=json.loads(row["origins"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        expires_at=datetime.fromisoformat(row["expires_at"]),
        state=row["state"],
        decided_at=datetime.fromisoformat(row["decided_at"]) if row["decided_at"] else None,
        decided_by=row["decided_by"],
        message=row["message"],
        successor=ApprovalId(row["successor"]) if row["successor"] else None,
    )


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
