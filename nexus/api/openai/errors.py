"""Every problem under `/v1` tells the same in OpenAI's words too, wherever on the way it came from."""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nexus.api.errors import MEDIA_TYPE, Problem

PREFIX = "/v1/"

_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
_AGAIN = frozenset({429, 503})
_INSIDE = 500


def error_of(problem: Problem) -> dict[str, Any]:
    """The problem as OpenAI's clients know it."""
    kind = problem.type.rsplit(":", 1)[-1].replace("-", "_")
    is_ours = problem.type.startswith("urn:")
    return {
        "message": " ".join(filter(None, (problem.detail, problem.remedy))),
        "type": "server_error" if problem.status >= _INSIDE else "invalid_request_error",
        "param": problem.field,
        "code": _CODES.get(problem.status) or (kind if is_ours else None),
    }


class OpenAIErrors:
    """Plain ASGI middleware around everything that may refuse a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; a problem of a path under `/v1` gets its member `error`."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Telling(send))


class _Telling:
    """Holds the beginning of a problem back until its body is there."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_problem(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._tell(self._start)

    async def _tell(self, start: Message) -> None:
        problem = Problem.model_validate_json(self._body)
        told = problem.model_copy(update={"error": error_of(problem)})
        body = json.dumps(told.model_dump(exclude_none=True, mode="json")).encode()
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["Content-Length"] = str(len(body))
        # The clients repeat by themselves what failed; a run is not to be begun again unasked.
        headers["X-Should-Retry"] = "true" if problem.status in _AGAIN else "false"
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})


def _is_problem(message: Message) -> bool:
    return MutableHeaders(raw=list(message["headers"])).get("content-type", "") == MEDIA_TYPE
