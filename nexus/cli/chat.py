"""`nexus chat`: one thread, request after request."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from nexus.cli.entry import ModelSetting, service_of

if TYPE_CHECKING:
    from nexus.cli.session import Session
    from nexus.runtime.service import Service


def chat(
    context: typer.Context,
    *,
    thread: Annotated[str | None, typer.Option(metavar="ID", help="Go on in this thread.")] = None,
    yes_to: Annotated[
        list[str] | None,
        typer.Option(
            "--yes-to", metavar="TOOL", help="Approve this tool's calls of this chat without asking."
        ),
    ] = None,
    model: ModelSetting = None,
) -> None:
    """Talk with the agent in one thread; /quit or Ctrl-D ends it."""
    from nexus.cli.session import carry_out

    async def work(session: Session) -> int:
        async with service_of(context, model=model) as service:
            opened = await service.runner.open_thread(thread)
            session.open(opened.id)
            session.watcher.note("Say what you want done. /quit or Ctrl-D ends the chat.")
            return await _talk(service, session, opened.id, yes_to or [])

    carry_out(work)


async def _talk(service: Service, session: Session, thread_id: str, yes_tools: list[str]) -> int:
    """Serve one request after the other; the exit code of the last one that was cut short, or 0."""
    from nexus.cli.conversation import decider_for
    from nexus.cli.deciding import drive
    from nexus.cli.exits import DONE, WAITING

    decider = decider_for(service, session, yes_tools=yes_tools)
    view = await service.runner.view(thread_id)
    events = service.runner.resume(thread_id) if view.status in ("waiting", "unfinished") else None
    while True:
        if events is not None:
            last = await drive(service, events, session.watcher, decider)
            if last.get("event") == "paused":
                await session.end(service, last)
                return WAITING
        request = await _next_request(session)
        if request is None:
            return DONE
        events = service.runner.run(thread_id, request)


async def _next_request(session: Session) -> str | None:
    """The next thing that is wanted; None at the end."""
    from nexus.cli.conversation import can_ask
    from nexus.cli.session import Stopped

    while True:
        if can_ask(session):
            from nexus.cli.asking import write

            try:
                text = await write("you:", "")
            except Stopped:
                return None
        else:
            text = sys.stdin.readline()
            if not text:
                return None
        match text.strip():
            case "":
                continue
            case "/quit" | "/exit":
                return None
            case request:
                return request
