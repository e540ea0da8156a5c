"""What an error says would have been right: `should be 'bug' or 'question'`, `labels is missing`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator

from nexus.core.plain_schema import Node
from nexus.core.simple_schema import SimpleSchema

_ITEM = r"""(?:'[^'\n]{1,80}'|"[^"\n]{1,80}"|`[^`\n]{1,80}`|\w[\w./@+-]{0,60})"""
_NEXT = r"(?:\s*,\s*(?:(?:or|and)\s+)?|\s+(?:or|and)\s+|\s*\|\s*)"
_LIST = re.compile(
    rf"(?P<before>[^.;:\n]*)(?:\b(?:are|is|be|of|from|values?|options?)\b:?|:)\s*[\[({{]?"
    rf"(?P<items>{_ITEM}(?:{_NEXT}{_ITEM})+)"
)
_ITEMS = re.compile(_ITEM)
_JOINS = frozenset({"or", "and"})
_RULED_OUT = re.compile(
    r"\bnot\b(?! (?:one|among)\b)|\b(?:cannot|without|except|missing|forbidden)\b|n't\b", re.IGNORECASE
)
"""Words before a list of what must not be there, or is not there; `is not one of` says what may be."""

_EMPTY: tuple[Any, ...] = (None, "", [], {})
_NOT_EMPTY: Mapping[Any, Mapping[str, int]] = {"string": {"minLength": 1}, "array": {"minItems": 1}}


def alternatives_in(error: str) -> list[str]:
    """The longest list of values that `error` names as possible ones; empty if there is none."""
    lists = [
        [item.strip("'\"`").rstrip(".,") for item in _ITEMS.findall(found["items"]) if item not in _JOINS]
        for found in _LIST.finditer(error)
        if not _RULED_OUT.search(found["before"])
    ]
    return list(dict.fromkeys(max(lists, key=len, default=[])))


def with_demands(simple: SimpleSchema, refused: Mapping[str, Any], error: str) -> SimpleSchema:
    """The schema in which what the error names and the refused arguments left out, or empty, must be given.

    A small model that reads `labels: [] should be non-empty` writes `[]` again.

    Args:
        simple: What the model writes.
        refused: What it wrote, by the names of `simple`.
        error: What the tool said to that.
    """
    asked = [
        name
        for name in simple.schema["properties"]
        if refused.get(name) in _EMPTY and (stands_in(name, error) or stands_in(_last(simple, name), error))
    ]
    properties = {
        name: {**node, **_NOT_EMPTY.get(node.get("type"), {})} if name in asked else node
        for name, node in simple.schema["properties"].items()
    }
    required = list(dict.fromkeys([*simple.schema["required"], *asked]))
    return replace(simple, schema={**simple.schema, "properties": properties, "required": required})


def named_in(error: str, arguments: Mapping[str, Any]) -> str | None:
    """The argument that an error is about: its name stands there, or else its value; None if none does."""
    for name in arguments:
        if stands_in(name, error):
            return name
    values = ((name, value) for name, value in arguments.items() if isinstance(value, str))
    return next((name for name, value in values if stands_in(value, error)), None)


def _last(simple: SimpleSchema, name: str) -> str:
    """The name of a value in the tool's own arguments, without the objects around it."""
    return simple.paths.get(name, (name,))[-1]


def with_alternatives(simple: SimpleSchema, refused: Mapping[str, Any], error: str) -> SimpleSchema:
    """The schema in which a text that was refused is a choice of what the error names instead.

    A small model that reads `the notes are reading, wifi` writes the name that it wrote before. The text is
    one that the error repeats, or whose parameter it names.

    Args:
        simple: What the model writes.
        refused: What it wrote, by the names of `simple`.
        error: What the tool said to that.
    """
    offered = alternatives_in(error)
    if not offered:
        return simple
    properties = {
        name: _choice(node, offered, refused[name])
        if _is_meant(name, refused.get(name), error, offered)
        else node
        for name, node in simple.schema["properties"].items()
    }
    return replace(simple, schema={**simple.schema, "properties": properties})


def _is_meant(name: str, value: Any, error: str, offered: list[str]) -> bool:
    texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
    wrong = [text for text in texts if text not in offered]
    return bool(wrong) and (any(stands_in(text, error) for text in wrong) or stands_in(name, error))


def stands_in(word: str, text: str) -> bool:
    """True if `word` stands in `text`, and not as a part of a longer one."""
    return bool(word) and re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def _choice(node: Node, offered: list[str], refused: Any) -> Node:
    """`node` as a choice of those of `offered` that it allows; as it is if it allows none.

    A list gets no longer than the refused one: a small model would take everything that is offered.
    """
    if "items" in node:
        most = max(len(refused) if isinstance(refused, list) else 1, node.get("minItems", 0))
        return {**node, "items": _choice(node["items"], offered, ""), "maxItems": most}
    fitting = Draft202012Validator(node)
    values = [value for value in offered if fitting.is_valid(value)]
    return {"enum": values} | {key: node[key] for key in ("description",) if key in node} if values else node
