"""`nexus connect` and `nexus connections`: the accounts that Nexus may act on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nexus.cli.entry import JsonFlag, service_of

connections = typer.Typer(help="See the accounts you connected, and disconnect them.", no_args_is_help=True)


def connect(
    context: typer.Context,
    toolkit: Annotated[str, typer.Argument(help="The app, e.g. gmail.")],
    *,
    fields: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What the app wants to know: a JSON object, - for a pipe. You are asked if it is left out.",
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Sign in anew, though an account is connected; the newest one is used."),
    ] = False,
    browser: Annotated[bool, typer.Option(help="Open the link in your browser, if there is one.")] = True,
    wait: Annotated[
        float, typer.Option(min=0, max=3600, metavar="SECONDS", help="How long to wait for you to sign in.")
    ] = 600.0,
    as_json: JsonFlag = False,
) -> None:
    """Connect an app: sign in there once, and Nexus may act on that account when you approve it."""
    from nexus.cli.connecting import connect_app, fields_in, tell
    from nexus.cli.conversation import can_ask
    from nexus.cli.session import Session, carry_out

    async def work(session: Session) -> int:
        given = fields_in(_read(fields)) if fields else None
        async with service_of(context) as service:
            connection = await connect_app(
                service,
                session.watcher,
                toolkit,
                fields=given,
                can_ask=can_ask(session),
                again=again,
                browser=browser and not as_json,
                wait=wait,
            )
            return tell(session.watcher, connection)

    carry_out(work, as_json=as_json)


@connections.command("list")
def list_(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """List your accounts as they stand at this moment, the oldest first."""
    from nexus.cli.connecting import show_connections
    from nexus.cli.session import Session, carry_out
    from nexus.runtime.connecting import connections_of

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            found = await connections_of(service).all(service.parts.user)
            return show_connections(session.watcher, found)

    carry_out(work, as_json=as_json)


@connections.command()
def remove(
    context: typer.Context,
    connection_id: Annotated[str, typer.Argument(metavar="ID", help="The account, as listed.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Disconnect an account: its tokens are deleted, and nothing can act on it any more."""
    from nexus.cli.connecting import report
    from nexus.cli.exits import DONE
    from nexus.cli.session import Session, carry_out
    from nexus.runtime.connecting import connections_of

    async def work(session: Session) -> int:
        async with service_of(context) as service:
            removed = await connections_of(service).remove(service.parts.user, connection_id)
            report(session.watcher, "removed", removed)
            session.watcher.note(f"{removed.toolkit} is disconnected.", tone="good")
        return DONE

    carry_out(work, as_json=as_json)


def _read(file: Path) -> str:
    """The text of a file, or of standard input."""
    return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
