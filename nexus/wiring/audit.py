"""The audit log by itself: no model, no tools."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from nexus.ports.audit import AuditLog
from nexus.ports.clock import SystemClock
from nexus.settings import Settings
from nexus.store.audit import SqliteAudit
from nexus.store.database import Database


@asynccontextmanager
async def open_audit(settings: Settings) -> AsyncGenerator[AuditLog]:
    """What happened in the Nexus of these settings, of every user."""
    database = Database(settings.home / "nexus.db", SystemClock())
    try:
        yield SqliteAudit(database)
    finally:
        await database.close()
