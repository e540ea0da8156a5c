"""`nexus run`: one request, from the words to the work."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nexus.cli.entry import JsonFlag, ModelSetting, service_of
from nexus.errors import InvalidInput


def run(
    context: typer.Context,
    request: Annotated[
        str | None,
        typer.Argument(help="What you want done, in your words; `-` reads it from standard input."),
    ] = None,
    *,
    thread: Annotated[
        str | None, typer.Option(metavar="ID", help="Go on in this thread; without a request: resume it.")
    ] = None,
    yes_to: Annotated[
        list[str] | None,
        typer.Option(
            "--yes-to", metavar="TOOL", help="Approve this tool's calls of this run without asking."
        ),
    ] = None,
    model: ModelSetting = None,
    as_json: JsonFlag = False,
) -> None:
    """Do what you ask for; stop and ask before anything that is not known to be read-only."""
    from nexus.cli.conversation import decider_for, serve_request
    from nexus.cli.session import Session, carry_out

    if request == "-":
        request = sys.stdin.read()

    async def work(session: Session) -> int:
        if not (request or "").strip() and (thread is None or request is not None):
            raise InvalidInput("say what you want done", remedy='E.g. nexus run "What is in my inbox?"')
        async with service_of(context, model=model) as service:
            decider = decider_for(service, session, yes_tools=yes_to or ())
            return await serve_request(service, session, request, thread=thread, decider=decider)

    carry_out(work, as_json=as_json)
