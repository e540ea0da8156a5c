"""Every answer against the v3.1 wire contract, read in place from beside the checkout."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.servers.composio.faults import API

_SPEC = "urn:composio"


def contract_file() -> Path:
    """Where the contract lies: below NEXUS_SHARED, or `shared` beside the checkout."""
    shared = os.environ.get("NEXUS_SHARED") or Path(__file__).resolve().parents[4] / "shared"
    return Path(shared) / "data" / "composio" / "openapi_v31.json"


@cache
def contract() -> Contract | None:
    """The contract, read once; None where its file is not there."""
    return Contract(contract_file()) if contract_file().is_file() else None


class Contract:
    """The schemas of every answer that is not an error."""

    def __init__(self, file: Path) -> None:
        self._spec = json.loads(file.read_text("utf-8"))
        resource = Resource.from_contents(self._spec, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(_SPEC, resource)
        self._validators: dict[str, Draft202012Validator] = {}

    @cached_property
    def _routes(self) -> list[tuple[str, re.Pattern[str], str]]:
        return [
            (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path)
            for path, operations in sorted(self._spec["paths"].items(), key=lambda item: "{" in item[0])
            for method in operations
        ]

    def fault(self, method: str, path: str, answer: Any) -> str | None:
        """What is wrong with an answer; None if the contract allows it."""
        known = next(
            (entry for entry in self._routes if entry[0] == method and entry[1].fullmatch(path)), None
        )
        if known is None:
            return f"the contract has no {method} {path}"
        error = best_match(self._validator(method.lower(), known[2]).iter_errors(answer))
        return f"{method} {path}: {error.json_path}: {error.message[:400]}" if error else None

    def _validator(self, method: str, path: str) -> Draft202012Validator:
        steps = ["paths", path, method, "responses", "2XX", "content", "application/json", "schema"]
        pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)
        if pointer not in self._validators:
            schema = {"$ref": f"{_SPEC}#/{pointer}"}
            self._validators[pointer] = Draft202012Validator(schema, registry=self._registry)
        return self._validators[pointer]


@dataclass
class Guard:
    """Turns an answer that breaks the contract into a 500, and keeps the reason."""

    app: ASGIApp
    contract: Contract | None
    violations: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self.contract is None or scope["type"] != "http" or not scope["path"].startswith(API):
            await self.app(scope, receive, send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.app(scope, receive, keep)
        wrong = self._wrong(scope, messages)
        if wrong:
            self.violations.append(wrong)
            await JSONResponse({"contract_violation": wrong}, 500)(scope, receive, send)
            return
        for message in messages:
            await send(message)

    def _wrong(self, scope: Scope, messages: list[Message]) -> str | None:
        status = messages[0]["status"]
        if self.contract is None or not 200 <= status < 300:
            return None
        body = b"".join(message.get("body", b"") for message in messages)
        return self.contract.fault(scope["method"], scope["path"], json.loads(body))
