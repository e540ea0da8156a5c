"""What the program is given by its composition root, and how a command gets at it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from nexus.runtime.service import Service
    from nexus.settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """The two ways into Nexus: a service for one command, or a server.

    Attributes:
        open_service: A running Nexus for the settings, closed at the end.
        serve: Serves HTTP until it is told to stop.
    """

    open_service: Callable[[Settings], AbstractAsyncContextManager[Service]]
    serve: Callable[[Settings], None]


def entry_of(context: typer.Context) -> Entry:
    """The entry that the program was started with."""
    return cast("Entry", context.obj)


def service_of(context: typer.Context, **overrides: Any) -> AbstractAsyncContextManager[Service]:
    """A running Nexus under the settings in force; `overrides` stand above them."""
    from nexus.settings import load_settings

    return entry_of(context).open_service(load_settings(**overrides))


JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
ModelSetting = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="SETTING", help="ollama:NAME, embedded:NAME or a .gguf file, openai:URL#NAME."
    ),
]
