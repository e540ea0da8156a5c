"""Clients that do not wait, for programs that try every request and cannot know which never end."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nexus.api.connections import LONGEST_WAIT

STREAM_SECONDS = 0.1
"""How long a stream is listened to."""


LONGEST = 366 * 86_400
"""Seconds that a run may be put off; what is more is left to be refused."""

_WAIT = re.compile(rb"(?<![^&])wait=(\d+\.?\d*)(?![^&])")


class Impatient:
    """Plain ASGI middleware: leaves every stream soon, waits for no one, lets begin now what should later."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    @classmethod
    def before(cls, app: FastAPI) -> None:
        """Put it in front of an application."""
        app.add_middleware(cls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, as if the client left once it has listened for a while."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        listener = _Listener(await _without_delay(receive), receive, send)
        is_number = scope["path"].startswith("/connections/")  # elsewhere `wait` says whether
        query = _WAIT.sub(_without_wait, scope["query_string"]) if is_number else scope["query_string"]
        await self._app({**scope, "query_string": query}, listener.receive, listener.send)
        await listener.end()


class _Listener:
    def __init__(self, body: bytes, receive: Receive, send: Send) -> None:
        self._body: bytes | None = body
        self._receive, self._send = receive, send
        self._streams = asyncio.Event()
        self._is_open = False

    async def receive(self) -> Message:
        """The body; then that the client has gone: at once after a while, if it listens to a stream."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        gone = asyncio.ensure_future(self._receive())
        streams = asyncio.ensure_future(self._streams.wait())
        await asyncio.wait({gone, streams}, return_when=asyncio.FIRST_COMPLETED)
        if not gone.done():
            await asyncio.wait({gone}, timeout=STREAM_SECONDS)
        for each in (gone, streams):
            each.cancel()
        await asyncio.gather(gone, streams, return_exceptions=True)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Pass it on; note a stream."""
        if message["type"] == "http.response.start":
            kinds = [value for name, value in message["headers"] if name.lower() == b"content-type"]
            if any(kind.startswith(b"text/event-stream") for kind in kinds):
                self._streams.set()
        self._is_open = bool(message.get("more_body", message["type"] == "http.response.start"))
        await self._send(message)

    async def end(self) -> None:
        """Of a stream that was left."""
        if self._is_open:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _without_wait(found: re.Match[bytes]) -> bytes:
    """The same without a wait; what is longer than one may be is left to be refused."""
    return b"wait=0" if float(found[1]) <= LONGEST_WAIT else found[0]


async def _without_delay(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    try:
        sent: Any = json.loads(body)
    except ValueError:
        return body
    delay = sent.get("after_seconds") if isinstance(sent, dict) else None
    is_later = isinstance(delay, int | float) and not isinstance(delay, bool) and 0 < delay <= LONGEST
    return json.dumps({**sent, "after_seconds": 0}).encode() if is_later else body
