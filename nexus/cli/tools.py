"""`nexus tools`: what the model can use."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus.cli.entry import JsonFlag, service_of

tools = typer.Typer(help="See, search, and switch tools on and off.", no_args_is_help=True)

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Tools or whole toolkits.")]


@tools.command("list")
def list_(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """List the enabled tools, and whether they run by themselves or ask first."""
    from nexus.cli.listing import show_tools
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            parts = service.parts
            return show_tools(session.watcher, parts.tools.all(), parts.policy, nothing="No tool is enabled.")

    carry_out(work, as_json=as_json)


@tools.command()
def search(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORDS...", help="What you want done.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most this many.")] = 10,
    as_json: JsonFlag = False,
) -> None:
    """Find tools by what they do, as the model's shortlist is made; asks nobody outside this machine."""
    from nexus.cli.listing import show_tools
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            parts = service.parts
            hits = await parts.index.search(" ".join(words), limit=limit)
            found = [parts.tools.get(hit.slug) for hit in hits]
            return show_tools(session.watcher, found, parts.policy, nothing="No tool was found.")

    carry_out(work, as_json=as_json)


@tools.command()
def show(
    context: typer.Context, slug: Annotated[str, typer.Argument()], *, as_json: JsonFlag = False
) -> None:
    """Show a tool in full: what it does, what it takes, whether it asks. Also one of an app that is off."""
    from nexus.cli.listing import show_tool
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            spec = await service.toolkits.tool(slug)
            return show_tool(session.watcher, spec, service.parts.policy)

    carry_out(work, as_json=as_json)


@tools.command()
def sync(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[APP...]", help="These apps; without one those that are on."),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every app of Composio.")] = False,
) -> None:
    """Read which tools apps have now, so that they are found without the network.

    Only names of apps leave this machine for it. Goes on where an earlier one was cut off.
    """
    from nexus.cli.session import Session, carry_out
    from nexus.cli.syncing import sync as bring_up_to_date

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            return await bring_up_to_date(service, session, names or [], every=every)

    carry_out(work)


@tools.command()
def disable(context: typer.Context, names: Names) -> None:
    """Hide tools from the model."""
    from nexus.cli.session import Session, carry_out
    from nexus.cli.switching import check_known, save

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            settings = service.settings
            check_known(names, service.parts.tools.all(), known=settings.disable)
        return save(session.watcher, settings, [*settings.disable, *names])

    carry_out(work)


@tools.command()
def enable(names: Names) -> None:
    """Show tools to the model again."""
    from nexus.cli.session import Session, carry_out
    from nexus.cli.switching import remaining, save
    from nexus.settings import load_settings

    async def work(session: Session) -> int:
        settings = load_settings()
        return save(session.watcher, settings, remaining(names, settings.disable))

    carry_out(work)
