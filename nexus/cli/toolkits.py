"""`nexus toolkits`: the apps whose tools the model can find."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus.cli.entry import JsonFlag, service_of

toolkits = typer.Typer(help="See apps, and switch them on and off.", no_args_is_help=True)

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Apps, e.g. gmail.")]


@toolkits.command("list")
def list_(
    context: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that are off.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the apps that are on; with --all every app that Nexus knows of. Asks nobody."""
    from nexus.cli.listing import show_toolkits
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            found = [each for each in await service.toolkits.all() if every or each.is_on]
            return show_toolkits(session.watcher, found)

    carry_out(work, as_json=as_json)


@toolkits.command()
def enable(context: typer.Context, names: Names) -> None:
    """Let the model find an app's tools, from the next run on, also of a server that runs."""
    _switch(context, names, is_on=True)


@toolkits.command()
def disable(context: typer.Context, names: Names) -> None:
    """Hide an app's tools from the model, from the next run on, also of a server that runs."""
    _switch(context, names, is_on=False)


def _switch(context: typer.Context, names: list[str], *, is_on: bool) -> None:
    from nexus.cli.exits import DONE
    from nexus.cli.listing import switched_in_words
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            for name in names:
                session.watcher.working(f"switching {name}")
                toolkit = await service.toolkits.switch(name.lower(), is_on=is_on)
                session.watcher.note(switched_in_words(toolkit), tone="good")
        return DONE

    carry_out(work)
