"""The form in which a person edits a call, made from the JSON Schema of its tool, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from nexus.core.canonical import parse_json
from nexus.core.display import visible
from nexus.core.tool import JsonSchema
from nexus.errors import ArgumentsInvalid

Widget: TypeAlias = Literal["line", "text", "number", "choice", "list", "json"]
"""line, text: plain text, of one line or many; number; choice: one of a few; list: a text on each line;
json: anything else, and texts that hide something, spelled out in ASCII."""

_LONG = 120
"""Characters from which a text gets more than one line."""

_PROSE = frozenset({"body", "content", "description", "message", "notes", "text"})

_LEFT_OUT = ""
"""What a choice that is not made sends."""


@dataclass(frozen=True, slots=True)
class Field:
    """One argument in the form.

    Attributes:
        name: The argument's.
        shown: What the widget shows at first.
        value: What the argument is before the edit; None with `is_set` false: it is left out.
        choices: For a choice: what can be sent, and the value it stands for.
        hint: What the tool says about it.
    """

    name: str
    widget: Widget
    shown: str
    value: Any
    is_set: bool
    is_required: bool
    choices: Mapping[str, Any]
    hint: str


def fields_of(parameters: JsonSchema, arguments: Mapping[str, Any]) -> list[Field]:
    """A field for every argument there is: those the schema knows, in its order, then what else is set."""
    known = cast("Mapping[str, Any]", parameters.get("properties") or {})
    required = set(cast("list[str]", parameters.get("required") or []))
    names = [*known, *(name for name in arguments if name not in known)]
    return [_field(name, known.get(name), arguments, required) for name in names]


def edited_arguments(fields: list[Field], sent: Callable[[str], str | None]) -> dict[str, Any]:
    """The arguments after the edit. What was not touched stays exactly what it was.

    Args:
        fields: Those of the form.
        sent: What a person sent for the argument of that name; None: nothing at all.

    Raises:
        ArgumentsInvalid: Something is no value of its kind; names the argument.
    """
    found: dict[str, Any] = {}
    for field in fields:
        text = sent(field.name)
        if text is None or text == field.shown:
            if field.is_set:
                found[field.name] = field.value
        elif text or (field.is_required and field.widget in {"line", "text"}):
            found[field.name] = _value(field, text)
    return found


def _field(name: str, schema: Any, arguments: Mapping[str, Any], required: set[str]) -> Field:
    known: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
    value, is_set = arguments.get(name), name in arguments
    choices = _choices(known)
    widget = _widget(name, known, value, is_set=is_set, choices=choices)
    hint = known.get("description")
    return Field(
        name=name,
        widget=widget,
        shown=_shown(widget, value, choices) if is_set else _LEFT_OUT,
        value=value,
        is_set=is_set,
        is_required=name in required,
        choices=choices if widget == "choice" else {},
        hint=hint if isinstance(hint, str) else "",
    )


def _widget(
    name: str, schema: Mapping[str, Any], value: Any, *, is_set: bool, choices: Mapping[str, Any]
) -> Widget:
    if choices and (not is_set or any(_same(value, each) for each in choices.values())):
        return "choice"
    kind = _type(schema) if not is_set or value is None else _type_of(value)
    match kind:
        case "string" if value is None or _is_plain(value):
            is_long = len(value or "") > _LONG or "\n" in (value or "") or name.casefold() in _PROSE
            return "text" if is_long else "line"
        case "number" | "integer":
            return "number"
        case "array" if _is_list_of_lines(value, schema):
            return "list"
        case _:
            return "json"


def _type(schema: Mapping[str, Any]) -> str:
    """The kind of value that the schema wants, but for null; empty if there are several, or nobody knows."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        others = [kind for kind in cast("list[str]", kinds) if kind != "null"]
        return others[0] if len(others) == 1 else ""
    if isinstance(kinds, str):
        return kinds
    ways = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(ways, list):
        found = {_type(way) for way in cast("list[Any]", ways) if isinstance(way, Mapping)} - {"null"}
        return found.pop() if len(found) == 1 else ""
    return ""


def _type_of(value: Any) -> str:
    match value:
        case str():
            return "string"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def _choices(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The few values that the schema allows, by what a page sends for each; empty if they are not few."""
    if isinstance(listed := schema.get("enum"), list):
        values = cast("list[Any]", listed)
    else:
        values = [True, False] if _type(schema) == "boolean" else []
    return {json.dumps(value): value for value in values}


def _shown(widget: Widget, value: Any, choices: Mapping[str, Any]) -> str:
    match widget:
        case "choice":
            return next((text for text, each in choices.items() if _same(value, each)), _LEFT_OUT)
        case "line" | "text":
            return value or ""
        case "list":
            return "\n".join(value or [])
        case _:
            return json.dumps(value)


def _value(field: Field, text: str) -> Any:
    """What a person wrote. Raises ArgumentsInvalid."""
    match field.widget:
        case "line" | "text":
            return text
        case "list":
            return [line for line in text.split("\n") if line.strip()]
        case "choice" if text in field.choices:
            return field.choices[text]
        case "number":
            return _parsed(field.name, text.strip(), "this is no number", "Write e.g. 5 or 2.5.")
        case _:
            return _parsed(field.name, text, "this is not JSON", 'Write e.g. 5, true, "text" or ["a", "b"].')


def _parsed(name: str, text: str, problem: str, remedy: str) -> Any:
    try:
        return parse_json(text)
    except ArgumentsInvalid as error:
        raise ArgumentsInvalid(problem, field=name, remedy=remedy) from error


def _is_plain(text: str) -> bool:
    """True for a text that a page can show for an edit without hiding or changing any of it."""
    return visible(text, limit=len(text)) == text


def _is_list_of_lines(value: Any, schema: Mapping[str, Any]) -> bool:
    """True for a list of texts none of which would be taken for two, or for none."""
    if not value:
        items = schema.get("items")
        return isinstance(items, Mapping) and items.get("type") == "string"
    return all(
        isinstance(item, str) and item.strip() and "\n" not in item and _is_plain(item) for item in value
    )


def _same(one: Any, other: Any) -> bool:
    """Equal, and of one kind: 1 is not true."""
    return type(one) is type(other) and one == other
