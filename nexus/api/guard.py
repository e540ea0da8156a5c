"""Stands before every route: only this machine's own names, pages and plain, bounded JSON come in."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nexus.api.errors import http_problem, render
from nexus.core.canonical import parse_json
from nexus.errors import ArgumentsInvalid

PAGES = "/ui/"
"""Where the paths of pages begin: they take forms, of which each route checks the token."""

FORMS = frozenset({"/decide", "/webhooks/slack"})
"""The other paths that take a form: a page's, or of a service that sends none but forms. All else is JSON."""

_FORM = "application/x-www-form-urlencoded"
_FORM_WITH_FILES = "multipart/form-data"

MAX_BODY = 1024 * 1024
"""Bytes of a request's body."""

MAX_DEPTH = 64
"""Levels of nesting of a body. Checkpoints (msgpack) fail between 100 and 500."""

BODY_SECONDS = 30.0
"""How long a client may take to send its body."""

FORBIDDEN = 4403
"""The code that a socket is closed with: 4000 and the status of HTTP."""

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
    """Plain ASGI middleware against DNS rebinding, cross-site requests and hostile bodies.

    Bodies of what `is_others` (an operator's own application) are neither read nor judged here.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Iterable[str],
        public_url: str | None = None,
        origins: Iterable[str] = (),
        is_others: Callable[[Scope], bool] = lambda _: False,
    ) -> None:
        self._app = app
        self._is_others = is_others
        self._origins = frozenset(origins)
        public = _ORIGIN.fullmatch(public_url) if public_url else None
        name = _HOST.fullmatch(public[2]) if public else None
        self._trusted = self._origins | ({public_url} if public_url else set())
        self._hosts = LOOPBACK_NAMES | {_bracketed(host) for host in hosts} | ({name[1]} if name else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, with its body read and checked, or answer it here."""
        if scope["type"] == "websocket":
            await self._watched(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        headers = Headers(scope=scope)
        try:
            host = self._checked_host(headers)
            if scope["method"] not in _SAFE_METHODS:
                _check_origin(headers, host, self._trusted)
            is_judged = _has_body(headers) and not self._is_others(scope)
            if is_judged and self._is_studio(headers):
                scope = _as_json(scope)
                headers = Headers(scope=scope)
            body = await _read(scope["path"], headers, receive) if is_judged else None
        except _Refused as refused:
            await render(refused.problem)(scope, receive, send)
        else:
            await self._app(scope, receive if body is None else _replay(body, receive), send)

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A socket changes things too, and browsers ask nobody before they open one."""
        headers = Headers(scope=scope)
        try:
            _check_origin(headers, self._checked_host(headers), self._trusted)
        except _Refused:
            await send({"type": "websocket.close", "code": FORBIDDEN})  # before it is open: HTTP 403
        else:
            await self._app(scope, receive, send)

    def _is_studio(self, headers: Headers) -> bool:
        """Pages of an origin that was let in may send JSON as plain text, as LangGraph Studio does.

        Nobody else: plain text is what a hostile page can send without being asked whether it may.
        """
        is_text = headers.get("content-type", "").partition(";")[0].strip().lower() == "text/plain"
        return is_text and headers.get("origin", "").lower() in self._origins

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


def _check_origin(headers: Headers, host: tuple[str, str | None], trusted: Collection[str]) -> None:
    """A page may change something only if it came from this server or is trusted; programs send no Origin.

    Behind whatever serves the public URL, with TLS, the ports of both differ: it is among the trusted.
    """
    name, port = host
    for origin in headers.getlist("origin"):
        if origin.lower() in trusted:
            continue
        match = _ORIGIN.fullmatch(origin.lower())
        there = _HOST.fullmatch(match[2]) if match else None
        if not match or not there or there[1] != name or (there[2] or _PORTS[match[1]]) != (port or "80"):
            raise _Refused(403, "A page of another site may not change anything here.")


def _as_json(scope: Scope) -> Scope:
    others = [(name, value) for name, value in scope["headers"] if name.lower() != b"content-type"]
    return {**scope, "headers": [*others, (b"content-type", b"application/json")]}


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _read(path: str, headers: Headers, receive: Receive) -> bytes:
    """The whole body, if it is acceptable."""
    kinds, name = _taken(path)
    if headers.get("content-type", "").partition(";")[0].strip().lower() not in kinds:
        raise _Refused(415, f"The body must be {name}.", f"Send Content-Type: {kinds[0]}.")
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
    if body and name == "JSON" and (problem := json_problem(body)):
        raise _Refused(400, f"The body is not acceptable JSON: {problem[:300]}.")
    return body


def _taken(path: str) -> tuple[Sequence[str], str]:
    """The media types of a body for that path, and what people call them."""
    if path.startswith(PAGES):
        return (_FORM, _FORM_WITH_FILES), "a form"
    return ((_FORM,), "a form") if path in FORMS else (("application/json",), "JSON")


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


def json_problem(body: bytes) -> str | None:
    """Why JSON is refused: for what parsers accept in silence, and what cannot be stored."""
    try:
        return _problem(parse_json(body.decode("utf-8")))
    except UnicodeDecodeError:
        return "it is not UTF-8"
    except ArgumentsInvalid as error:
        return error.message.removeprefix("arguments: ")


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
            own = list(message.get("headers", ()))
            named = {name.lower() for name, _ in own}
            message = {**message, "headers": [*own, *(each for each in _HEADERS if each[0] not in named)]}
        await send(message)

    return guarded


def _bracketed(host: str) -> str:
    name = host.lower().rstrip(".")
    return f"[{name}]" if ":" in name and not name.startswith("[") else name
