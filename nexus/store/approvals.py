"""Approvals in SQLite: the first decision wins."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from nexus.core.action import ApprovalId, Call, CallId, Digest, ThreadId
from nexus.core.approval import Approval, Reminding, Vote, decide, expire, is_reminder_due
from nexus.core.canonical import canonical_json
from nexus.core.decision import Decision
from nexus.core.user import OWNER
from nexus.errors import NotFound
from nexus.ports.approvals import Alongside
from nexus.ports.runs import going_on
from nexus.store.approval_events import (
    asked,
    decided_entry,
    expired_entry,
    reminded,
    review_requested,
    voted,
)
from nexus.store.audit import record
from nexus.store.database import Database
from nexus.store.runs import add_run_if_kept
from nexus.store.webhooks import note_message

_COLUMNS = (
    "id, thread, call_id, attempt, tool, arguments, question, digest, reason, policy_version, origins,"
    " created_at, expires_at, state, decided_at, decided_by, message, successor, toolkit, approvers,"
    " approvals, comment, remind_minutes, remind_times"
)


class SqliteApprovals:
    """Implements `nexus.ports.approvals.Approvals` over one user's approvals."""

    def __init__(self, database: Database, user: str = OWNER) -> None:
        self._database = database
        self._user = user

    async def ask(self, approval: Approval) -> Approval:
        """Record the question once."""

        def change(connection: sqlite3.Connection, now: datetime) -> Approval:
            known = _find(connection, self._user, approval.id)
            if known is None:
                _insert(connection, self._user, approval)
                for entry in asked(approval):
                    record(connection, now, self._user, entry)
                _tell_approvers(connection, now, self._user, approval)
                return approval
            return expired(connection, self._user, known, now)

        return await self._database.write(change)

    async def get(self, approval_id: str) -> Approval:
        """The approval of that id or unique beginning of an id."""
        found = await self._database.read(lambda connection: _the_one(connection, self._user, approval_id))
        return expire(found, now=self._database.now())

    async def search(
        self, *, thread: ThreadId | None = None, pending_only: bool = True, limit: int = 100
    ) -> Sequence[Approval]:
        """Approvals, the oldest first."""

        def query(connection: sqlite3.Connection) -> Sequence[Approval]:
            rows = connection.execute(
                f"SELECT user, {_COLUMNS} FROM approvals WHERE user = :user"  # noqa: S608 - constant columns
                " AND (:thread IS NULL OR thread = :thread) AND (NOT :pending OR state = 'pending')"
                " ORDER BY created_at, id LIMIT :limit",
                {"user": self._user, "thread": thread, "pending": pending_only, "limit": limit},
            ).fetchall()
            return [parse(connection, row) for row in rows]

        now = self._database.now()
        found = [expire(approval, now=now) for approval in await self._database.read(query)]
        return [approval for approval in found if approval.is_pending or not pending_only]

    async def decided(self, *, limit: int = 20) -> Sequence[Approval]:
        """What was decided, the latest first."""

        def query(connection: sqlite3.Connection) -> Sequence[Approval]:
            rows = connection.execute(
                f"SELECT user, {_COLUMNS} FROM approvals WHERE user = ?"  # noqa: S608 - constant columns
                " AND state NOT IN ('pending', 'edited') ORDER BY decided_at DESC, id LIMIT ?",
                (self._user, limit),
            ).fetchall()
            return [parse(connection, row) for row in rows]

        return await self._database.read(query)

    async def expire_overdue(self) -> Sequence[Approval]:
        """Write down that the time of overdue approvals is over."""

        def change(connection: sqlite3.Connection, now: datetime) -> Sequence[Approval]:
            rows = connection.execute(
                f"SELECT user, {_COLUMNS} FROM approvals"  # noqa: S608 - constant columns
                " WHERE user = ? AND state = 'pending' AND expires_at < ? ORDER BY created_at, id",
                (self._user, now.isoformat()),
            ).fetchall()
            return [expired(connection, self._user, parse(connection, row), now) for row in rows]

        return await self._database.write(change)

    async def remind(self) -> Sequence[Approval]:
        """Write down whom to remind, with the event that tells of it."""

        def change(connection: sqlite3.Connection, now: datetime) -> Sequence[Approval]:
            rows = connection.execute(
                f"SELECT user, {_COLUMNS} FROM approvals WHERE user = ? AND state = 'pending'"  # noqa: S608 - constant columns
                " AND remind_minutes IS NOT NULL ORDER BY created_at, id",
                (self._user,),
            ).fetchall()
            waiting = [parse(connection, row) for row in rows]
            due = [approval for approval in waiting if is_reminder_due(approval, now=now)]
            for approval in due:
                _note_reminder(connection, now, self._user, approval)
            return due

        return await self._database.write(change)

    async def supersede(self, thread: ThreadId, *, keep: Collection[str] = ()) -> Sequence[Approval]:
        """Close what is pending in a thread that does not wait for it any more."""

        def change(connection: sqlite3.Connection, now: datetime) -> Sequence[Approval]:
            rows = connection.execute(
                f"SELECT user, {_COLUMNS} FROM approvals"  # noqa: S608 - constant columns
                " WHERE user = ? AND thread = ? AND state = 'pending' ORDER BY created_at, id",
                (self._user, thread),
            ).fetchall()
            stale = [
                replace(parse(connection, row), state="superseded", decided_at=now)
                for row in rows
                if row["id"] not in keep
            ]
            for approval in stale:
                _update(connection, self._user, approval)
                record(connection, now, self._user, decided_entry(approval, None))
            return stale

        return await self._database.write(change)

    async def decide(
        self,
        approval_id: ApprovalId,
        decision: Decision,
        *,
        actor: str,
        digest: str | None = None,
        successor: Approval | None = None,
        alongside: Alongside | None = None,
    ) -> Approval:
        """Record the decision if it is the first."""
        alongside = alongside or Alongside()

        def change(connection: sqlite3.Connection, now: datetime) -> Approval:
            # Not expired here: a rollback after ApprovalExpired would undo it. `get` records it.
            current = _the_one(connection, self._user, approval_id)
            decided = decide(current, decision, actor=actor, now=now, digest=digest, user=self._user)
            if alongside.message is not None:
                note_message(connection, now, alongside.message)
            if len(decided.votes) > len(current.votes):
                _vote(connection, self._user, decided)
            if decided.is_pending:
                record(connection, now, self._user, voted(decided))
                return decided
            if successor is not None:
                decided = replace(decided, successor=successor.id)
                approved = replace(successor, decided_at=now, decided_by=actor, comment=decided.comment)
                _insert(connection, self._user, approved)
            _update(connection, self._user, decided)
            record(connection, now, self._user, decided_entry(decided, successor))
            if alongside.run is not None:
                add_run_if_kept(connection, now, self._user, alongside.run, owner=alongside.owner)
            return decided

        return await self._database.write(change)


def expired(connection: sqlite3.Connection, user: str, approval: Approval, now: datetime) -> Approval:
    """The approval as it stands at `now`; that its time is over is written down, with the run to say so."""
    current = expire(approval, now=now)
    if current is not approval:
        _update(connection, user, current)
        record(connection, now, user, expired_entry(approval))
        add_run_if_kept(connection, now, user, going_on(approval.thread))
    return current


def _note_reminder(connection: sqlite3.Connection, now: datetime, user: str, approval: Approval) -> None:
    number = len(approval.reminders) + 1
    connection.execute(
        "INSERT INTO reminders (user, approval, number, reminded_at) VALUES (?, ?, ?, ?)",
        (user, approval.id, number, now.isoformat()),
    )
    record(connection, now, user, reminded(approval, number))
    _tell_approvers(connection, now, user, approval, number)


def _tell_approvers(
    connection: sqlite3.Connection, now: datetime, user: str, approval: Approval, number: int = 0
) -> None:
    """Whoever decides on somebody else's call, and has not yet, finds it in their own log."""
    said = {user, *(vote.approver for vote in approval.votes)}
    for approver in approval.approvers:
        if approver not in said:
            record(connection, now, approver, review_requested(approval, user, number))


def _find(connection: sqlite3.Connection, user: str, approval_id: str) -> Approval | None:
    query = f"SELECT user, {_COLUMNS} FROM approvals WHERE user = ? AND id = ?"  # noqa: S608 - constant columns
    row = connection.execute(query, (user, approval_id)).fetchone()
    return parse(connection, row) if row else None


def _the_one(connection: sqlite3.Connection, user: str, beginning: str) -> Approval:
    exact = _find(connection, user, beginning)
    if exact is not None:
        return exact
    query = f"SELECT user, {_COLUMNS} FROM approvals WHERE user = ? AND substr(id, 1, ?) = ? LIMIT 2"  # noqa: S608 - constant columns
    rows = connection.execute(query, (user, len(beginning), beginning)).fetchall() if beginning else []
    if len(rows) != 1:
        problem = "More than one approval starts with" if rows else "There is no approval"
        raise NotFound(f"{problem} {beginning!r}.", remedy="`nexus approvals list` shows them.")
    return parse(connection, rows[0])


def _insert(connection: sqlite3.Connection, user: str, approval: Approval) -> None:
    reminding = approval.reminding
    connection.execute(
        f"INSERT INTO approvals (user, {_COLUMNS}) VALUES ({', '.join('?' * 25)})",  # noqa: S608 - constant columns
        (
            user,
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
            approval.toolkit,
            json.dumps(approval.approvers),
            approval.approvals,
            approval.comment,
            reminding.every.total_seconds() / 60 if reminding else None,
            reminding.times if reminding else 0,
        ),
    )


def _update(connection: sqlite3.Connection, user: str, approval: Approval) -> None:
    connection.execute(
        "UPDATE approvals SET state = ?, decided_at = ?, decided_by = ?, message = ?, comment = ?,"
        " successor = ? WHERE user = ? AND id = ?",
        (
            approval.state,
            _iso(approval.decided_at),
            approval.decided_by,
            approval.message,
            approval.comment,
            approval.successor,
            user,
            approval.id,
        ),
    )


def _vote(connection: sqlite3.Connection, user: str, approval: Approval) -> None:
    """Write down the latest yes of several."""
    vote = approval.votes[-1]
    connection.execute(
        "INSERT INTO votes (user, approval, approver, voted_at, actor, comment) VALUES (?, ?, ?, ?, ?, ?)",
        (user, approval.id, vote.approver, vote.at.isoformat(), vote.by, vote.comment),
    )


def _votes(connection: sqlite3.Connection, user: str, approval_id: str) -> tuple[Vote, ...]:
    query = "SELECT * FROM votes WHERE user = ? AND approval = ? ORDER BY voted_at, approver"
    rows = connection.execute(query, (user, approval_id))
    return tuple(
        Vote(row["approver"], row["actor"], datetime.fromisoformat(row["voted_at"]), row["comment"])
        for row in rows
    )


def _reminders(connection: sqlite3.Connection, user: str, approval_id: str) -> tuple[datetime, ...]:
    query = "SELECT reminded_at FROM reminders WHERE user = ? AND approval = ? ORDER BY number"
    rows = connection.execute(query, (user, approval_id))
    return tuple(datetime.fromisoformat(row["reminded_at"]) for row in rows)


def parse(connection: sqlite3.Connection, row: sqlite3.Row) -> Approval:
    """The approval in a row that has its user."""
    several = row["approvals"] > 1
    votes = _votes(connection, row["user"], row["id"]) if several else ()
    reminding = Reminding.after(row["remind_minutes"], row["remind_times"])
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
        comment=row["comment"],
        successor=ApprovalId(row["successor"]) if row["successor"] else None,
        toolkit=row["toolkit"],
        approvers=tuple(json.loads(row["approvers"])),
        approvals=row["approvals"],
        votes=votes,
        reminding=reminding,
        reminders=_reminders(connection, row["user"], row["id"]) if reminding else (),
    )


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
