"""What a stand-in for a model's server says, and how it goes wrong."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import Request

Fault = Literal[
    "slow", "cut", "500", "busy", "junk", "missing", "length", "load", "over-long", "shortened", "endless"
]


class Dropped(Exception):
    """Ends a connection in the middle of an answer."""


@dataclass
class Script:
    """Scripted replies, then JSON made to fit what was asked for; a fault is switched on by setting it."""

    replies: deque[str] = field(default_factory=deque)
    fault: Fault | None = None
    yes: float | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)

    def take(self, body: dict[str, Any]) -> None:
        """Note a request."""
        self.requests.append(body)
        self.asked.set()

    async def until_left(self, request: Request) -> None:
        """Say nothing for as long as the client stays."""
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.hung_up.set()

    def text(self, schema: Mapping[str, Any] | None) -> str:
        """The next reply."""
        if self.replies:
            return self.replies.popleft()
        return json.dumps(example_of(schema)) if schema else "Hello there."


def pieces(text: str) -> list[str]:
    """`text` as a model would write it, a few letters at a time."""
    return [text[start : start + 4] for start in range(0, len(text), 4)]


def count_tokens(messages: list[Mapping[str, Any]]) -> int:
    """About as many as a tokenizer would make of them."""
    return sum(4 + len(str(each["content"]).split()) * 4 // 3 for each in messages)


def example_of(schema: Mapping[str, Any]) -> Any:
    """The plainest value that fits `schema`, its properties in the schema's order."""
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0])
    if schema.get("type") == "object":
        return {name: example_of(each) for name, each in schema.get("properties", {}).items()}
    plain = {"string": "x", "array": [], "boolean": True, "integer": 0, "number": 0}
    allowed = schema.get("enum", [schema.get("minimum", plain.get(schema.get("type", "")))])
    return schema.get("const", allowed[0])
