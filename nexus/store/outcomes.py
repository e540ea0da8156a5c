"""Unknown outcomes in SQLite: the ledger's rows, each with the question that asks about it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from nexus.core.approval import Approval, expire
from nexus.core.outcome import UnknownOutcome
from nexus.errors import NotFound
from nexus.store.approvals import parse
from nexus.store.database import Database


class SqliteOutcomes:
    """Implements `nexus.ports.outcomes.Outcomes` for one user."""

    def __init__(self, database: Database, user: str) -> None:
        self._database = database
        self._user = user

    async def search(
        self, *, thread: str | None = None, open_only: bool = True, limit: int = 100
    ) -> Sequence[UnknownOutcome]:
        """Those that are open, or all."""
        now = self._database.now()

        def query(connection: sqlite3.Connection) -> list[UnknownOutcome]:
            rows = connection.execute(
                "SELECT * FROM effects WHERE user = :user"
                " AND (outcome = 'unknown' OR resolved_at IS NOT NULL)"
                " AND (:thread IS NULL OR thread = :thread) AND (NOT :open OR resolved_at IS NULL)"
                " ORDER BY claimed_at, key",
                {"user": self._user, "thread": thread, "open": open_only},
            )
            found = (_outcome(connection, row, now) for row in rows)
            return [each for each in found if each.is_open or not open_only]

        return (await self._database.read(query))[:limit]

    async def get(self, outcome_id: str) -> UnknownOutcome:
        """The one that is meant."""
        now = self._database.now()

        def query(connection: sqlite3.Connection) -> list[UnknownOutcome]:
            begins = outcome_id.rpartition("-")[0] or outcome_id  # a question's id is CALL-ATTEMPT
            rows = connection.execute(
                "SELECT * FROM effects WHERE user = :user"
                " AND (outcome = 'unknown' OR resolved_at IS NOT NULL)"
                " AND substr(key, 1, length(:begins)) = :begins ORDER BY claimed_at, key",
                {"user": self._user, "begins": begins},
            )
            return [_outcome(connection, row, now) for row in rows]

        found = await self._database.read(query) if outcome_id else []
        return _the_one(found, outcome_id)


def _the_one(found: Sequence[UnknownOutcome], outcome_id: str) -> UnknownOutcome:
    exact = [each for each in found if outcome_id in {each.key, each.question and each.question.id}]
    begun = [each for each in found if each.key.startswith(outcome_id)]
    for several in (exact, begun, [each for each in begun if each.is_open]):
        if len(several) == 1:
            return several[0]
    problem = "More than one unknown outcome starts with" if begun else "There is no unknown outcome"
    raise NotFound(f"{problem} {outcome_id[:100]!r}.", remedy="`nexus outcomes list --all` shows them.")


def _outcome(connection: sqlite3.Connection, row: sqlite3.Row, now: datetime) -> UnknownOutcome:
    is_resolved = row["resolved_at"] is not None
    text = row["text"] or ""
    return UnknownOutcome(
        key=row["key"],
        thread=row["thread"],
        tool=row["tool"],
        arguments=json.loads(row["arguments"] or "{}"),
        toolkit=row["toolkit"] or None,
        account=row["account"],
        sent_at=datetime.fromisoformat(row["claimed_at"]),
        lost_at=datetime.fromisoformat(row["settled_at"]),
        known=row["known"] or ("" if is_resolved else text),
        said=text if is_resolved else None,
        reference=row["reference"],
        tries=row["tries"],
        question=_question(connection, row, now),
    )


def _question(connection: sqlite3.Connection, row: sqlite3.Row, now: datetime) -> Approval | None:
    """The question about the attempt: the first about an outcome of its call among the later attempts."""
    call, _, attempt = row["key"].rpartition(".")
    asked = connection.execute(
        "SELECT * FROM approvals WHERE user = ? AND call_id = ? AND question = 'outcome' AND attempt > ?"
        " ORDER BY attempt LIMIT 1",
        (row["user"], call, int(attempt)),
    ).fetchone()
    return expire(parse(connection, asked), now=now) if asked else None
