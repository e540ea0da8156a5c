"""How people and programs are told what happened, and how they answer: what all users of a Nexus share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from nexus.notify.incoming import SignedDecisions
from nexus.notify.sender import Answer
from nexus.notify.slack import SlackButtons
from nexus.ports.clock import Clock
from nexus.ports.deliveries import Deliveries
from nexus.ports.endpoints import Endpoints
from nexus.ports.links import Links

log = logging.getLogger("nexus.notify")


class Worker(Protocol):
    """Works in the background until it is told to stop."""

    async def run(self) -> None:
        """Work; ends after `stop`."""
        ...

    def stop(self) -> None:
        """Begin nothing more."""
        ...


class Channel(Protocol):
    """Sends to people."""

    async def send(self, title: str, text: str) -> Answer:
        """Send a text. Raises NotDelivered."""
        ...


@dataclass(frozen=True, slots=True)
class Notices:
    """What the surfaces may use of it.

    Attributes:
        endpoints: Those of one user, by the user's id; of None, all.
        deliveries: The same for what is on its way to them.
        check_url: Refuses what no message may be sent to. Raises InvalidInput.
        deliverer: Sends what is due.
        decisions: Lets in what programs decide.
        links: By which people decide.
        clock: Says how old a page is.
        slack: Takes presses of buttons in Slack; None if there are none.
        channels: What sends to people, by the setting that says where.
    """

    endpoints: Callable[[str | None], Endpoints]
    deliveries: Callable[[str | None], Deliveries]
    check_url: Callable[[str], object]
    deliverer: Worker
    decisions: SignedDecisions
    links: Links
    clock: Clock
    slack: SlackButtons | None = None
    channels: Mapping[str, Channel] = field(default_factory=dict[str, "Channel"])


@asynccontextmanager
async def working(worker: Worker, *, grace: float) -> AsyncGenerator[None]:
    """Let it work beside the block; at the end what is under way may take `grace` seconds more."""

    async def watched() -> None:
        try:
            await worker.run()
        # Nobody awaits it before the end, so its failure has to be told here.
        except Exception as error:  # noqa: BLE001
            log.error("nothing is sent any more, until the next start: %s", type(error).__name__)  # noqa: TRY400

    task = asyncio.create_task(watched())
    try:
        yield
    finally:
        worker.stop()
        await asyncio.wait({task}, timeout=grace)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
