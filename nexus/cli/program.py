"""The program `nexus`: its commands, its global options, and how errors leave it. Imports nothing heavy."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nexus import __version__
from nexus.cli.approvals import approvals
from nexus.cli.audit import audit
from nexus.cli.chat import chat
from nexus.cli.connect import connect, connections
from nexus.cli.demo import demo
from nexus.cli.doctor import doctor
from nexus.cli.entry import Entry
from nexus.cli.exits import EPILOG, code_of
from nexus.cli.mcp import mcp
from nexus.cli.memory import memory
from nexus.cli.model import model
from nexus.cli.notify import notify
from nexus.cli.outcomes import outcomes
from nexus.cli.policy import policy
from nexus.cli.run import run
from nexus.cli.serve import serve
from nexus.cli.studio import studio
from nexus.cli.threads import threads
from nexus.cli.toolkits import toolkits
from nexus.cli.tools import tools
from nexus.cli.users import users
from nexus.cli.webhooks import webhooks
from nexus.errors import NexusError, StoreUnavailable

__all__ = ["Entry", "program"]


class Nexus(TyperGroup):
    """Takes `--home` anywhere on the line, and shows every expected error as one line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the line with `--home` brought to its front."""
        return super().parse_args(ctx, _home_first(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; errors that are foreseen end it with their exit code."""
        try:
            return super().invoke(ctx)
        except NexusError as error:
            raise _shown(error) from error
        # Errors of libraries that stand for one of ours; all others go on as they are.
        except Exception as error:
            foreseen = _foreseen(error)
            if foreseen is None:
                raise
            raise _shown(foreseen) from error


program = typer.Typer(
    name="nexus",
    cls=Nexus,
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(f"nexus {__version__}")
        raise typer.Exit


@program.callback()
def begin(
    *,
    home: Annotated[
        Path | None,
        typer.Option(help="Where Nexus keeps everything; NEXUS_HOME, or the platform's user data folder."),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback acts
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A small local model acts on your real apps, asks you first, and acts once."""
    if home is not None:
        # The configuration file in this home counts as well, so it has to be known before settings are read.
        os.environ["NEXUS_HOME"] = str(home.expanduser().absolute())


program.command()(demo)
program.command()(run)
program.command()(chat)
program.command()(serve)
program.command()(studio)
program.command()(connect)
program.add_typer(connections, name="connections")
program.add_typer(approvals, name="approvals")
program.add_typer(outcomes, name="outcomes")
program.add_typer(policy, name="policy")
program.add_typer(audit, name="audit")
program.add_typer(threads, name="threads")
program.add_typer(memory, name="memory")
program.add_typer(tools, name="tools")
program.add_typer(toolkits, name="toolkits")
program.add_typer(mcp, name="mcp")
program.add_typer(model, name="model")
program.add_typer(users, name="users")
program.add_typer(webhooks, name="webhooks")
program.add_typer(notify, name="notify")
program.command()(doctor)


def _home_first(args: list[str]) -> list[str]:
    """The words of the line, `--home PATH` first; what stands after `--` is left alone."""
    end = args.index("--") if "--" in args else len(args)
    front: list[str] = []
    rest: list[str] = []
    words = iter(args[:end])
    for word in words:
        if word == "--home":
            front += [word, *([value] if (value := next(words, None)) is not None else [])]
        elif word.startswith("--home="):
            front.append(word)
        else:
            rest.append(word)
    return [*front, *rest, *args[end:]]


def _shown(error: NexusError) -> typer.Exit:
    from nexus.cli.screen import Screen

    code = code_of(error)
    Screen().error(error, code=code)
    return typer.Exit(code)


def _foreseen(error: Exception) -> NexusError | None:
    """The store's and the disk's troubles as errors of ours; None for a bug, which keeps its traceback."""
    import sqlite3

    if isinstance(error, sqlite3.Error):
        return StoreUnavailable(f"The store cannot be used right now ({error}).", remedy="See: nexus doctor")
    if isinstance(error, OSError) and error.errno not in (None, errno.EPIPE):
        where = f": {error.filename}" if error.filename else ""
        return StoreUnavailable(f"{error.strerror}{where}", remedy="Check the disk and who owns the folder.")
    return None
