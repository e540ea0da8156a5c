"""Messages in the words of LangGraph's protocol v2: blocks that begin, grow and end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_ROLES = {"human": "human", "user": "human", "system": "system"}

Json = dict[str, Any]


class Messages:
    """The messages of one run, whole or in pieces; pieces of one message follow each other."""

    def __init__(self) -> None:
        self._open: tuple[str, str] | None = None
        self._whole: set[str] = set()

    def of(self, message: Json) -> Iterator[Json]:
        """What a message, or a piece of one, adds."""
        number, kind = str(message.get("id")), str(message.get("type"))
        text = _text(message.get("content"))
        if kind.endswith("Chunk"):
            yield from self._piece(number, text, message)
        elif number not in self._whole:  # a whole one, told by the node that made it
            yield from self.finish()
            self._whole.add(number)
            yield from self._begin(number, message)
            if text:
                yield from _block(0, {"type": "text", "text": text}, {"type": "text-delta", "text": text})
            for index, call in enumerate(message.get("tool_calls") or (), start=1 if text else 0):
                yield from _block(
                    index,
                    {"type": "tool_call", "id": call["id"], "name": call["name"], "args": call["args"]},
                )
            yield {"event": "message-finish"}

    def finish(self) -> Iterator[Json]:
        """The message whose pieces came is complete."""
        if self._open is not None:
            number, text = self._open
            self._open = None
            self._whole.add(number)
            yield {"event": "content-block-finish", "index": 0, "content": {"type": "text", "text": text}}
            yield {"event": "message-finish"}

    def _piece(self, number: str, text: str, message: Json) -> Iterator[Json]:
        if self._open is None or self._open[0] != number:
            yield from self.finish()
            yield from self._begin(number, message)
            yield {"event": "content-block-start", "index": 0, "content": {"type": "text", "text": ""}}
            self._open = (number, "")
        if text:
            self._open = (number, self._open[1] + text)
            delta = {"type": "text-delta", "text": text}
            yield {"event": "content-block-delta", "index": 0, "delta": delta}

    def _begin(self, number: str, message: Json) -> Iterator[Json]:
        kind = str(message.get("type")).removesuffix("MessageChunk").lower()
        start: Json = {"event": "message-start", "role": _ROLES.get(kind, "ai"), "id": number}
        if kind == "tool":
            start |= {"role": "tool", "tool_call_id": message.get("tool_call_id")}
        yield start


def _block(index: int, content: Json, delta: Json | None = None) -> Iterator[Json]:
    start = {"type": "text", "text": ""} if content["type"] == "text" else content
    yield {"event": "content-block-start", "index": index, "content": start}
    if delta:
        yield {"event": "content-block-delta", "index": index, "delta": delta}
    yield {"event": "content-block-finish", "index": index, "content": content}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part["text"] for part in parts if isinstance(part, dict) and part.get("type") == "text")
