"""The ledger in SQLite: claimed before the call leaves, settled after, never run twice."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from nexus.core.effect import Claim, Claimed, ClaimResult, Effect, InProgress, Settled
from nexus.errors import ApprovalExpired, DigestMismatch, Refused
from nexus.store.database import Database
from nexus.store.owner import Owner

LOST = Effect(
    "unknown", "The program ended while this call was under way. Nobody can know whether it acted."
)


class SqliteLedger:
    """Implements `nexus.ports.ledger.Ledger`."""

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner
        self._running: set[str] = set()

    async def claim(self, claim: Claim, *, approval_id: str) -> ClaimResult:
        """Ask to run an attempt; everything is checked and written in one transaction."""

        def change(connection: sqlite3.Connection, now: datetime) -> ClaimResult:
            row = connection.execute("SELECT * FROM effects WHERE key = ?", (claim.key,)).fetchone()
            if row is not None:
                return self._known(connection, claim, row, now)
            if claim.needs_approval:
                _check_approval(connection, claim, approval_id, now)
            connection.execute(
                "INSERT INTO effects (key, thread, tool, digest, approval_id, owner, claimed_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    claim.key,
                    claim.thread,
                    claim.tool,
                    claim.digest,
                    approval_id if claim.needs_approval else None,
                    self._owner.token,
                    now.isoformat(),
                ),
            )
            self._running.add(claim.key)
            return Claimed()

        return await self._database.write(change)

    async def settle(self, key: str, effect: Effect) -> None:
        """Record how a claimed attempt ended."""
        await self._database.write(lambda connection, now: _settle(connection, key, effect, now))
        self._running.discard(key)

    async def release(self, key: str) -> None:
        """Give back a claim whose call certainly never left."""
        await self._database.write(
            lambda connection, _: connection.execute(
                "DELETE FROM effects WHERE key = ? AND outcome IS NULL", (key,)
            )
        )
        self._running.discard(key)

    async def resolve(self, key: str, effect: Effect) -> None:
        """Record what a person says about an unknown outcome; the first word stays."""
        await self._database.write(
            lambda connection, now: connection.execute(
                "UPDATE effects SET outcome = ?, text = ?, resolved_at = ?"
                " WHERE key = ? AND outcome = 'unknown' AND resolved_at IS NULL",
                (effect.outcome, effect.text, now.isoformat(), key),
            )
        )

    async def get(self, key: str) -> Effect | None:
        """How the attempt ended, if it did."""
        row = await self._database.read(
            lambda connection: connection.execute("SELECT * FROM effects WHERE key = ?", (key,)).fetchone()
        )
        return _effect(row) if row is not None and row["outcome"] else None

    def _known(
        self, connection: sqlite3.Connection, claim: Claim, row: sqlite3.Row, now: datetime
    ) -> ClaimResult:
        """The answer for a key that was claimed before."""
        if row["digest"] != claim.digest:
            raise DigestMismatch("Another action ran under this call.", remedy="Ask for it anew.")
        if row["outcome"]:
            return Settled(_effect(row))
        if self._is_running(row):
            return InProgress()
        if claim.is_repeatable:
            connection.execute(
                "UPDATE effects SET owner = ?, claimed_at = ? WHERE key = ?",
                (self._owner.token, now.isoformat(), claim.key),
            )
            self._running.add(claim.key)
            return Claimed()
        _settle(connection, claim.key, LOST, now)
        return Settled(LOST)

    def _is_running(self, row: sqlite3.Row) -> bool:
        if row["owner"] == self._owner.token:
            return row["key"] in self._running
        return self._owner.is_alive(row["owner"])


def _check_approval(connection: sqlite3.Connection, claim: Claim, approval_id: str, now: datetime) -> None:
    row = connection.execute(
        "SELECT state, digest, expires_at FROM approvals WHERE id = ?", (approval_id,)
    ).fetchone()
    if row is None or row["state"] != "approved":
        raise Refused(
            f"{claim.tool} was not approved (it is {row['state'] if row else 'unknown to the store'})."
        )
    if row["digest"] != claim.digest:
        raise DigestMismatch(f"{claim.tool} would run with something else than what was approved.")
    if now > datetime.fromisoformat(row["expires_at"]):
        raise ApprovalExpired(f"The approval of {claim.tool} expired before it could run.")


def _settle(connection: sqlite3.Connection, key: str, effect: Effect, now: datetime) -> None:
    connection.execute(
        "UPDATE effects SET outcome = ?, text = ?, reference = ?, settled_at = ? WHERE key = ? AND outcome IS NULL",
        (effect.outcome, effect.text, effect.reference, now.isoformat(), key),
    )


def _effect(row: sqlite3.Row) -> Effect:
    return Effect(outcome=row["outcome"], text=row["text"], reference=row["reference"])
