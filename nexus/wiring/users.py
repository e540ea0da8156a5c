"""The list of users by itself: no model, no tools."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from nexus.ports.clock import SystemClock
from nexus.ports.users import Users
from nexus.settings import Settings
from nexus.store.database import Database
from nexus.store.users import SqliteUsers


@asynccontextmanager
async def open_users(settings: Settings) -> AsyncGenerator[Users]:
    """Who may use the Nexus of these settings."""
    database = Database(settings.home / "nexus.db", SystemClock())
    try:
        yield SqliteUsers(database)
    finally:
        await database.close()
