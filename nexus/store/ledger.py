"""The ledger in SQLite: claimed before the call leaves, settled after, never run twice."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from datetime import datetime

from nexus.core.effect import Claim, Claimed, ClaimResult, Effect, InProgress, Settled
from nexus.errors import ApprovalExpired, DigestMismatch, NexusError, Refused
from nexus.store.database import Database
from nexus.store.owner import Owner

LOST = Effect("unknown", "The program ended while this call was under way. Nobody can know whether it acted.")


class SqliteLedger:
    """Implements `nexus.ports.ledger.Ledger`."""

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner
        self._running: set[str] = set()
        self._ended: dict[str, Effect] = {}

    async def claim(self, claim: Claim, *, approval_id: str) -> ClaimResult:
        """Ask to run an attempt; everything is checked and written in one transaction."""

        def change(connection: sqlite3.Connection, now: datetime) -> ClaimResult:
            if claim.key in self._ended:
                _settle(connection, claim.key, self._ended[claim.key], now)
            row = connection.execute("SELECT * FROM effects WHERE key = ?", (claim.key,)).fetchone()
            if row is not None:
                return self._known(connection, claim, row, now)
            if claim.refusal:
                raise Refused(claim.refusal)
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
        await self._database.write(lambda connection, now: _settle(connection, key, effect, now))
        self._ended.pop(key, None)

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
        """The answer for a key that was claimed before. Whatever changed since, an unknown end stays one."""
        is_same = row["digest"] == claim.digest
        if row["outcome"]:
            effect = _effect(row)
            if is_same or effect.outcome == "unknown":
                return Settled(effect)
            raise DigestMismatch(
                f"This call ran before, as something else than it is now ({effect.outcome}: {effect.text})."
            )
        if self._is_running(row):
            return InProgress()
        if is_same and claim.is_repeatable and not claim.refusal:
            connection.execute(
                "UPDATE effects SET owner = ?, claimed_at = ? WHERE key = ?",
                (self._owner.token, now.isoformat(), claim.key),
            )
            self._running.add(claim.key)
            return Claimed()
        _settle(connection, claim.key, LOST, now)
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
        "UPDATE effects SET outcome = ?, text = ?, reference = ?, settled_at = ?"
        " WHERE key = ? AND outcome IS NULL",
        (effect.outcome, effect.text, effect.reference, now.isoformat(), key),
    )


def _effect(row: sqlite3.Row) -> Effect:
    return Effect(outcome=row["outcome"], text=row["text"], reference=row["reference"])
