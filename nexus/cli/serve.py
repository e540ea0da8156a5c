"""`nexus serve`: the HTTP server."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus.cli.entry import ModelSetting, entry_of


def serve(
    context: typer.Context,
    *,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(metavar="NUMBER", help="Port to listen on.")] = None,
    model: ModelSetting = None,
) -> None:
    """Serve the HTTP API."""
    from nexus.settings import load_settings

    entry_of(context).serve(load_settings(host=host, port=port, model=model))
