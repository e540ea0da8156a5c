"""`nexus threads`: what was asked for, and how far it got."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus.cli.entry import JsonFlag, service_of

threads = typer.Typer(help="See what was asked for, and how far it got.", no_args_is_help=True)


@threads.command("list")
def list_(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """List threads, the latest first."""
    from nexus.cli.listing import show_threads
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            found = await service.threads.search(limit=limit)
            return show_threads(session.watcher, [await service.runner.view(thread.id) for thread in found])

    carry_out(work, as_json=as_json)


@threads.command()
def show(
    context: typer.Context,
    thread_id: Annotated[str, typer.Argument(metavar="ID", help="The beginning of its id is enough.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Show what was said and done in a thread."""
    from nexus.cli.listing import show_thread
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            view = await service.runner.view(thread_id)
            return show_thread(session.watcher, view, now=service.parts.clock.now())

    carry_out(work, as_json=as_json)
