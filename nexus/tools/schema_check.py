"""Whether a tool's parameters are valid JSON Schema, quickly enough for 40,000 tools."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for

from nexus.tools.stored_schema import StoredSchema

_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SINGLE = frozenset(
    {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"}
    | {"unevaluatedItems", "unevaluatedProperties", "contentSchema"}
)
_ANYTHING = frozenset({"default", "const"})
_LEAST: dict[str, Any] = {
    **dict.fromkeys(("title", "description", "$comment"), ""),
    **{keyword: [] for keyword in ("enum", "examples")},
    **{keyword: {} for keyword in _MAPS},
    **{keyword: [True] for keyword in _LISTS},
    **dict.fromkeys(_SINGLE, True),
}


class SchemaCheck:
    """Checks schemas against the metaschema of JSON Schema 2020-12, or of the draft they name.

    A schema is valid if each of its nodes is, and nodes are much alike, so each kind of node is
    checked once. Not for several threads at once.
    """

    def __init__(self) -> None:
        self._valid: set[str] = set()

    def fault(self, schema: Any) -> str | None:
        """Why `schema` cannot describe a tool's arguments; None if it can."""
        if isinstance(schema, StoredSchema):
            return None  # it was checked before it was stored
        if not isinstance(schema, Mapping):
            return f"the parameters are {type(schema).__name__}, not an object schema"
        if schema.get("type") != "object":
            return f"the parameters have type {schema.get('type')!r}, not 'object'"
        return self._fault(schema)

    def _fault(self, schema: Mapping[str, Any]) -> str | None:
        try:
            json.dumps(dict(schema), allow_nan=False)
            if (outside := _reference_outside(schema)) is not None:
                return f"the parameters refer to {outside!r}, which nobody fetches"
            self._check(dict(schema))
        except SchemaError as error:
            return f"the parameters are not valid JSON Schema at {error.json_path}: {error.message}"
        except (TypeError, ValueError) as error:
            return f"the parameters are not JSON: {error}"
        except RecursionError:
            return "the parameters are nested too deeply"
        return None

    def _check(self, schema: dict[str, Any]) -> None:
        draft = validator_for(schema, default=Draft202012Validator)
        if draft is Draft202012Validator:
            self._check_node(schema, ())
        else:
            draft.check_schema(schema)

    def _check_node(self, node: Any, path: tuple[str | int, ...]) -> None:
        shape = _shape(node) if isinstance(node, Mapping) else node
        kind = json.dumps(shape, sort_keys=True)
        if kind not in self._valid:
            try:
                Draft202012Validator.check_schema(shape)
            except SchemaError as error:
                error.path.extendleft(reversed(path))
                raise
            self._valid.add(kind)
        if isinstance(node, Mapping):
            for step, child in _children(node):
                self._check_node(child, (*path, *step))


def _shape(node: Mapping[str, Any]) -> dict[str, Any]:
    """`node` with what does not bear on its own validity taken out, so that like nodes look alike."""
    return {keyword: _plain(keyword, value) for keyword, value in node.items()}


def _plain(keyword: str, value: Any) -> Any:
    """The simplest value as valid as `value`, whose own schemas are checked apart."""
    if keyword in _ANYTHING:
        return None
    if keyword == "required" and _are_distinct_names(value):
        return []
    least = _LEAST.get(keyword)
    alike = isinstance(value, Mapping) if least in (True, {}) else isinstance(value, type(least))
    empty_list = keyword in _LISTS and not value
    return least if least is not None and alike and not empty_list else value


def _are_distinct_names(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(name, str) for name in value)
        and len(set(value)) == len(value)
    )


def _reference_outside(node: Any) -> str | None:
    """A reference that leads out of the schema: a validator would fetch it, from wherever a provider says."""
    if isinstance(node, list):
        return next((found for item in node if (found := _reference_outside(item))), None)
    if not isinstance(node, Mapping):
        return None
    reference = node.get("$ref", "#")
    if isinstance(reference, str) and not reference.startswith("#"):
        return reference
    return next((found for value in node.values() if (found := _reference_outside(value))), None)


def _children(node: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The schemas directly inside `node`, each with the way to it."""
    for keyword, value in node.items():
        match value:
            case Mapping() if keyword in _MAPS:
                yield from (((keyword, name), child) for name, child in value.items())
            case list() if keyword in _LISTS:
                yield from (((keyword, place), child) for place, child in enumerate(value))
            case Mapping() if keyword in _SINGLE:
                yield (keyword,), value
            case _:
                pass
