"""What an MCP server answers, as results and errors of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from mcp import MCPError
from mcp import types as wire

from nexus.core.display import visible
from nexus.errors import ArgumentsInvalid, NexusError, NotFound, NotSent, OutcomeUnknown, Refused, ToolFailed
from nexus.ports.tools import ToolResult
from nexus.tools.mcp.answering import Fate

_ABOUT_ARGUMENTS = re.compile(
    r"-32602|input validation error|invalid arguments|validation errors? for \w+Arguments", re.IGNORECASE
)
"""How the Python and TypeScript servers say, within an ordinary result, that the arguments are at fault."""

_SHOWN = 1000  # characters of a server's error message


def result_of(answer: wire.CallToolResult) -> ToolResult:
    """The result of a call that succeeded.

    Raises:
        ToolFailed: The tool says that it failed.
        ArgumentsInvalid: It says so of the arguments.
    """
    texts = [_in_words(part) for part in answer.content]
    if not answer.is_error:
        return ToolResult("\n".join([*texts, *_structured(answer.structured_content, texts)]))
    said = visible("\n".join(texts).strip(), limit=_SHOWN) or "The tool failed without saying why."
    if _ABOUT_ARGUMENTS.search(said):
        raise ArgumentsInvalid(said)
    raise ToolFailed(said)


def failure_of(error: MCPError, fate: Fate | None, server: str, wait: float | None = None) -> NexusError:
    """What is known of a call whose request failed; `wait`: the seconds that the server asks for."""
    said = visible(error.message, limit=_SHOWN)
    match fate, error.code:
        case "not sent", _:
            return NotSent(f"{server} was not reached: {said}.", retry_after=wait)
        case "refused", _:
            return Refused(f"{server} refuses: {said}.", remedy="Look at the headers of its configuration.")
        case None, wire.INVALID_PARAMS:
            return ArgumentsInvalid(said)
        case None, wire.METHOD_NOT_FOUND:
            return NotFound(f"{server}: {said}")
        case None, wire.URL_ELICITATION_REQUIRED:
            return Refused(f"{server} first wants something done in a browser: {said}")
        case _:
            return OutcomeUnknown(f"{server} did not say whether it was done: {said}.")


def _in_words(part: wire.ContentBlock) -> str:
    """A part of a result as text; what is no text is named, not shown."""
    match part:
        case wire.TextContent(text=text):
            return text
        case wire.ImageContent(mime_type=kind, data=data) | wire.AudioContent(mime_type=kind, data=data):
            return _named(kind, data)
        case wire.ResourceLink(name=name, uri=uri):
            return f"[{name}: {uri}]"
        case wire.EmbeddedResource(resource=resource):
            if isinstance(resource, wire.TextResourceContents):
                return resource.text
            return _named(resource.mime_type or "data", resource.blob)


def _named(kind: str, data: str) -> str:
    size = len(data) * 3 // 4 - data[-2:].count("=")  # of base64
    return f"[{kind}, {size:,} bytes, not shown]"


def _structured(value: Any, texts: Sequence[str]) -> list[str]:
    """The structured result as JSON, unless the texts say the same, which the protocol asks of servers."""
    if value is None or any(_says(value, text) for text in ("\n".join(texts), *texts)):
        return []
    if [_parsed(text) for text in texts] in _inside(value):
        return []
    return [json.dumps(value, ensure_ascii=False, separators=(",", ":"))]


def _says(value: Any, text: str) -> bool:
    parsed = _parsed(text)
    return parsed == value or any(inner in (parsed, text) for inner in _inside(value))


def _inside(value: Any) -> list[Any]:
    """The one value of an object with one key, which is how servers hold what is no object."""
    return list(value.values()) if isinstance(value, dict) and len(value) == 1 else []


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
