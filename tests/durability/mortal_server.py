"""Servers of an office whose model wants to send one mail, in processes that can die.

As a program it takes the office's folder and says on standard output where it listens; while the file `hang`
is there, its model never answers. `Life` forks such a server out of a program that has everything imported;
there the folder's `hang` stops whatever thinks: the model, and the node of a graph of somebody else's.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, Self, cast

import httpx

from nexus.api import server as api
from nexus.api.server import Server, configured, create_api, listen
from nexus.core.tool import ToolSpec
from nexus.ports.model import ChatMessage, Completion
from nexus.runtime import driving
from nexus.runtime.sweeping import sweeping
from nexus.wiring.graphs import Loaded
from tests.api.serving import READ, SEND, GatedTools, Office, Script
from tests.durability.mortal_graph import MIND, works
from tests.durability.points import Points
from tests.planned_model import PlannedModel
from tests.world import Post

MAIL = {"to": "ana@example.com", "subject": "hello"}

SWEEP_SECONDS = 0.2
"""How often the servers that die look after what nobody drives."""

AGAIN_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""When they try again what their store was not there for."""


class Hanging(Script):
    """Says that it was asked, and no more, while it is to hang."""

    home = Path()

    async def complete(self, messages: Sequence[ChatMessage], **asked: Any) -> Completion:
        if (self.home / "hang").exists():
            (self.home / "asked").touch()
            await asyncio.Event().wait()
        return await super().complete(messages, **asked)


@dataclass
class Thinking(PlannedModel):
    """A planned model whose server may die while it thinks."""

    async def complete(self, messages: Sequence[ChatMessage], **asked: Any) -> Completion:
        await MIND.think()
        return await super().complete(messages, **asked)


@dataclass
class Outbox(Post):
    """The office's tools over a file that outlives the process."""

    specs: dict[str, ToolSpec] = field(default_factory=lambda: {spec.slug: spec for spec in (SEND, READ)})
    name: str = "office"

    async def tools(self) -> Sequence[ToolSpec]:
        """Those of the office."""
        return list(self.specs.values())


@dataclass(frozen=True)
class Shifted:
    """The machine's clock, turned."""

    by: timedelta = timedelta()

    def now(self) -> datetime:
        """The time it shows."""
        return datetime.now(UTC) + self.by


@cache
def mortal() -> tuple[Office, Any]:
    """An office whose folder and clock are chosen later, and its application, which takes long to make."""
    model = Thinking((("send", MAIL),), answer="Sent.")
    office = Office(Path(os.devnull), model=cast("Any", model), graphs=(Loaded("works", works),))
    cast("Any", api).sweeping = partial(sweeping, seconds=SWEEP_SECONDS)
    driving.AGAIN_SECONDS = AGAIN_SECONDS
    return office, create_api(office.open_services, office.settings)


class Life:
    """One server in a process of its own, from its start to its death, and a client of it.

    Args:
        home: The office's folder; what it sends is written into the folder beside it.
        deadly: The place to die at; None: it lives until it is killed.
        clock: How far its clock is turned.
    """

    def __init__(self, home: Path, *, deadly: int | None = None, clock: timedelta = timedelta()) -> None:
        self._home = home
        self._deadly = deadly
        self._clock = clock
        self.is_over = False

    def __enter__(self) -> Self:
        office, app = mortal()
        office.home, office.clock = self._home, Shifted(self._clock)
        listener = listen(office.settings)
        server = Server(configured(app), listener)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._live(office, server, listener)
            finally:
                os._exit(1)
        self.client = httpx.Client(base_url=server.url, timeout=60, trust_env=False)
        listener.close()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.kill()

    def kill(self) -> None:
        """End it, if it has not ended."""
        if not self.is_over:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.is_over = True

    def _live(self, office: Office, server: Server, listener: Any) -> None:
        folder = self._home.parent
        folder.mkdir(parents=True, exist_ok=True)
        # Its standard output and error would be the test program's.
        log = os.open(folder / "server.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        logging.disable(logging.INFO)
        points = Points(self._deadly, folder / "points")
        MIND.folder, MIND.reach = folder, points.reach
        office.database, office.on_checkpoints = points.database(), points.around_checkpoints
        office.tools = cast("GatedTools", Outbox(folder / "outbox.jsonl", sabotage=points.around_the_call))
        try:
            server.run(sockets=[listener])
        except BaseException:
            traceback.print_exc()
            raise


def effects_of(home: Path) -> list[dict[str, Any]]:
    """What was sent from the office in that folder."""
    return Outbox(home.parent / "outbox.jsonl").effects


def main() -> None:
    """Serve until killed."""
    model = Hanging()
    model.home = Path(sys.argv[1])
    model.calls(("send", {"to": "ana", "subject": "Hello"}), answer="Sent.")
    office = Office(model.home / "home", model=model)
    office.tools.gate.set()
    listener = listen(office.settings)
    Server(configured(create_api(office.open_services, office.settings)), listener).run(sockets=[listener])


if __name__ == "__main__":
    main()
