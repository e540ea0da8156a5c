"""Stands before every route: only this machine's own names, pages and plain, bounded JSON come in."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterable
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nexus.api.errors import http_problem, render
from nexus.core.canonical import parse_json
from nexus.errors import ArgumentsInvalid

MAX_BODY = 1024 * 1024
"""Bytes of a request's body."""

MAX_DEPTH = 64
"""Levels of nesting of a body. Checkpoints (msgpack) fail between 100 and 500."""

BODY_SECONDS = 30.0
"""How long a client may take to send its body."""

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+?)\.?(?::(\d{1,5}))?")
_ORIGIN = re.compile(r"(https?)://([^/@\s]+)")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PORTS = {"http": "80", "https": "443"}
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)


class _Refused(Exception):
    def __init__(self, status: int, detail: str, remedy: str | None = None) -> None:
        self.problem = http_problem(status, detail, remedy=remedy)
        super().__init__(detail)


class Guard:
    """Plain ASGI middleware against DNS rebinding, cross-site requests and hostile bodies."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = LOOPBACK_NAMES | {_bracketed(host) for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, with its body read and checked, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        headers = Headers(scope=scope)
        try:
            host = self._checked_host(headers)
            if scope["method"] not in _SAFE_METHODS:
                _check_origin(headers, host)
            body = await _read(headers, receive) if _has_body(headers) else None
        except _Refused as refused:
            await render(refused.problem)(scope, receive, send)
        else:
            await self._app(scope, receive if body is None else _replay(body, receive), send)

    def _checked_host(self, headers: Headers) -> tuple[str, str | None]:
        """Name and port of the one Host header."""
        values = headers.getlist("host")
        match = _HOST.fullmatch(values[0].lower()) if len(values) == 1 else None
        if match is None or match[1] not in self._hosts:
            raise _Refused(
                421,
                "This server does not answer to that host name.",
                "Use http://127.0.0.1 or http://localhost with its port.",
            )
        return match[1], match[2]


def _check_origin(headers: Headers, host: tuple[str, str | None]) -> None:
    """A page may change something only if it came from this server; programs send no Origin."""
    name, port = host
    for origin in headers.getlist("origin"):
        match = _ORIGIN.fullmatch(origin.lower())
        there = _HOST.fullmatch(match[2]) if match else None
        if not match or not there or there[1] != name or (there[2] or _PORTS[match[1]]) != (port or "80"):
            raise _Refused(403, "A page of another site may not change anything here.")


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _read(headers: Headers, receive: Receive) -> bytes:
    """The whole body, if it is acceptable."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _Refused(415, "The body must be JSON.", "Send Content-Type: application/json.")
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise _Refused(400, "The Content-Length is not a number.")
    if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _collect(receive)
    except TimeoutError as error:
        raise _Refused(408, f"The body did not arrive within {BODY_SECONDS:.0f} seconds.") from error
    if body:
        _check_json(body)
    return body


async def _collect(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refused(400, "The body ended early.")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise _too_large()
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _too_large() -> _Refused:
    return _Refused(413, f"The body is larger than {MAX_BODY:,} bytes.", "Put long text into a file or note.")


def _check_json(body: bytes) -> None:
    """Refuse what parsers accept in silence, and what cannot be stored."""
    try:
        problem = _problem(parse_json(body.decode("utf-8")))
    except UnicodeDecodeError:
        problem = "it is not UTF-8"
    except ArgumentsInvalid as error:
        problem = error.message.removeprefix("arguments: ")
    if problem:
        raise _Refused(400, f"The body is not acceptable JSON: {problem[:300]}.")


def _problem(document: Any) -> str | None:
    """What is wrong with a parsed document, or None. No recursion: the document chooses its depth."""
    pending: list[tuple[Any, int]] = [(document, 0)]
    while pending:
        value, depth = pending.pop()
        match value:
            case dict() | list() if depth >= MAX_DEPTH:
                return f"it is nested deeper than {MAX_DEPTH} levels"
            case dict():
                pending += [(part, depth + 1) for item in value.items() for part in item]
            case list():
                pending += [(part, depth + 1) for part in value]
            case float() if not math.isfinite(value):
                return "a number is too large"
            case str() if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
                return "a text holds half of a character (a lone surrogate)"
            case _:
                pass
    return None


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out the body that was read, and then what comes after it."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
        await send(message)

    return guarded


def _bracketed(host: str) -> str:
    name = host.lower().rstrip(".")
    return f"[{name}]" if ":" in name and not name.startswith("[") else name
