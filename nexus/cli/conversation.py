"""Requests in a thread: start or continue one, ask whoever is there, go on until it ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection

from nexus.cli.deciding import Decider, drive, nobody, yes_to
from nexus.cli.exits import DONE
from nexus.cli.session import Session, Stopped
from nexus.cli.watcher import JsonLines
from nexus.errors import InvalidInput, NexusError
from nexus.runtime.runner import Event
from nexus.runtime.service import Service


async def serve_request(
    service: Service, session: Session, request: str | None, *, thread: str | None, decider: Decider
) -> int:
    """Serve a request in a new thread or in `thread`; without a request, finish what `thread` had begun.

    Returns:
        The exit code.
    """
    opened = await service.runner.open_thread(thread)
    session.open(opened.id)
    if request is None:
        await _check_unfinished(service, opened.id)
        events = service.runner.resume(opened.id)
    else:
        events = service.runner.run(opened.id, request)
    return await converse(service, session, events, decider)


async def converse(
    service: Service, session: Session, events: AsyncGenerator[Event], decider: Decider
) -> int:
    """Follow a run; while the model asks and a person is there, their answer is the next request."""
    thread_id = session.thread_id or ""
    while True:
        last = await drive(service, events, session.watcher, decider)
        answer = await _reply(session, last)
        if answer is None:
            return await session.end(service, last)
        events = service.runner.run(thread_id, answer)


def decider_for(service: Service, session: Session, *, yes_tools: Collection[str] = ()) -> Decider:
    """Who decides: the named tools' yes, then the person at the terminal, if there is one.

    Raises:
        NotFound: There is no tool of that name.
    """
    for slug in yes_tools:
        service.parts.tools.get(slug)
    return (
        yes_to(yes_tools, _whoever_is_there(service, session))
        if yes_tools
        else _whoever_is_there(service, session)
    )


def can_ask(session: Session) -> bool:
    """True if somebody is at the terminal and wants to be asked there."""
    from nexus.cli.screen import is_interactive

    return is_interactive() and not isinstance(session.watcher, JsonLines)


def _whoever_is_there(service: Service, session: Session) -> Decider:
    if not can_ask(session):
        return nobody
    from nexus.cli.asking import Person
    from nexus.cli.connecting import connect_app, tell

    async def connect(toolkit: str) -> bool:
        try:
            found = await connect_app(service, session.watcher, toolkit, can_ask=True)
        except NexusError as error:
            session.watcher.note(str(error), tone="bad")
            return False
        return tell(session.watcher, found) == DONE

    return Person(session.watcher, service.parts.clock, connect)


async def _reply(session: Session, last: Event) -> str | None:
    """What the person says to the model's question; None if nothing was asked or nobody is there."""
    if last.get("ending") != "asked" or not can_ask(session):
        return None
    from nexus.cli.asking import write

    try:
        return (await write("Your answer (empty: later):", "")).strip() or None
    except Stopped:  # the run has ended; there is nothing to cut off
        return None


async def _check_unfinished(service: Service, thread_id: str) -> None:
    """Make sure that there is something to resume."""
    view = await service.runner.view(thread_id)
    if view.status == "idle":
        raise InvalidInput(
            f"nothing is left to do in {thread_id}", field="--thread", remedy="Give it a request to go on."
        )
