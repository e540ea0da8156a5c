"""One command at work: what it shows, the thread it is in, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

import typer

from nexus.cli.exits import STOPPED, USAGE, code_at, code_of
from nexus.cli.question import how_to_decide
from nexus.cli.rendering import Event
from nexus.cli.watcher import JsonLines, Watcher
from nexus.errors import NexusError
from nexus.runtime.service import Service


class Stopped(Exception):
    """The person pressed Ctrl-C or Ctrl-D at a question."""


@dataclass(slots=True)
class Session:
    """A command's watcher, and the thread to go on with if it is cut off."""

    watcher: Watcher
    thread_id: str | None = None

    def open(self, thread_id: str) -> None:
        """Everything from now on belongs to this thread."""
        self.thread_id = thread_id
        self.watcher.opened(thread_id)

    async def end(self, service: Service, last: Event) -> int:
        """Say what is left to do after the last event of a run; the exit code."""
        if last.get("event") == "paused":
            self.watcher.note("Nothing was done yet. Decide with one of:", tone="warn")
            for approval_id in last["approvals"]:
                for command in how_to_decide(await service.parts.approvals.get(approval_id)):
                    self.watcher.note(f"  {command}", tone="plain")
        elif last.get("ending") == "asked":
            self.watcher.note(f"Answer with: nexus run --thread {self.thread_id} 'your answer'", tone="warn")
        self.thread_id = None
        return code_at(dict(last))

    def say_how_to_go_on(self) -> None:
        """After an interruption: where it can be continued."""
        if self.thread_id:
            self.watcher.note(f"Go on with: nexus run --thread {self.thread_id}", tone="warn")


def watcher_for(*, as_json: bool) -> Watcher:
    """A screen for a person, or JSON lines for a program."""
    if as_json:
        return JsonLines()
    from nexus.cli.screen import Screen

    return Screen()


def carry_out(work: Callable[[Session], Awaitable[int]], *, as_json: bool = False) -> NoReturn:
    """Run a command to its end and leave with its exit code, whatever happens."""
    session = Session(watcher_for(as_json=as_json))

    async def main() -> int:
        return await work(session)

    try:
        code = asyncio.run(main())
    except (KeyboardInterrupt, Stopped):
        code = STOPPED
        session.watcher.note("Stopped. What was begun is on disk; nothing is done twice.", tone="warn")
        session.say_how_to_go_on()
    except NexusError as error:
        code = code_of(error)
        session.watcher.error(error, code=code)
        if code != USAGE:
            session.say_how_to_go_on()
    finally:
        session.watcher.close()
    raise typer.Exit(code)
