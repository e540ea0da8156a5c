"""Makes pydantic's JSON Schemas small: what a model of a few billion parameters needs, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from nexus.core.tool import JsonSchema

_DEFINITIONS = "#/$defs/"
_NULL = {"type": "null"}


def inline_schema(schema: Mapping[str, Any]) -> JsonSchema:
    """The same object schema without `$ref`, `$defs`, `title` and "or null".

    Raises:
        TypeError: The schema refers to itself, so it cannot be written out.
    """
    definitions = cast("Mapping[str, Any]", schema.get("$defs", {}))
    inlined = _Inliner(definitions).inline(schema, ())
    return {
        "type": "object",
        "properties": inlined.get("properties", {}),
        "required": inlined.get("required", []),
        "additionalProperties": False,
    }


class _Inliner:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def inline(self, schema: Mapping[str, Any], open_names: tuple[str, ...]) -> dict[str, Any]:
        """`schema` written out; `open_names` are the definitions it is inside of."""
        merged = self._without_reference(schema, open_names)
        if merged is not schema:
            name = str(schema["$ref"]).removeprefix(_DEFINITIONS)
            return self.inline(merged, (*open_names, name))
        kept = {key: value for key, value in schema.items() if key not in ("title", "$defs")}
        if kept.get("default", ...) is None:
            del kept["default"]
        plain = {key: self._inline_value(key, value, open_names) for key, value in kept.items()}
        return _without_null(plain)

    def _without_reference(self, schema: Mapping[str, Any], open_names: tuple[str, ...]) -> Mapping[str, Any]:
        if "$ref" not in schema:
            return schema
        name = str(schema["$ref"]).removeprefix(_DEFINITIONS)
        if name in open_names:
            raise TypeError(f"{name} contains itself; a tool's parameters must be finite")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return {**self._definitions[name], **beside}

    def _inline_value(self, key: str, value: Any, open_names: tuple[str, ...]) -> Any:
        if key in ("properties", "patternProperties"):
            return {name: self.inline(part, open_names) for name, part in value.items()}
        if key in ("enum", "const", "default", "examples", "required"):
            return value
        if isinstance(value, list):
            return [self.inline(part, open_names) if isinstance(part, dict) else part for part in value]
        return self.inline(value, open_names) if isinstance(value, dict) else value


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """An optional parameter may be left out, so its schema need not offer null as well."""
    choices = schema.get("anyOf")
    if not isinstance(choices, list) or _NULL not in choices:
        return schema
    rest = [choice for choice in choices if choice != _NULL]
    beside = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**rest[0], **beside} if len(rest) == 1 else {"anyOf": rest, **beside}
