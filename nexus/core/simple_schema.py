"""A tool's parameters as a small model gets them: few, flat and bounded, with the exact way back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nexus.core.plain_schema import Node, Plain
from nexus.core.tool import JsonSchema
from nexus.core.words import words_of

MAX_OPTIONAL = 8
"""Optional properties of an object that a small model is offered; the rest stay at the tool's defaults
(toolselect.md 4.5)."""

MAX_ITEMS = 20
"""Items of a list that has no limit of its own: small models under a grammar run on without end."""

_EXAMPLE = re.compile(
    r"\s*\((?:e\.g\.|for example)[^)]*\)|[,;]?\s*(?:e\.g\.|for example),?\s.*?(?=;|\.\s|\.?$)", re.DOTALL
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")

Path = tuple[str, ...]
"""Where a value stands in the tool's own arguments: the names on the way to it."""


@dataclass(frozen=True, slots=True)
class SimpleSchema:
    """What the model writes, and how that becomes the tool's arguments.

    Attributes:
        schema: A closed object schema without references and combinators, what is required first.
        paths: For each of its properties, where the value stands in the tool's own arguments.
        containers: Objects that the tool requires even if nothing is in them.
        lost: What the model cannot say: JSON pointer of the place in the tool's own schema, and what.
    """

    schema: dict[str, Any]
    paths: Mapping[str, Path] = field(default_factory=dict[str, Path])
    containers: tuple[Path, ...] = ()
    lost: tuple[str, ...] = ()

    def restore(self, written: Mapping[str, Any]) -> dict[str, Any]:
        """The tool's own arguments for what the model wrote under `schema`."""
        arguments: dict[str, Any] = {}
        for path in self.containers:
            _inside(arguments, path)
        for name, value in written.items():
            *way, last = self.paths.get(name, (name,))
            _inside(arguments, tuple(way))[last] = value
        return arguments

    def flat(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The tool's own arguments as the model would have written them: `restore` the other way round."""
        names = {path: name for name, path in self.paths.items()}
        return dict(_flattened(arguments, (), names))


def simplified(parameters: JsonSchema, request: str = "") -> SimpleSchema:
    """The parameters with what is required first, few options, plain types and nothing to get lost in.

    What fits the result fits the tool's own schema after `restore`, but for the keywords that `lost` names;
    `check_arguments` has the last word.

    Args:
        parameters: JSON Schema of type object.
        request: What the person asked for; options and forms that it mentions come before others.
    """
    mentioned = frozenset(words_of(request))
    plain = Plain(parameters, mentioned)
    node = plain.node({"type": "object", **parameters})
    if node is None:
        return SimpleSchema(_closed({}, []), lost=("/: has no finite form",))
    # Only what grammars know: an empty open object would let the model write anything.
    node = node if "properties" in node else _closed({}, [])
    places = _Places(node)
    required = [*places.required, *_headings(places)]
    shown, lost = _selected(_closed(places.properties, required), "", mentioned)
    kept = {name: path for name, path in places.paths.items() if name in shown["properties"]}
    return SimpleSchema(shown, kept, tuple(places.containers), (*plain.lost, *lost))


def without_examples(description: str) -> str:
    """A description without its `e.g. …`: small models copy examples instead of reading the request.

    An example of a date stays as the pattern it shows, since nothing else says how to write one.
    """
    found = _EXAMPLE.search(description)
    if found is None:
        return description
    patterns = ((_TIME, " as YYYY-MM-DDTHH:MM"), (_DAY, " as YYYY-MM-DD"))
    pattern = next((text for form, text in patterns if form.search(found[0])), "")
    return f"{description[: found.start()]}{pattern}{description[found.end() :]}"


class _Places:
    """The properties of an object with those of the objects inside it, each under one name.

    An object inside is opened if the tool requires it, or if it requires nothing itself: only then does
    leaving out each of its values mean what leaving it out means.
    """

    def __init__(self, node: Node) -> None:
        self.properties: dict[str, Node] = {}
        self.required: list[str] = []
        self.paths: dict[str, Path] = {}
        self.containers: list[Path] = []
        self._taken = set(node["properties"])
        self._add(node, (), is_required=True)

    def _add(self, node: Node, way: Path, *, is_required: bool) -> None:
        for name in dict.fromkeys([*node["required"], *node["properties"]]):
            part, needed = node["properties"][name], is_required and name in node["required"]
            path = (*way, name)
            if self._opens(part, path, needed=needed):
                if needed:
                    self.containers.append(path)
                self._add(part, path, is_required=needed)
                continue
            shown = "_".join(path)
            self.properties[shown] = part
            self.paths[shown] = path
            if needed:
                self.required.append(shown)

    def _opens(self, part: Node, path: Path, *, needed: bool) -> bool:
        if not part.get("properties") or not (needed or not part["required"]):
            return False
        names = {"_".join((*path, name)) for name in part["properties"]}
        if names & self._taken:
            return False
        self._taken |= names
        return True


def _headings(places: _Places) -> list[str]:
    """The subject of a message that needs a text: a small model leaves out what it may."""
    needs_one = "body" in places.required and "subject" not in places.required
    is_text = places.properties.get("subject", {}).get("type") == "string"
    return ["subject"] if needs_one and is_text else []


def _selected(node: Node, pointer: str, mentioned: frozenset[str]) -> tuple[Node, list[str]]:
    """The node with what is required first and few options, in all its depth; and what was left out."""
    lost: list[str] = []
    if "items" in node:
        items, lost = _selected(node["items"], f"{pointer}/items", mentioned)
        most = max(node.get("minItems", 0), min(node.get("maxItems", MAX_ITEMS), MAX_ITEMS))
        return {**node, "items": items, "maxItems": most}, lost
    if "properties" not in node:
        return node, lost
    options = [name for name in node["properties"] if name not in node["required"]]
    sayable = [name for name in options if not _is_open(node["properties"][name])]
    ranked = sorted(sayable, key=lambda name: -_mentions(name, node["properties"][name], mentioned))
    offered = [name for name in sayable if name in ranked[:MAX_OPTIONAL]]
    lost += [f"{pointer}/{name}: optional" for name in options if name not in offered]
    properties: dict[str, Node] = {}
    for name in [*node["required"], *offered]:
        part, more = _selected(_described(node["properties"][name]), f"{pointer}/{name}", mentioned)
        properties[name] = part
        lost += more
    return {**node, "properties": properties}, lost


def _mentions(name: str, node: Node, mentioned: frozenset[str]) -> int:
    """How much the request says about a property: its name counts more than its description."""
    described = set(words_of(str(node.get("description", ""))))
    return 3 * len(mentioned.intersection(words_of(name))) + len(mentioned & described)


def _is_open(node: Node) -> bool:
    """True for an object of any shape: nothing that a small model could fill in by itself."""
    return node.get("type") == "object" and "properties" not in node


def _described(node: Node) -> Node:
    said = node.get("description")
    return {**node, "description": without_examples(said)} if said else node


def _closed(properties: dict[str, Node], required: list[str]) -> Node:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _inside(arguments: dict[str, Any], way: Path) -> dict[str, Any]:
    """The object at `way`, made if it is not there."""
    for name in way:
        arguments = arguments.setdefault(name, {})
    return arguments


def _flattened(value: Mapping[str, Any], way: Path, names: Mapping[Path, str]) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        path = (*way, key)
        is_opened = path not in names and any(known[: len(path)] == path for known in names)
        if is_opened and isinstance(item, Mapping):
            yield from _flattened(item, path, names)
        else:
            yield names.get(path, "_".join(path)), item
