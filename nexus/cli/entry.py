"""What the program is given by its composition root, and how a command gets at it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from graphs.memories import Memories
    from nexus.ports.audit import AuditLog
    from nexus.ports.users import Users
    from nexus.runtime.notices import Notices
    from nexus.runtime.service import Service
    from nexus.settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """The ways into Nexus: a service for one command, a server, or only a part that needs no model.

    Attributes:
        open_service: A running Nexus for the settings, closed at the end.
        serve: Serves HTTP until it is told to stop.
        open_users: Who may use Nexus over HTTP; needs no model.
        open_audit: What happened, of every user; needs no model.
        open_notices: How users are told what happened; needs no model.
        open_memories: What is remembered for the owner; needs no model.
    """

    open_service: Callable[[Settings], AbstractAsyncContextManager[Service]]
    serve: Callable[[Settings], None]
    open_users: Callable[[Settings], AbstractAsyncContextManager[Users]]
    open_audit: Callable[[Settings], AbstractAsyncContextManager[AuditLog]]
    open_notices: Callable[[Settings], AbstractAsyncContextManager[Notices]]
    open_memories: Callable[[Settings], AbstractAsyncContextManager[Memories]]


def entry_of(context: typer.Context) -> Entry:
    """The entry that the program was started with."""
    return cast("Entry", context.obj)


def service_of(context: typer.Context, **overrides: Any) -> AbstractAsyncContextManager[Service]:
    """A running Nexus under the settings in force; `overrides` stand above them."""
    from nexus.settings import load_settings

    return entry_of(context).open_service(load_settings(**overrides))


def users_of(context: typer.Context) -> AbstractAsyncContextManager[Users]:
    """The users of the Nexus under the settings in force."""
    from nexus.settings import load_settings

    return entry_of(context).open_users(load_settings())


def audit_of(context: typer.Context) -> AbstractAsyncContextManager[AuditLog]:
    """The audit log of the Nexus under the settings in force."""
    from nexus.settings import load_settings

    return entry_of(context).open_audit(load_settings())


def notices_of(context: typer.Context) -> AbstractAsyncContextManager[Notices]:
    """How the users of the Nexus under the settings in force are told what happened."""
    from nexus.settings import load_settings

    return entry_of(context).open_notices(load_settings())


def memories_of(context: typer.Context) -> AbstractAsyncContextManager[Memories]:
    """What the Nexus under the settings in force remembers for the owner."""
    from nexus.settings import load_settings

    return entry_of(context).open_memories(load_settings())


Comment = Annotated[
    str, typer.Option(metavar="TEXT", help="For people: kept with the decision; the model is not told.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
ModelSetting = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="SETTING", help="ollama:NAME, embedded:NAME or a .gguf file, openai:URL#NAME."
    ),
]
