"""Calls of tools in the words of LangGraph's protocol v2: begun, and finished or failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


class Tools:
    """The calls of one run.

    Args:
        tells_calls: True for Nexus's own graph, which tells when a call leaves and how it ended. What the
            model only proposed, or a person refused, was never begun. Of other graphs the messages tell.
    """

    def __init__(self, *, tells_calls: bool) -> None:
        self._tells_calls = tells_calls
        self._asked: dict[str, Json] = {}
        self._ended: set[str] = set()

    def of(self, mode: str, value: Any) -> Iterator[Json]:
        """What one event of the run says of its calls.

        Args:
            mode: The stream mode that it is of.
            value: Its JSON.
        """
        if self._tells_calls:
            if mode == "custom" and isinstance(value, dict):
                yield from self._told(value)
        elif mode == "messages":
            yield from self._seen(value[0])

    def _told(self, value: Json) -> Iterator[Json]:
        number = str(value.get("call_id"))
        match value.get("event"):
            case "executing":
                yield _begun(number, value["tool"], value["arguments"])
            case "observation" if value["outcome"] == "done":
                yield {"event": "tool-finished", "tool_call_id": number, "output": value["text"]}
            case "observation":
                yield _failed(number, value["text"], code=value["outcome"])
            case _:
                pass

    def _seen(self, message: Json) -> Iterator[Json]:
        for call in message.get("tool_calls") or ():
            self._asked[str(call["id"])] = call
        number = str(message.get("tool_call_id"))
        if message.get("type") != "tool" or number in self._ended:
            return
        self._ended.add(number)
        call = self._asked.get(number, {})
        yield _begun(number, str(message.get("name") or call.get("name")), call.get("args"))
        if message.get("status") == "error":
            yield _failed(number, str(message.get("content")))
        else:
            yield {"event": "tool-finished", "tool_call_id": number, "output": message.get("content")}


def _begun(number: str, tool: str, given: Any) -> Json:
    return {"event": "tool-started", "tool_call_id": number, "tool_name": tool, "input": given}


def _failed(number: str, message: str, *, code: str | None = None) -> Json:
    told = {"event": "tool-error", "tool_call_id": number, "message": message}
    return told | ({"code": code} if code else {})
