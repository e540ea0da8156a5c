"""A stand-in for a local OpenAI-compatible server over real HTTP. `python -m tests.servers.openai`."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.servers.running import serve_forever
from tests.servers.script import Dropped, Script, count_tokens, pieces

NAME = "local-model"


@dataclass
class OpenAIStandIn(Script):
    """Answers like llama-server or vLLM."""

    model: str = NAME

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.take(body)
        match self.fault:
            case "slow":
                await self.until_left(request)
            case "500":
                return JSONResponse({"error": {"message": "out of memory"}}, 500)
            case "busy":
                return JSONResponse({"error": {"message": "overloaded"}}, 503)
            case "junk":
                return PlainTextResponse("data: <html>It works!</html>\n\n")
            case "over-long":
                return JSONResponse({"error": {"message": "exceeds the available context size"}}, 400)
            case _:
                pass
        if self.fault == "missing" or body["model"] != self.model:
            return JSONResponse({"error": {"message": "The model does not exist"}}, 404)
        return StreamingResponse(self._stream(body), media_type="text/event-stream")

    async def _stream(self, body: dict[str, Any]) -> AsyncIterator[str]:
        try:
            async for event in self._events(body):
                yield f"data: {json.dumps({'object': 'chat.completion.chunk', **event})}\n\n"
            yield "data: [DONE]\n\n"
        except (asyncio.CancelledError, GeneratorExit):
            self.hung_up.set()
            raise

    async def _events(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        if self.fault == "load":
            yield _choice("", "stop")
            return
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
        text = pieces(self.text(schema))
        for number, piece in enumerate(text):
            if self.fault == "cut" and number == 1:
                raise Dropped
            if self.fault == "length" and number == 2:
                break
            yield _choice(piece, None, self._logprobs() if body.get("logprobs") and not number else None)
        while self.fault == "endless":
            await asyncio.sleep(0.01)
            yield _choice("more ", None)
        yield _choice("", "length" if self.fault == "length" else "stop")
        counted = 3 if self.fault == "shortened" else count_tokens(body["messages"])
        yield {"choices": [], "usage": {"prompt_tokens": counted, "completion_tokens": len(text)}}

    def _logprobs(self) -> dict[str, Any] | None:
        if self.yes is None:
            return None
        top = [
            {"token": "Yes", "logprob": math.log(self.yes)},
            {"token": " no", "logprob": math.log(1 - self.yes)},
        ]
        return {"content": [{**top[0], "top_logprobs": top}]}


def _choice(text: str, reason: str | None, logprobs: dict[str, Any] | None = None) -> dict[str, Any]:
    delta = {"content": text} if text else {}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": logprobs}]}


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--model", default=NAME)
    given = parser.parse_args()
    serve_forever(OpenAIStandIn(model=given.model).app, given.port)


if __name__ == "__main__":
    main()
