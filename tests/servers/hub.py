"""A stand-in for the Hugging Face hub: one small file, with ranges, and ways to go wrong or to wait."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from nexus.models.weights import KnownModel

BYTES = bytes(range(256)) * 400
FILE = "tiny.gguf"
HALF = 51_200


def tiny_model(name: str = "tiny", mirror_packages: Sequence[str] = ()) -> KnownModel:
    """Weights that are these bytes."""
    return KnownModel(
        name=name,
        file_name=FILE,
        size=len(BYTES),
        sha256=hashlib.sha256(BYTES).hexdigest(),
        licence="none",
        hub_repository="us/tiny",
        ollama_model="tiny:1",
        mirror_packages=mirror_packages,
    )


@dataclass
class HubStandIn:
    """A file server.

    Attributes:
        fault: What goes wrong.
        gate: While it is closed, only the first half of the file comes.
        ranges: What was asked for, request by request.
    """

    fault: Literal["cut", "wrong", "missing", "no ranges", "too much"] | None = None
    gate: threading.Event | None = None
    ranges: list[str | None] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route(f"/us/tiny/resolve/main/{FILE}", self._file)])

    async def _file(self, request: Request) -> Response:
        asked = request.headers.get("range")
        self.ranges.append(asked)
        if self.fault == "missing":
            return Response(status_code=404)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.fault != "no ranges" else 0
        body = {"wrong": b"x" * len(BYTES), "too much": BYTES + b"x"}.get(self.fault or "", BYTES)[start:]
        status, promised = 206 if start else 200, {"content-length": str(len(body))}
        if self.fault == "cut":
            return StreamingResponse(iter([body[:30_000]]), headers=promised)
        if self.gate is not None:
            return StreamingResponse(self._gated(body, start), status_code=status, headers=promised)
        return Response(body, status_code=status)

    async def _gated(self, body: bytes, start: int) -> AsyncIterator[bytes]:
        """In blocks, so that there is a sign of progress; the second half once the gate is open."""
        for at in range(0, len(body), 1024):
            if self.gate is not None and start + at >= HALF:
                await asyncio.to_thread(self.gate.wait, 60)
            yield body[at : at + 1024]
