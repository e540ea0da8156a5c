"""`nexus serve`: the HTTP server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nexus.cli.entry import ModelSetting, entry_of


def serve(
    context: typer.Context,
    *,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(metavar="NUMBER", help="Port to listen on.")] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A langgraph.json: serve its graphs as well.")
    ] = None,
    model: ModelSetting = None,
) -> None:
    """Serve the inbox for browsers, and the HTTP API."""
    from nexus.settings import load_settings

    entry_of(context).serve(load_settings(host=host, port=port, graphs=config, model=model))
