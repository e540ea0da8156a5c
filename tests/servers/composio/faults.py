"""Everything that comes in is noted here, and goes wrong here when it is told to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.servers.composio.errors import RATE_LIMIT, RATE_LIMIT_HEADERS, ApiError

Kind = Literal[
    "timeout", "drop", "401", "403", "404", "409", "422", "429", "500", "502", "unsuccessful", "junk"
]
API = "/api/v3.1"
_LONGEST_HANG_S = 120.0
_STATUS = {
    "401": ("HTTP_Unauthorized", "Invalid API key"),
    "403": ("HTTP_Forbidden", "This API key may not do this"),
    "404": ("HTTP_NotFound", "Not found"),
    "409": ("HTTP_Conflict", "The resource changed meanwhile"),
    "422": ("ActionExecute_ConnectedAccountInvalidState", "The connected account cannot be used now"),
    "500": ("HTTP_InternalServerError", "Something went wrong on our side"),
}


class Fault(BaseModel):
    """Something that goes wrong with requests.

    Attributes:
        kind: What goes wrong; the numbers are HTTP statuses.
        when: Whether the request was carried out before it goes wrong.
        on: Method and path below `/api/v3.1`, with `*` for any text.
        times: How many requests it hits; then it is used up.
        skip: How many requests pass before the first is hit.
        retry_after: Seconds a 429 asks to wait.
        message: What `unsuccessful` says.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    when: Literal["before", "after"] = "before"
    on: str = "POST /tools/execute/*"
    times: int = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)
    retry_after: float = 1
    message: str = "The app could not do it."


@dataclass
class Seen:
    """One request, as it came in; `status` is what was answered, None if nothing."""

    call: str
    query: str
    body: Any
    status: int | None = None
    fault: Kind | None = None


@dataclass
class Faults:
    """The outermost layer of the stand-in; `struck` is set once a fault is about to show."""

    app: ASGIApp
    waiting: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    struck: threading.Event = field(default_factory=threading.Event)

    def counts(self) -> Counter[str]:
        """How often each method and path was requested, faulty or not."""
        return Counter(each.call for each in self.seen)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self.app(scope, receive, send)
            return
        body = await _body_of(receive)
        call = f"{scope['method']} {scope['path'].removeprefix(API)}"
        seen = Seen(call, scope["query_string"].decode(), _parsed(body))
        self.seen.append(seen)
        fault = self._take(seen.call)
        if fault is None:
            await self.app(scope, _again(body, receive), _noting(seen, send))
            return
        seen.fault = fault.kind
        if fault.when == "after":
            await self.app(scope, _again(body, receive), _swallow)
        self.struck.set()
        await _go_wrong(fault, scope, receive, send)

    def _take(self, call: str) -> Fault | None:
        """The first fault for this call that is due; every fault it matches counts it."""
        for fault in [each for each in self.waiting if fnmatchcase(call, each.on)]:
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            if not fault.times:
                self.waiting.remove(fault)
            return fault
        return None


async def _go_wrong(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    match fault.kind:
        case "timeout":
            await _until_hung_up(receive)
        case "drop":
            await _drop(receive, send)
        case _:
            await _answer(fault, scope["path"])(scope, receive, send)


def _answer(fault: Fault, path: str) -> Response:
    match fault.kind:
        case "429":
            headers = {**RATE_LIMIT_HEADERS, "Retry-After": f"{fault.retry_after:g}"}
            return JSONResponse(RATE_LIMIT, 429, headers)
        case "502":
            return Response("<html><h1>502 Bad Gateway</h1></html>", 502, media_type="text/html")
        case "junk":
            return Response("<html>It works!</html>", 200, media_type="application/json")
        case "unsuccessful":
            result = {"data": {}, "error": fault.message, "log_id": "log_fault"}
            session = "/tool_router/" in path
            return JSONResponse(result | ({"result_type": "failed"} if session else {"successful": False}))
        case kind:
            slug, message = _STATUS[kind]
            status = int(kind)
            return JSONResponse(ApiError(status, slug, 10_000 + status, message).body, status)


async def _until_hung_up(receive: Receive) -> None:
    async with asyncio.timeout(_LONGEST_HANG_S):
        while (await receive())["type"] != "http.disconnect":
            pass


async def _drop(receive: Receive, send: Send) -> None:
    """Close the connection without a byte of an answer: ASGI cannot, uvicorn's transport can."""
    cycle = getattr(send, "__self__", None)
    if cycle is None:
        raise RuntimeError("dropping a connection needs uvicorn, with nothing around this layer")
    cycle.transport.abort()
    await _until_hung_up(receive)


async def _swallow(message: Message) -> None:
    """The answer nobody gets."""


async def _body_of(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then what really comes."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay


def _noting(seen: Seen, send: Send) -> Send:
    async def note(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen.status = message["status"]
        await send(message)

    return note


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")
