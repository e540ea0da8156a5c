"""The program `nexus`. Nothing heavy is imported until a command needs it: `nexus --help` is quick."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nexus.cli.program import Entry, program

if TYPE_CHECKING:
    from nexus.runtime.service import Service
    from nexus.settings import Settings


@asynccontextmanager
async def _open_service(settings: Settings) -> AsyncGenerator[Service]:
    from nexus.app import open_service

    async with open_service(settings) as service:
        yield service


def _serve(settings: Settings) -> None:
    from nexus.app import serve

    serve(settings)


def main() -> None:
    """Run the command line."""
    program(obj=Entry(open_service=_open_service, serve=_serve))


if __name__ == "__main__":
    main()
