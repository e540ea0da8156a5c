"""Each user's own rules in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter

from nexus.core.audit import AuditEntry
from nexus.core.policy import Policy
from nexus.errors import Conflict
from nexus.ports.policies import OwnRules
from nexus.settings_policy import Rule, Rules
from nexus.store.audit import record
from nexus.store.database import Database

_RULES: TypeAdapter[tuple[Rule, ...]] = TypeAdapter(Rules)


class SqlitePolicies:
    """Implements `nexus.ports.policies.Policies` for one user."""

    def __init__(self, database: Database, user: str) -> None:
        self._database = database
        self._user = user

    async def get(self) -> OwnRules:
        """The rules in force."""
        return await self._database.read(lambda connection: _rules(connection, self._user))

    async def put(self, rules: Sequence[Rule], *, expected: str | None = None) -> OwnRules:
        """Replace them all."""
        plain = [rule.model_dump(mode="json", by_alias=True, exclude_unset=True) for rule in rules]

        def change(connection: sqlite3.Connection, now: datetime) -> OwnRules:
            known = _rules(connection, self._user)
            if expected is not None and expected != known.version:
                raise Conflict("The rules were changed meanwhile.", remedy="Look at them again.")
            connection.execute(
                "INSERT INTO policies (user, rules, changed_at) VALUES (?, ?, ?)"
                " ON CONFLICT (user) DO UPDATE SET rules = excluded.rules, changed_at = excluded.changed_at",
                (self._user, json.dumps(plain), now.isoformat()),
            )
            record(connection, now, self._user, AuditEntry("policy.changed", data={"rules": plain}))
            return _rules(connection, self._user)

        return await self._database.write(change)


def _rules(connection: sqlite3.Connection, user: str) -> OwnRules:
    row = connection.execute("SELECT rules FROM policies WHERE user = ?", (user,)).fetchone()
    rules = _RULES.validate_json(row["rules"]) if row else ()
    return OwnRules(rules, Policy(own=rules).version)
