"""A receiver of webhooks, with faults; it checks nothing, the tests do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from tests.servers.running import running


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came, and what to answer: `answers` are used up in order, then it is 204.

    An answer is a status, or a status and headers, or `hang` (until the connection ends).
    """

    answers: list[Any] = field(default_factory=list[Any])
    received: list[Received] = field(default_factory=list[Received])
    url: str = ""
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.received.append(Received(scope["path"], headers, body))
        answer = self.answers.pop(0) if self.answers else 204
        self.arrived.release()
        if answer == "hang":
            await asyncio.Event().wait()
        status, more = answer if isinstance(answer, tuple) else (answer, {})
        lines = [(name.lower().encode(), value.encode()) for name, value in more.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": b""})

    def wait(self, seconds: float = 30) -> None:
        """Wait for one more request."""
        assert self.arrived.acquire(timeout=seconds), "nothing arrived"


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that runs on loopback."""
    receiver = Receiver()
    with running(receiver) as url:
        receiver.url = url
        yield receiver
