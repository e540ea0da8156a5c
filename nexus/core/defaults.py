"""The values a tool would fill in by itself, filled in before anybody is asked."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from nexus.core.origin import Origins, leaves
from nexus.core.tool import JsonSchema

_NONE = object()


def with_defaults(parameters: JsonSchema, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`arguments` with the schema's defaults for what they leave out, also inside of given objects.

    So the person sees what is sent, and what is sent does not depend on what the app takes for granted.
    A default of null says no more than leaving the value out, and is left out; so is one that the schema
    itself does not allow (provider catalogues have some).
    """
    properties = parameters.get("properties")
    if not isinstance(properties, Mapping):
        return dict(arguments)
    filled = dict(arguments)
    for name, schema in properties.items():
        if not isinstance(schema, Mapping):
            continue
        given = arguments.get(name)
        if isinstance(given, Mapping):
            filled[name] = with_defaults(schema, given)
        elif name not in arguments and _has_default(schema, parameters):
            filled[name] = copy.deepcopy(schema["default"])
    return filled


def told_defaults(parameters: JsonSchema, arguments: Mapping[str, Any], known: Origins) -> Origins:
    """The origins of a call's values, with `default` for those that are but the schema's default."""
    defaults = dict(leaves(with_defaults(parameters, _given_objects(arguments))))
    return {
        pointer: "default"
        if known[pointer] == "model" and defaults.get(pointer, _NONE) == value
        else known[pointer]
        for pointer, value in leaves(arguments)
    }


def _given_objects(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The objects in `arguments`, without any value."""
    return {name: _given_objects(value) for name, value in arguments.items() if isinstance(value, Mapping)}


def _has_default(schema: Mapping[str, Any], parameters: JsonSchema) -> bool:
    """True if the property has a default that can be sent."""
    if schema.get("default") is None:
        return False
    definitions = {name: parameters[name] for name in ("$defs", "definitions") if name in parameters}
    return Draft202012Validator({**schema, **definitions}).is_valid(schema["default"])
