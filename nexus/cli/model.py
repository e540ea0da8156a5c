"""`nexus model`: which model thinks, and its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nexus.cli.entry import JsonFlag

model = typer.Typer(help="Choose the model that thinks, and fetch its weights.", no_args_is_help=True)


@model.command("list")
def list_(*, as_json: JsonFlag = False) -> None:
    """List the models that are here, and those that can be fetched."""
    from nexus.cli.model_choice import show_models
    from nexus.cli.session import Session, carry_out
    from nexus.settings import load_settings

    async def work(session: Session) -> int:
        return await show_models(session.watcher, load_settings())

    carry_out(work, as_json=as_json)


@model.command()
def show(*, as_json: JsonFlag = False) -> None:
    """Show the model in force, whether it can think right now, and the memory it needs."""
    from nexus.cli.model_choice import show_model
    from nexus.cli.session import Session, carry_out
    from nexus.settings import load_settings

    async def work(session: Session) -> int:
        return await show_model(session.watcher, load_settings())

    carry_out(work, as_json=as_json)


@model.command()
def use(
    setting: Annotated[
        str,
        typer.Argument(
            metavar="SETTING", help="ollama:NAME, embedded:NAME or a .gguf file, openai:URL#NAME."
        ),
    ],
) -> None:
    """Choose the model; kept in nexus.toml in the home folder."""
    from nexus.cli.model_choice import use_model
    from nexus.cli.session import Session, carry_out
    from nexus.settings import load_settings

    async def work(session: Session) -> int:
        return await use_model(session.watcher, load_settings(), setting)

    carry_out(work)


@model.command()
def pull(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="By default the one that is in force.")
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option(help="Take the weights from this file instead of fetching them.")
    ] = None,
) -> None:
    """Fetch the weights of an embedded model, checked by their SHA-256; goes on where it was stopped."""
    from nexus.cli.pulling import pull_weights
    from nexus.cli.session import Session, carry_out
    from nexus.settings import load_settings

    async def work(session: Session) -> int:
        return await pull_weights(session.watcher, load_settings(), name, file=file)

    carry_out(work)
