"""A stand-in for Pinecone over real HTTP: what its client sends to the control plane and to an index.

By the published REST contract, version 2025-04. Like the service it shows a write late, wants a namespace
to be there to delete from it, and refuses records that are too large or have values that it cannot keep.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.servers.pinecone.filters import fits

API_VERSION = "2025-04"
UPSERT_RECORDS = 1000
UPSERT_BYTES = 2 * 1024 * 1024
METADATA_BYTES = 40 * 1024
LIST_LIMIT = 100
ID_LENGTH = 512


@dataclass
class PineconeStandIn:
    """One project with one index.

    Attributes:
        lag: Reads of a namespace that a write is not seen by.
        fault: The status of every answer of the index, if set.
        requests: Method and path of each, in order.
        bodies: What was sent.
    """

    name: str = "memories"
    dimension: int = 256
    metric: str = "cosine"
    api_key: str = "pcsk-test"
    lag: int = 0
    fault: int | None = None
    url: str = ""
    requests: list[str] = field(default_factory=list[str])
    bodies: list[bytes] = field(default_factory=list[bytes])
    namespaces: dict[str, Namespace] = field(default_factory=dict[str, "Namespace"])

    @property
    def app(self) -> Starlette:
        """The ASGI application: both planes on one host."""
        routes = {
            ("GET", "/indexes/{name}"): self._describe,
            ("POST", "/vectors/upsert"): self._upsert,
            ("POST", "/vectors/delete"): self._delete,
            ("GET", "/vectors/fetch"): self._fetch,
            ("GET", "/vectors/list"): self._list,
            ("POST", "/query"): self._query,
        }
        return Starlette(
            routes=[Route(path, self._checked(act), methods=[verb]) for (verb, path), act in routes.items()]
        )

    def _checked(self, act: Any) -> Any:
        async def checked(request: Request) -> Response:
            self.requests.append(f"{request.method} {request.url.path}")
            self.bodies.append(await request.body())
            if request.headers.get("api-key") != self.api_key:
                return PlainTextResponse("Invalid API Key", 401)
            if request.headers.get("x-pinecone-api-version") != API_VERSION:
                return _error(3, "Unsupported API version", 400)
            if self.fault and not request.url.path.startswith("/indexes/"):
                return _error(13, "Internal error", self.fault)
            return await act(request)

        return checked

    async def _describe(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name != self.name:
            message = f"Resource {name} not found"
            return JSONResponse({"error": {"code": "NOT_FOUND", "message": message}, "status": 404}, 404)
        return JSONResponse(
            {
                "name": self.name,
                "metric": self.metric,
                "dimension": self.dimension,
                "vector_type": "dense",
                "host": self.url,
                "status": {"ready": True, "state": "Ready"},
                "spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}},
                "deletion_protection": "disabled",
                "tags": None,
            }
        )

    async def _upsert(self, request: Request) -> Response:
        body = await request.json()
        if len(await request.body()) > UPSERT_BYTES:
            return _error(11, "message length too large", 400)
        if not 0 < len(body["vectors"]) <= UPSERT_RECORDS:
            return _error(3, f"Vector count must be 1 to {UPSERT_RECORDS}", 400)
        for vector in body["vectors"]:
            if wrong := self._wrong_with(vector):
                return _error(3, wrong, 400)
        space = self._space(body, make=True)
        assert space is not None
        space.write({vector["id"]: vector for vector in body["vectors"]}, self.lag)
        return JSONResponse({"upsertedCount": len(body["vectors"])})

    def _wrong_with(self, vector: dict[str, Any]) -> str | None:
        """Why the service would refuse a record."""
        length = len(vector["values"])
        if length != self.dimension:
            return f"Vector dimension {length} does not match the dimension of the index {self.dimension}"
        if not any(vector["values"]):
            return "Dense vectors must contain at least one non-zero value"
        if not vector["id"].isascii() or not 0 < len(vector["id"]) <= ID_LENGTH:
            return "Vector ID must be ASCII and 1 to 512 characters long"
        metadata = vector.get("metadata", {})
        if any(not _is_kept(value) for value in metadata.values()) or any(key[:1] == "$" for key in metadata):
            return "Metadata value must be a string, number, boolean or list of strings"
        if len(JSONResponse(metadata).body) > METADATA_BYTES:
            return "Metadata size exceeds the limit of 40960 bytes per vector"
        return None

    async def _delete(self, request: Request) -> Response:
        body = await request.json()
        space = self._space(body)
        if space is None:
            return _error(5, "Namespace not found", 404)
        space.write(dict.fromkeys(body["ids"]), self.lag)
        return JSONResponse({})

    async def _fetch(self, request: Request) -> Response:
        space = self._space(request.query_params)
        shown = space.shown() if space else {}
        ids = request.query_params.getlist("ids")
        vectors = {key: shown[key] for key in ids if key in shown}
        return JSONResponse({"vectors": vectors, **_rest(request.query_params)})

    async def _list(self, request: Request) -> Response:
        asked = request.query_params
        space = self._space(asked)
        limit, after = int(asked.get("limit", LIST_LIMIT)), asked.get("paginationToken", "")
        if not 0 < limit <= LIST_LIMIT:
            return _error(3, "limit must be 1 to 100", 400)
        ids = sorted(key for key in (space.shown() if space else {}) if key > after)
        more = {"pagination": {"next": ids[limit - 1]}} if len(ids) > limit else {}
        return JSONResponse({"vectors": [{"id": key} for key in ids[:limit]], **more, **_rest(asked)})

    async def _query(self, request: Request) -> Response:
        body = await request.json()
        space = self._space(body)
        query = np.array(body["vector"], np.float32)
        if len(query) != self.dimension:
            return _error(3, f"Vector dimension {len(query)} does not match {self.dimension}", 400)
        found = [each for each in (space.shown() if space else {}).values() if _is_meant(body, each)]
        scores = _cosines(query, [each["values"] for each in found])
        best = np.argsort(-scores, kind="stable")[: body["topK"]]
        matches = [
            {"id": found[row]["id"], "score": float(scores[row]), "values": []}
            | ({"metadata": found[row]["metadata"]} if body.get("includeMetadata") else {})
            for row in best
        ]
        return JSONResponse({"results": [], "matches": matches, **_rest(body)})

    def _space(self, asked: Any, *, make: bool = False) -> Namespace | None:
        name = asked.get("namespace") or ""
        return self.namespaces.setdefault(name, Namespace()) if make else self.namespaces.get(name)


@dataclass
class Namespace:
    """Records, as they are and as they are seen."""

    seen: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    unseen: list[tuple[int, dict[str, dict[str, Any] | None]]] = field(
        default_factory=list[tuple[int, dict[str, dict[str, Any] | None]]]
    )
    reads: int = 0

    def write(self, changed: dict[str, dict[str, Any] | None], lag: int) -> None:
        """Take a write, to be seen after `lag` reads."""
        self.unseen.append((self.reads + lag, changed))

    def shown(self) -> dict[str, dict[str, Any]]:
        """What a read sees."""
        while self.unseen and self.unseen[0][0] <= self.reads:
            both = {**self.seen, **self.unseen.pop(0)[1]}
            self.seen = {key: value for key, value in both.items() if value is not None}
        self.reads += 1
        return self.seen


def _is_meant(body: dict[str, Any], vector: dict[str, Any]) -> bool:
    return fits(body.get("filter") or {}, vector.get("metadata", {}))


def _cosines(query: Any, rows: list[list[float]]) -> Any:
    matrix = np.array(rows, np.float32).reshape(-1, len(query))
    lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(query)
    return (matrix @ query) / np.maximum(lengths, np.float32(1e-12))


def _is_kept(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, str) for each in value)
    return isinstance(value, str | int | float | bool)


def _rest(asked: Any) -> dict[str, Any]:
    return {"namespace": asked.get("namespace") or "", "usage": {"readUnits": 1}}


def _error(code: int, message: str, status: int) -> Response:
    """As the index says it."""
    return JSONResponse({"code": code, "message": message, "details": []}, status)
