"""Arguments as text that a person can edit, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nexus.core.canonical import parse_json
from nexus.core.display import visible
from nexus.errors import ArgumentsInvalid


def fields(parameters: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[str]:
    """Every argument there is: those the schema knows in its order, then what else is set."""
    known = parameters.get("properties", {})
    return [*known, *(name for name in arguments if name not in known)]


def schema_of(parameters: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The schema of one argument; empty if the tool says nothing about it."""
    found = parameters.get("properties", {}).get(name, {})
    return found if isinstance(found, Mapping) else {}


def is_plain_text(value: Any, schema: Mapping[str, Any]) -> bool:
    """True if the argument is edited as the text it is; False if as JSON.

    A text that hides something (controls, reordering characters) is edited as JSON, spelled out.
    """
    if not takes_text(schema):
        return False
    return value is None or (isinstance(value, str) and visible(value, limit=len(value)) == value)


def takes_text(schema: Mapping[str, Any]) -> bool:
    """True if a text is a value the schema may accept."""
    kinds = schema.get("type")
    if kinds is None:
        choices: Sequence[Any] = schema.get("anyOf") or schema.get("oneOf") or ()
        return any(takes_text(choice) for choice in choices) if choices else not schema.get("$ref")
    return kinds == "string" or (isinstance(kinds, list) and "string" in kinds)


def as_text(value: Any, schema: Mapping[str, Any]) -> str:
    """The value as it is put before a person to edit."""
    if is_plain_text(value, schema):
        return value or ""
    return "" if value is None else json.dumps(value)


def from_text(name: str, text: str, *, plain: bool) -> Any:
    """The value that a person wrote.

    Raises:
        ArgumentsInvalid: It should be JSON and is not.
    """
    if plain:
        return text
    try:
        return parse_json(text)
    except ArgumentsInvalid as error:
        raise ArgumentsInvalid(
            "this is not JSON.", field=name, remedy='Write e.g. 5, true, "text" or ["a", "b"].'
        ) from error


def assigned(assignment: str, parameters: Mapping[str, Any]) -> tuple[str, Any]:
    """The name and the value of `name=value`: text where the tool takes text, else JSON.

    Raises:
        ArgumentsInvalid: There is no `=`, or the value should be JSON and is not.
    """
    name, equals, text = assignment.partition("=")
    if not equals or not name:
        raise ArgumentsInvalid(f"{assignment!r} is not NAME=VALUE", field="--set")
    return name, from_text(name, text, plain=takes_text(schema_of(parameters, name)))
