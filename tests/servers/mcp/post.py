"""A streamable HTTP server made with the `mcp` package: one can look into it, and it fails as it is told."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, ImageContent, TextContent, ToolAnnotations
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.servers.running import running

KEY = "Bearer t0p-s3cret"
PIXEL = base64.b64encode(b"12 bytes....").decode()


@dataclass
class Post:
    """Mails that were sent, and what to do with the next calls.

    Attributes:
        fail_with: An HTTP status that calls are answered with, before they reach the server.
        times: How many calls that befalls; None: all.
        retry_after: Seconds that such an answer asks to wait.
        calls: How many calls came.
        break_off: Calls act, and then the connection breaks before the answer.
        hang: Calls are not answered until whoever calls hangs up.
    """

    sent: list[str] = field(default_factory=list[str])
    fail_with: int | None = None
    break_off: bool = False
    hang: bool = False
    times: int | None = None
    retry_after: str | None = None
    calls: int = 0

    def server(self) -> MCPServer:
        """The tools."""
        made = MCPServer("post")

        @made.tool(annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))
        def count() -> int:
            """How many mails were sent."""
            return len(self.sent)

        @made.tool()
        def send(to: str) -> str:
            """Send a mail."""
            if to == "nobody":
                raise ToolError("nobody lives there")
            self.sent.append(to)
            return f"Sent to {to}."

        @made.tool()
        def photo() -> CallToolResult:
            """Take a photo."""
            parts = [
                TextContent(type="text", text="Click."),
                ImageContent(type="image", data=PIXEL, mime_type="image/png"),
            ]
            return CallToolResult(content=parts)  # type: ignore[arg-type]  # a list of one of the kinds it takes

        @made.tool()
        async def grow(context: Context[Any]) -> str:
            """Offer one more tool, and say so."""
            made.add_tool(lambda: "new", name="new", description="A new one.")
            await context.notify_tools_changed()
            return "Grown."

        return made

    def app(self, inner: ASGIApp) -> ASGIApp:
        """The server's application behind a door that asks for the key and makes the trouble."""

        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return await inner(scope, receive, send)
            headers = dict(scope["headers"])
            is_call = headers.get(b"mcp-method", b"") == b"tools/call"
            if headers.get(b"authorization", b"").decode() != KEY:
                return await Response(status_code=401)(scope, receive, send)
            self.calls += is_call
            goes_wrong = is_call and (self.times is None or self.calls <= self.times)
            if goes_wrong and self.fail_with:
                wait = {"retry-after": self.retry_after} if self.retry_after else {}
                return await Response(status_code=self.fail_with, headers=wait)(scope, receive, send)
            if goes_wrong and self.hang:
                return await _until_hung_up(receive)
            if goes_wrong and self.break_off:
                return await inner(scope, receive, _swallowed)
            return await inner(scope, receive, send)

        return door


async def _until_hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _swallowed(_message: Any) -> None:
    """An answer that never gets out; uvicorn then closes the connection."""


@contextmanager
def serving(post: Post) -> Iterator[str]:
    """The endpoint's URL, served until the block ends."""
    with running(post.app(post.server().streamable_http_app()), lifespan="on") as url:
        yield f"{url}/mcp"
