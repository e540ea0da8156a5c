"""HTTP to an MCP server, with failures told as answers to the one request they befell.

The client of `mcp` 2.3 lets a refused connection end the whole session, with every other call under way, and
tells all HTTP errors alike. What became of a call must be known as exactly as it can be.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any, Literal

import httpx2
from mcp_types import CONNECTION_CLOSED

from nexus.tools.retry_after import seconds_of

Fate = Literal["not sent", "refused", "lost"]
"""What became of a request that got no answer of the server's own."""

_REFUSED = (401, 403)
_NOT_NOW = 429
_NO_SUCH_SESSION = 404
_SESSION = "mcp-session-id"


class AnsweringTransport(httpx2.AsyncBaseTransport):
    """Makes a JSON-RPC error of whatever keeps a request from being answered.

    Args:
        on_end: Called when the server does not know the session any more.
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._inner = httpx2.AsyncHTTPTransport()
        self._on_end = on_end
        self._seal = secrets.token_hex(8)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The server's response, or one made here."""
        if request.method != "POST":
            return await self._inner.handle_async_request(request)
        try:
            response = await self._inner.handle_async_request(request)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            return self._answer(request, "not sent", f"it cannot be reached ({type(error).__name__})")
        except httpx2.TransportError as error:
            return self._answer(request, "lost", f"the connection broke ({type(error).__name__})")
        fate = self._fate(request, response)
        if fate is None:
            return response
        await response.aclose()
        wait = seconds_of(response.headers.get("retry-after"))
        return self._answer(request, fate, f"it answers {response.status_code}", wait)

    def fate_of(self, data: Any) -> tuple[Fate | None, float | None]:
        """What an error's data says, and how long the server asks to wait.

        Only if it was written here: a server cannot know the seal.
        """
        found = data.get(self._seal) if isinstance(data, dict) else None
        return (found[0], found[1]) if found else (None, None)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    def _fate(self, request: httpx2.Request, response: httpx2.Response) -> Fate | None:
        if response.status_code in _REFUSED:
            return "refused"
        if response.status_code == _NO_SUCH_SESSION and _SESSION in request.headers:
            self._on_end()
            return "not sent"
        return "not sent" if response.status_code == _NOT_NOW else None

    def _answer(
        self, request: httpx2.Request, fate: Fate, why: str, wait: float | None = None
    ) -> httpx2.Response:
        number = json.loads(request.content).get("id")
        if number is None:
            return httpx2.Response(202, request=request)
        error = {"code": CONNECTION_CLOSED, "message": why, "data": {self._seal: [fate, wait]}}
        return httpx2.Response(200, request=request, json={"jsonrpc": "2.0", "id": number, "error": error})
