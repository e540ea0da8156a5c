"""A stand-in for Ollama over real HTTP: the routes Nexus uses. `python -m tests.servers.ollama`."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import shake_128
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.servers.running import serve_forever
from tests.servers.script import Dropped, Script, count_tokens, pieces

QWEN_3B = "qwen2.5-coder:3b"


@dataclass
class OllamaStandIn(Script):
    """Answers like Ollama. `models` is what it has: name to the facts of `/api/tags` and `/api/show`."""

    models: dict[str, dict[str, Any]] = field(default_factory=lambda: {QWEN_3B: {"size": 1_929_912_432}})
    embedded: list[list[str]] = field(default_factory=list[list[str]])

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/api/tags", self._tags),
                Route("/api/show", self._show, methods=["POST"]),
                Route("/api/chat", self._chat, methods=["POST"]),
                Route("/api/embed", self._embed, methods=["POST"]),
            ]
        )

    async def _tags(self, _request: Request) -> Response:
        listed = [{"name": name, "size": 0, **facts} for name, facts in self.models.items()]
        return JSONResponse({"models": listed})

    async def _show(self, request: Request) -> Response:
        name = (await request.json())["model"]
        if name not in self.models:
            return JSONResponse({"error": f"model '{name}' not found"}, 404)
        return JSONResponse(self.models[name])

    async def _embed(self, request: Request) -> Response:
        """Vectors of the model's `dimensions` that are the same for the same text, not of length one."""
        body = await request.json()
        facts = self.models.get(body["model"])
        if facts is None:
            return JSONResponse({"error": f"model '{body['model']}' not found"}, 404)
        if "dimensions" not in facts:
            return JSONResponse({"error": "this model does not support embeddings"}, 501)
        self.embedded.append(list(body["input"]))
        rows = [[float(1 + byte) for byte in _bytes_of(text, facts["dimensions"])] for text in body["input"]]
        return JSONResponse({"model": body["model"], "embeddings": rows})

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.take(body)
        match self.fault:
            case "slow":
                await self.until_left(request)
            case "500":
                return JSONResponse({"error": "llama runner process has terminated"}, 500)
            case "busy":
                return JSONResponse({"error": "server busy, please try again"}, 503)
            case "junk":
                return PlainTextResponse("<html>It works!</html>\n")
            case "over-long":
                return JSONResponse({"error": "the prompt exceeds the available context size"}, 400)
            case _:
                pass
        if self.fault == "missing" or body["model"] not in self.models:
            return JSONResponse({"error": f"model '{body['model']}' not found"}, 404)
        return StreamingResponse(self._stream(body), media_type="application/x-ndjson")

    async def _stream(self, body: dict[str, Any]) -> AsyncIterator[str]:
        try:
            async for event in self._events(body):
                yield json.dumps({"model": body["model"], **event}) + "\n"
        except (asyncio.CancelledError, GeneratorExit):
            self.hung_up.set()
            raise

    async def _events(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        if self.fault == "load":
            yield _end("load", body)
            return
        text = pieces(self.text(body.get("format")))
        for number, piece in enumerate(text):
            if self.fault == "cut" and number == 1:
                raise Dropped
            if self.fault == "length" and number == 2:
                break
            yield _piece(piece, self._logprobs() if body.get("logprobs") and not number else None)
        while self.fault == "endless":
            await asyncio.sleep(0.01)
            yield _piece("more ")
        counted = 3 if self.fault == "shortened" else count_tokens(body["messages"])
        reason = "length" if self.fault == "length" else "stop"
        yield _end(reason, body) | {"prompt_eval_count": counted, "eval_count": len(text)}

    def _logprobs(self) -> list[dict[str, Any]] | None:
        if self.yes is None:
            return None
        top = [
            {"token": "Yes", "logprob": math.log(self.yes)},
            {"token": " no", "logprob": math.log(1 - self.yes)},
        ]
        return [{**top[0], "top_logprobs": top}]


def _bytes_of(text: str, count: int) -> bytes:
    return shake_128(text.encode()).digest(count)


def _piece(text: str, logprobs: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    found = {"logprobs": logprobs} if logprobs else {}
    return {"message": {"role": "assistant", "content": text}, "done": False, **found}


def _end(reason: str, _body: dict[str, Any]) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": reason}


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=11434)
    parser.add_argument("--model", action="append", default=[])
    given = parser.parse_args()
    models = {name: {"size": 0} for name in given.model or [QWEN_3B]}
    serve_forever(OllamaStandIn(models=models).app, given.port)


if __name__ == "__main__":
    main()
