"""Tool calls that a small model writes as plain JSON in its reply, where a strict parser sees only text."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.messages import ToolCall
from langchain_core.messages.tool import tool_call

_NAMES = ("name", "tool", "tool_name", "function")
_ARGUMENTS = ("arguments", "args", "parameters", "input")


def calls_in_text(text: str, known: Mapping[str, Any]) -> list[ToolCall]:
    """Every tool call that stands as JSON in `text`: bare, fenced, in tags, in a list; one or several."""
    return [
        tool_call(name=name, args=arguments, id=new_id())
        for value in _json_values(text)
        for name, arguments in _calls_of(value, known)
    ]


def looks_like_call(text: str, known: Mapping[str, Any]) -> bool:
    """True if `text` names a tool and opens something like its arguments."""
    return any(name in text for name in known) and any(mark in text for mark in ("{", "<tool", "("))


def new_id() -> str:
    """An id for a call that came without one."""
    return f"call_{secrets.token_hex(6)}"


def _json_values(text: str) -> Iterator[Any]:
    """The outermost JSON objects and arrays in `text`, line breaks in strings forgiven."""
    decoder = json.JSONDecoder(strict=False)
    place = 0
    while place < len(text):
        if text[place] not in "{[":
            place += 1
            continue
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place += 1
        else:
            yield value


def _calls_of(value: Any, known: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls in a JSON value: an object with a name and arguments, whatever they are called, or a list."""
    if isinstance(value, list):
        for each in value:
            yield from _calls_of(each, known)
        return
    if not isinstance(value, dict):
        return
    if isinstance(value.get("tool_calls"), list):
        yield from _calls_of(value["tool_calls"], known)
    elif isinstance(value.get("function"), dict):
        yield from _calls_of(value["function"], known)
    else:
        yield from _named(value, known)


def _named(value: dict[str, Any], known: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    name = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), None)
    given = next((value[key] for key in _ARGUMENTS if key in value), None)
    arguments = json_object(given) if isinstance(given, str) else given
    if name is not None and isinstance(arguments, dict):
        yield name, arguments
    elif name is not None and name in known and given is None:
        yield name, {}


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is, line breaks in strings forgiven; None if it is none."""
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
