"""The program `nexus`. Nothing heavy is imported until a command needs it: `nexus --help` is quick."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nexus.cli.program import Entry, program

if TYPE_CHECKING:
    from graphs.memories import Memories
    from nexus.ports.audit import AuditLog
    from nexus.ports.users import Users
    from nexus.runtime.notices import Notices
    from nexus.runtime.service import Service
    from nexus.settings import Settings


@asynccontextmanager
async def _open_service(settings: Settings) -> AsyncGenerator[Service]:
    from nexus.app import open_service

    async with open_service(settings) as service:
        yield service


@asynccontextmanager
async def _open_users(settings: Settings) -> AsyncGenerator[Users]:
    from nexus.wiring.users import open_users

    async with open_users(settings) as users:
        yield users


@asynccontextmanager
async def _open_audit(settings: Settings) -> AsyncGenerator[AuditLog]:
    from nexus.wiring.audit import open_audit

    async with open_audit(settings) as log:
        yield log


@asynccontextmanager
async def _open_notices(settings: Settings) -> AsyncGenerator[Notices]:
    from nexus.wiring.notices import open_notices

    async with open_notices(settings) as notices:
        yield notices


@asynccontextmanager
async def _open_memories(settings: Settings) -> AsyncGenerator[Memories]:
    from nexus.wiring.memories import open_own_memories

    async with open_own_memories(settings) as memories:
        yield memories


def _serve(settings: Settings) -> None:
    from nexus.app import serve

    serve(settings)


def main() -> None:
    """Run the command line."""
    entry = Entry(
        open_service=_open_service,
        serve=_serve,
        open_users=_open_users,
        open_audit=_open_audit,
        open_notices=_open_notices,
        open_memories=_open_memories,
    )
    program(obj=entry)


if __name__ == "__main__":
    main()
