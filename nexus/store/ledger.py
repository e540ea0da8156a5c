"""The ledger in SQLite: claimed before the call leaves, settled after, never run twice."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from datetime import datetime
from typing import Any

from nexus.core.action import ThreadId
from nexus.core.audit import AuditEntry, AuditKind
from nexus.core.canonical import canonical_json
from nexus.core.display import visible
from nexus.core.effect import Claim, Claimed, ClaimResult, Effect, InProgress, Settled
from nexus.core.user import OWNER
from nexus.errors import ApprovalExpired, Conflict, DigestMismatch, NexusError, Refused
from nexus.ports.runs import going_on
from nexus.store.audit import record
from nexus.store.database import Database
from nexus.store.owner import Owner
from nexus.store.runs import add_run_if_kept

LOST = Effect("unknown", "The program ended while this call was under way. Nobody can know whether it acted.")

_WHATEVER_CHANGED = ("unconnected", "unknown")
"""Ends that stay what they are when the tool changed since: a missing account is there by now, of course."""


class SqliteLedger:
    """Implements `nexus.ports.ledger.Ledger` over one user's effects. A process needs one for each user.

    Args:
        database: Where the effects are.
        owner: This process.
        user: Whose calls they are.
    """

    def __init__(self, database: Database, owner: Owner, user: str = OWNER) -> None:
        self._database = database
        self._owner = owner
        self._user = user
        self._running: set[str] = set()
        self._ended: dict[str, Effect] = {}

    async def claim(self, claim: Claim, *, approval_id: str) -> ClaimResult:
        """Ask to run an attempt; everything is checked and written in one transaction."""

        def change(connection: sqlite3.Connection, now: datetime) -> ClaimResult:
            if claim.key in self._ended:
                _settle(connection, self._user, claim.key, self._ended[claim.key], now)
            row = _row(connection, self._user, claim.key)
            if row is not None:
                return self._known(connection, claim, row, now)
            if claim.refusal:
                raise claim.refusal
            if claim.needs_approval:
                _check_approval(connection, self._user, claim, approval_id, now)
            connection.execute(
                "INSERT INTO effects"
                " (user, key, thread, tool, digest, approval_id, owner, claimed_at, untrusted, arguments,"
                " repeatable, toolkit, account) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self._user,
                    claim.key,
                    claim.thread,
                    claim.tool,
                    claim.digest,
                    approval_id if claim.needs_approval else None,
                    self._owner.token,
                    now.isoformat(),
                    claim.is_untrusted,
                    canonical_json(dict(claim.arguments)).decode(),
                    claim.is_repeatable,
                    claim.toolkit,
                    claim.account,
                ),
            )
            for entry in _claimed(claim, approval_id):
                record(connection, now, self._user, entry)
            self._running.add(claim.key)
            return Claimed()

        writing = asyncio.ensure_future(self._database.write(change))
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            # The row may be written all the same, and nobody is left to make its call.
            await asyncio.shield(self._withdraw(claim.key, writing))
            raise

    async def settle(self, key: str, effect: Effect) -> None:
        """Record how a claimed attempt ended.

        If the disk refuses, the end stays in memory, and the next claim of the key writes it down first.
        """
        self._ended[key] = effect
        self._running.discard(key)
        await self._database.write(lambda connection, now: _settle(connection, self._user, key, effect, now))
        self._ended.pop(key, None)

    async def again(self, key: str, *, why: str) -> int:
        """Record that a claimed attempt is about to be sent once more; how often it was sent then."""

        def change(connection: sqlite3.Connection, now: datetime) -> int:
            connection.execute(
                "UPDATE effects SET tries = tries + 1 WHERE user = ? AND key = ? AND outcome IS NULL",
                (self._user, key),
            )
            row = _row(connection, self._user, key)
            if row is None or row["outcome"]:
                raise Conflict(f"The attempt {key} has ended already.")
            told = _told("claim", row, again=True, tries=row["tries"], said=visible(why))
            record(connection, now, self._user, told)
            return row["tries"]

        return await self._database.write(change)

    async def release(self, key: str) -> None:
        """Give back a claim whose call certainly never left."""

        def change(connection: sqlite3.Connection, now: datetime) -> None:
            row = _row(connection, self._user, key)
            if row is None or row["outcome"]:
                return
            connection.execute("DELETE FROM effects WHERE user = ? AND key = ?", (self._user, key))
            record(connection, now, self._user, _told("outcome", row, outcome="released"))

        await self._database.write(change)
        self._running.discard(key)

    async def resolve(self, key: str, effect: Effect) -> None:
        """Record what a person says about an unknown outcome; the first word stays."""

        def change(connection: sqlite3.Connection, now: datetime) -> None:
            resolved = connection.execute(
                "UPDATE effects SET outcome = ?, known = text, text = ?, resolved_at = ?"
                " WHERE user = ? AND key = ? AND outcome = 'unknown' AND resolved_at IS NULL",
                (effect.outcome, effect.text, now.isoformat(), self._user, key),
            )
            row = _row(connection, self._user, key)
            if resolved.rowcount and row is not None:
                told = _told("outcome", row, outcome=effect.outcome, resolved=True, said=visible(effect.text))
                record(connection, now, self._user, told)

        await self._database.write(change)

    async def settle_lost(self) -> int:
        """Settle what processes that died had claimed and may have done; how many there were."""
        open_rows = "SELECT * FROM effects WHERE user = ? AND outcome IS NULL AND NOT repeatable"

        def lost(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            rows = connection.execute(open_rows, (self._user,)).fetchall()
            return [row for row in rows if not self._is_running(row)]

        def change(connection: sqlite3.Connection, now: datetime) -> int:
            for row in (found := lost(connection)):
                _settle(connection, self._user, row["key"], self._ended.get(row["key"], LOST), now)
                add_run_if_kept(connection, now, self._user, going_on(row["thread"]))
            return len(found)

        return await self._database.write(change) if await self._database.read(lost) else 0

    async def has_read_others(self, thread: ThreadId, *, besides: str) -> bool:
        """True if another attempt in the thread brought in what others may have written."""
        row = await self._database.read(
            lambda connection: connection.execute(
                "SELECT 1 FROM effects WHERE user = ? AND thread = ? AND key <> ? AND untrusted"
                " AND outcome NOT IN ('refused', 'unconnected') LIMIT 1",
                (self._user, thread, besides),
            ).fetchone()
        )
        return row is not None

    async def get(self, key: str) -> Effect | None:
        """How the attempt ended, if it did."""
        row = await self._database.read(lambda connection: _row(connection, self._user, key))
        return _effect(row) if row is not None and row["outcome"] else None

    def _known(
        self, connection: sqlite3.Connection, claim: Claim, row: sqlite3.Row, now: datetime
    ) -> ClaimResult:
        """The answer for a key that was claimed before."""
        is_same = row["digest"] == claim.digest
        if row["outcome"]:
            effect = _effect(row)
            if is_same or row["digest"] == claim.approved or effect.outcome in _WHATEVER_CHANGED:
                return Settled(effect)
            raise DigestMismatch(
                f"This call ran before, as something else than it is now ({effect.outcome}: {effect.text})."
            )
        if self._is_running(row):
            return InProgress()
        if is_same and claim.is_repeatable and not claim.refusal:
            connection.execute(
                "UPDATE effects SET owner = ?, claimed_at = ?, tries = tries + 1 WHERE user = ? AND key = ?",
                (self._owner.token, now.isoformat(), self._user, claim.key),
            )
            record(connection, now, self._user, _told("claim", row, again=True, tries=row["tries"] + 1))
            self._running.add(claim.key)
            return Claimed()
        _settle(connection, self._user, claim.key, LOST, now)
        return Settled(LOST)

    async def _withdraw(self, key: str, writing: asyncio.Future[ClaimResult]) -> None:
        """Give back a claim whose claimer was cancelled, once it is known whether it was made."""
        with suppress(NexusError):
            if isinstance(await writing, Claimed):
                await self.release(key)

    def _is_running(self, row: sqlite3.Row) -> bool:
        if row["owner"] == self._owner.token:
            return row["key"] in self._running
        return self._owner.is_alive(row["owner"])


def _row(connection: sqlite3.Connection, user: str, key: str) -> sqlite3.Row | None:
    return connection.execute("SELECT * FROM effects WHERE user = ? AND key = ?", (user, key)).fetchone()


def _check_approval(
    connection: sqlite3.Connection, user: str, claim: Claim, approval_id: str, now: datetime
) -> None:
    row = connection.execute(
        "SELECT state, digest, expires_at FROM approvals WHERE user = ? AND id = ? AND question <> 'connect'",
        (user, approval_id),
    ).fetchone()
    if row is None or row["state"] != "approved":
        raise Refused(
            f"{claim.tool} was not approved (it is {row['state'] if row else 'unknown to the store'})."
        )
    if row["digest"] != claim.digest:
        raise DigestMismatch(f"{claim.tool} would run with something else than what was approved.")
    if now > datetime.fromisoformat(row["expires_at"]):
        raise ApprovalExpired(f"The approval of {claim.tool} expired before it could run.")


def _settle(connection: sqlite3.Connection, user: str, key: str, effect: Effect, now: datetime) -> None:
    settled = connection.execute(
        "UPDATE effects SET outcome = ?, text = ?, reference = ?, settled_at = ?"
        " WHERE user = ? AND key = ? AND outcome IS NULL",
        (effect.outcome, effect.text, effect.reference, now.isoformat(), user, key),
    )
    row = _row(connection, user, key)
    if not settled.rowcount or row is None:
        return
    said = None if effect.outcome == "done" else visible(effect.text)
    record(connection, now, user, _told("outcome", row, outcome=effect.outcome, said=said))
    if effect.outcome == "unknown":
        record(connection, now, user, _told("outcome_unknown", row, claimed_at=row["claimed_at"], said=said))


def _claimed(claim: Claim, approval_id: str) -> list[AuditEntry]:
    """What the log says of a claim. A call that nobody was asked about is proposed and judged here."""
    facts = {"call": claim.key, "tool": claim.tool, "digest": claim.digest}
    approval = approval_id if claim.needs_approval else None
    claimed = AuditEntry("claim", claim.thread, approval, facts)
    if claim.needs_approval:
        return [claimed]
    proposal = AuditEntry("proposal", claim.thread, None, {**facts, "arguments": dict(claim.arguments)})
    verdict = AuditEntry("verdict", claim.thread, None, {**facts, "verdict": "allow", "reason": claim.reason})
    return [proposal, verdict, claimed]


def _told(kind: AuditKind, row: sqlite3.Row, **more: Any) -> AuditEntry:
    facts = {"call": row["key"], "tool": row["tool"], "digest": row["digest"]}
    return AuditEntry(kind, row["thread"], row["approval_id"], {**facts, **more})


def _effect(row: sqlite3.Row) -> Effect:
    at = datetime.fromisoformat(row["settled_at"]) if row["settled_at"] else None
    return Effect(row["outcome"], row["text"], row["reference"], row["tries"], at)
