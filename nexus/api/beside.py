"""An operator's own application beside this server's routes, and what `langgraph.json` says of those."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, WebSocket
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from nexus.api.access import identified_by_headers, identified_by_socket
from nexus.api.hook import Asker
from nexus.errors import Unidentified

_OF_ASGI = (
    "type",
    "asgi",
    "http_version",
    "method",
    "scheme",
    "path",
    "raw_path",
    "query_string",
    "root_path",
    "headers",
    "client",
    "server",
    "subprotocols",
    "extensions",
)
"""What a request is. What else its scope holds, FastAPI noted for this server's own routes."""


@dataclass(frozen=True, slots=True)
class Http:
    """What the file says under `http`.

    Attributes:
        app: Serves the paths that this server has no route of its own for.
        needs_key: Whether those need a key too; by default whoever wrote them looks after that.
        disabled: Which of this server's routes are left out: assistants, threads, runs, store.
        origins: Origins of pages that may use the API.
    """

    app: Starlette | None = None
    needs_key: bool = False
    disabled: frozenset[str] = frozenset()
    origins: tuple[str, ...] = ()


@dataclass(slots=True)
class Beside:
    """Serves what no route of this server fits; it runs as long as the server does."""

    http: Http
    routes: Sequence[BaseRoute]
    _state: dict[str, Any] = field(default_factory=dict[str, Any])

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Its own start before the first request, its own end behind the last."""
        if self.http.app is None:
            yield
            return
        async with self.http.app.router.lifespan_context(self.http.app) as state:
            self._state = dict(state or {})
            yield

    def takes(self, scope: Scope) -> bool:
        """True if it is the application's: this server has no route of that path, with whatever method."""
        return self.http.app is not None and all(
            route.matches(scope)[0] is Match.NONE for route in self.routes
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; what this server keeps for its own routes is not handed on."""
        if self.http.app is None:
            raise AssertionError("nothing is beside")
        own = {name: scope[name] for name in _OF_ASGI if name in scope}
        own["state"] = dict(self._state)
        if self.http.needs_key:
            try:
                asker = await _asker(scope, receive, send)
            except Unidentified as error:
                if scope["type"] != "websocket":
                    raise
                await send({"type": "websocket.close", "code": 4401, "reason": error.message})
                return
            own |= {"user": asker, "auth": AuthCredentials(asker.permissions)}
        await self.http.app(own, receive, send)


async def _asker(scope: Scope, receive: Receive, send: Send) -> Asker:
    """Who asks, as `request.user` tells the application. Raises Unidentified."""
    if scope["type"] == "websocket":
        return Asker({"identity": await identified_by_socket(WebSocket(scope, receive, send))})
    request = Request(scope)  # without its body: that is for the application to read
    caller = await identified_by_headers(request)
    asker: Asker | None = getattr(request.state, "asker", None)
    return asker or Asker({"identity": caller.user, "permissions": [caller.role]})
