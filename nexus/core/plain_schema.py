"""JSON Schema without references and combinators: one plain node for each value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from nexus.core.tool import JsonSchema
from nexus.core.words import words_of

Node = dict[str, Any]
"""A schema whose `type` is a single name, or absent beside an `enum`."""

MAX_DEPTH = 6
"""Levels that are written out; real parameters have three or four, more only if they contain themselves."""

_KEPT = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "array": ("minItems", "maxItems"),
}
_DROPPED = frozenset(
    {"not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"}
    | {"propertyNames", "minProperties", "maxProperties", "contains", "uniqueItems", "prefixItems"}
    | {"unevaluatedProperties", "unevaluatedItems"}
)
"""Keywords that change what is valid and that a small model is not told; the check afterwards knows them."""

_BEYOND_GRAMMARS = re.compile(r"\(\?|\\[1-9bBAZz]|[*+?}][+?]")
_ALTERNATIVES = re.compile(r"\^\(((?:[\w -]+\|)+[\w -]+)\)\$")
_LEAST = ("maxLength", "maximum", "exclusiveMaximum", "maxItems")
_MOST = ("minLength", "minimum", "exclusiveMinimum", "minItems")
_NUMBERS = frozenset({"integer", "number"})


class Plain:
    """Writes out the schemas of one tool.

    Args:
        root: The tool's parameters, which local references point into.
        mentioned: Words of the request; of several ways to say a value, one that it mentions is taken.

    Attributes:
        lost: What was left out on the way: JSON pointer of the place, and what.
    """

    def __init__(self, root: JsonSchema, mentioned: frozenset[str] = frozenset()) -> None:
        self._root = root
        self._mentioned = mentioned
        self.lost: list[str] = []

    def node(self, schema: Any, pointer: str = "", open_refs: tuple[str, ...] = ()) -> Node | None:
        """`schema` as a plain node; None if no value, or no finite schema, can be written out for it."""
        if schema is False or len(open_refs) + pointer.count("/") > MAX_DEPTH + 1:
            return None
        merged, refs = self._merged(schema if isinstance(schema, Mapping) else {}, pointer, open_refs)
        if merged is None:
            return None
        self._note(merged, pointer)
        node = self._typed(merged, pointer, refs)
        if node is not None and isinstance(merged.get("description"), str):
            node["description"] = merged["description"]
        return node

    def _merged(
        self, schema: Mapping[str, Any], pointer: str, refs: tuple[str, ...]
    ) -> tuple[Node | None, tuple[str, ...]]:
        """`schema` with its references, `allOf`s and one branch of each choice put into it."""
        node = {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")}
        parts: list[Any] = list(schema.get("allOf", ()))
        if isinstance(ref := schema.get("$ref"), str):
            if ref in refs:
                return None, refs
            refs = (*refs, ref)
            parts.append(self._target(ref))
        choices = [schema[keyword] for keyword in ("anyOf", "oneOf") if schema.get(keyword)]
        parts += [self._branch(branches, pointer, node) for branches in choices]
        for part in parts:
            inner, refs = self._merged(part, pointer, refs) if isinstance(part, Mapping) else ({}, refs)
            if inner is None or part is False:
                return None, refs
            node = _both(node, inner)
        return node, refs

    def _target(self, ref: str) -> Any:
        """What a local reference points to; False for what is not here."""
        found: Any = self._root
        for step in ref.removeprefix("#").split("/")[1:] if ref.startswith("#") else ("",):
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or name not in found:
                return False
            found = found[name]
        return found

    def _branch(self, branches: Sequence[Any], pointer: str, base: Node) -> Any:
        """One of several schemas: constants together, else the simplest, else the first."""
        usable = [branch for branch in branches if not _is_null(branch)] or list(branches)
        if all(isinstance(branch, Mapping) and {"const", "enum"} & branch.keys() for branch in usable):
            return {"enum": [value for branch in usable for value in _values(branch) or ()]}
        best = min(usable, key=lambda branch: self._rank(branch, base))
        if len(usable) > 1:
            self.lost.append(f"{pointer or '/'}: {len(usable) - 1} other forms")
        return best

    def _rank(self, branch: Any, base: Node) -> tuple[int, int]:
        """How hard a branch is to write; and fewer mentioned names are worse."""
        schema: Mapping[str, Any] = {**base, **branch} if isinstance(branch, Mapping) else {}
        if "$ref" in schema:
            target = self._target(str(schema["$ref"]))
            schema = {**schema, **target} if isinstance(target, Mapping) else schema
        names = {word for name in schema.get("required", ()) for word in words_of(name)}
        items = schema.get("items")
        match schema.get("type"):
            case "string":
                effort = 0
            case "integer" | "number" | "boolean":
                effort = 1
            case "array" if isinstance(items, Mapping) and items.get("type") != "object":
                effort = 0
            case _ if schema.get("properties") or schema.get("type") == "array":
                effort = 2
            case _:
                effort = 3
        return effort, -len(names & self._mentioned)

    def _note(self, node: Node, pointer: str) -> None:
        for keyword in sorted(_DROPPED & node.keys()):
            self.lost.append(f"{pointer or '/'}: {keyword}")

    def _typed(self, node: Node, pointer: str, refs: tuple[str, ...]) -> Node | None:
        values, kind = _values(node), _type(node)
        if values is not None:
            return {"enum": values} if values else None
        match kind:
            case "object":
                return self._object(node, pointer, refs)
            case "array":
                items = self.node(node.get("items", True), f"{pointer}/items", refs)
                if items is None:
                    return None
                return {"type": "array", "items": items, **_kept("array", node)}
            case _:
                return self._single(kind, _kept(kind, node), pointer)

    def _single(self, kind: str, kept: Node, pointer: str) -> Node:
        """A text, number, truth value or null; patterns in the form that grammars know."""
        if "pattern" in kept:
            pattern = str(kept.pop("pattern")).replace("(?:", "(")
            if listed := _ALTERNATIVES.fullmatch(pattern):
                return {"enum": listed[1].split("|")}
            if _BEYOND_GRAMMARS.search(pattern):
                self.lost.append(f"{pointer}: pattern")
            else:
                kept["pattern"] = pattern
        return {"type": kind, **kept}

    def _object(self, node: Node, pointer: str, refs: tuple[str, ...]) -> Node | None:
        required = [name for name in node.get("required", ()) if isinstance(name, str)]
        properties: dict[str, Node] = {}
        for name, schema in node.get("properties", {}).items():
            part = self.node(schema, f"{pointer}/{name}", refs)
            if part is not None:
                properties[name] = part
            elif name in required:
                return None
            else:
                self.lost.append(f"{pointer}/{name}: has no finite form")
        others = node.get("additionalProperties", True)
        if others is not False:
            properties |= {name: {"type": "string"} for name in required if name not in properties}
        if properties or others is False:
            return _object(properties, [name for name in required if name in properties])
        inner = self.node(others, f"{pointer}/*", refs) if isinstance(others, Mapping) and others else None
        return {"type": "object"} | ({"additionalProperties": inner} if inner else {})


def _object(properties: dict[str, Node], required: list[str]) -> Node:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _both(one: Node, other: Node) -> Node:
    """A schema that asks for both; where they cannot be put together, `one` counts."""
    both = {**other, **one}
    shared = one.keys() & other.keys()
    if "properties" in shared:
        names = one["properties"].keys() & other["properties"].keys()
        joined = {name: {"allOf": [one["properties"][name], other["properties"][name]]} for name in names}
        both["properties"] = {**other["properties"], **one["properties"], **joined}
    if "required" in shared:
        both["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
    if "enum" in shared:
        both["enum"] = [value for value in one["enum"] if value in other["enum"]]
    if "type" in shared:
        both["type"] = _both_types(one["type"], other["type"])
    for keyword in shared.intersection((*_LEAST, *_MOST)):
        pick = min if keyword in _LEAST else max
        both[keyword] = pick(one[keyword], other[keyword])
    return both


def _both_types(one: Any, other: Any) -> Any:
    first, second = (each if isinstance(each, list) else [each] for each in (one, other))
    common = [kind for kind in first if kind in second]
    if not common and _NUMBERS & set(first) and _NUMBERS & set(second):
        return "integer"
    return common or first


def _type(node: Node) -> str:
    """The one type that is asked for."""
    kinds = node.get("type")
    if isinstance(kinds, list):
        named = [kind for kind in kinds if kind != "null"] or ["null"]
        return "string" if "string" in named and _NUMBERS & set(named) else named[0]
    if isinstance(kinds, str):
        return kinds
    if "properties" in node or isinstance(node.get("additionalProperties"), Mapping):
        return "object"
    return "array" if "items" in node else "number" if {"minimum", "maximum"} & node.keys() else "string"


def _values(node: Mapping[str, Any]) -> list[Any] | None:
    """The values that are allowed if they are listed, without null unless there is no other."""
    if "const" in node:
        return [node["const"]]
    listed = node.get("enum")
    if not isinstance(listed, list):
        return None
    kinds = node.get("type")
    fitting = [value for value in listed if value is None or _is(value, kinds)]
    return [value for value in fitting if value is not None] or fitting


def _is(value: Any, kinds: Any) -> bool:
    names = kinds if isinstance(kinds, list) else [kinds]
    name = {bool: "boolean", int: "integer", float: "number", str: "string"}.get(type(value))
    return kinds is None or name is None or name in names or (name == "integer" and "number" in names)


def _is_null(branch: Any) -> bool:
    return isinstance(branch, Mapping) and (branch.get("type") == "null" or branch.get("enum") == [None])


def _kept(kind: str, node: Node) -> Node:
    return {
        keyword: node[keyword]
        for keyword in _KEPT.get(kind, ())
        if keyword in node and not isinstance(node[keyword], bool) and node[keyword] is not None
    }
