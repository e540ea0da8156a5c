"""A schema in the few words that a small model reads best: a type declaration, as in code."""

from __future__ import annotations

import json
from typing import Any

from nexus.core.plain_schema import Node
from nexus.core.words import brief

MAX_DESCRIBED = 200
"""Characters of a description: its first sentences say what a value is, later ones how it is treated."""

MAX_SHOWN = 12
"""Values of a choice that are written out; the grammar knows all of them."""


def schema_text(schema: Node) -> str:
    """The properties of an object schema, one a line: `to: string[] // E-mail addresses`."""
    return "\n".join(_property(name, node, schema["required"]) for name, node in schema["properties"].items())


def _property(name: str, node: Node, required: list[str], opening: str = "//", closing: str = "") -> str:
    said = brief(str(node.get("description", "")), MAX_DESCRIBED)
    mark = "" if name in required else "?"
    return f"{name}{mark}: {_type(node)}" + (f" {opening} {said}{closing}" if said else "")


def _type(node: Node) -> str:
    if "enum" in node:
        return _choice(node["enum"])
    if node["type"] == "array":
        items = _type(node["items"])
        return f"({items})[]" if " | " in items else f"{items}[]"
    if node["type"] == "object":
        return _object(node)
    return f"{node['type']}{_bounds(node)}"


def _choice(values: list[Any]) -> str:
    shown = " | ".join(json.dumps(value, ensure_ascii=False) for value in values[:MAX_SHOWN])
    return shown if len(values) <= MAX_SHOWN else f"{shown} | …"


def _object(node: Node) -> str:
    if "properties" not in node:
        inner = node.get("additionalProperties")
        return f"{{[name: string]: {_type(inner)}}}" if isinstance(inner, dict) else "object"
    inside = (
        _property(name, part, node["required"], "/*", " */") for name, part in node["properties"].items()
    )
    return f"{{{'; '.join(inside)}}}"


def _bounds(node: Node) -> str:
    least, most = node.get("minimum"), node.get("maximum")
    if "format" in node:
        return f" ({node['format']})"
    if least is not None and most is not None:
        return f" ({least} to {most})"
    return ""
