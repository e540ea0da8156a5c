"""JSON that fits its schema: what the engine is asked for, and the check of what came back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from nexus.core.tool import Json, JsonSchema
from nexus.errors import OutputInvalid

_SHOWN = 120
_ASK_AGAIN = "Ask again, with a simpler schema if it stays so."
# Constructs of regular expressions that a grammar cannot follow; the check afterwards still does.
_BEYOND_GRAMMARS = re.compile(r"\(\?|\\[1-9bBAZz]|[*+?}][+?]")
# One space after ':' and ',', as in most JSON that models have read; left free, a fifth more tokens.
_LAYOUT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": ", "lenient": True}


def check_schema(schema: JsonSchema) -> None:
    """Refuse what is not a JSON Schema, before a model is asked to follow it.

    Raises:
        OutputInvalid: Says what is wrong with the schema.
    """
    try:
        Draft202012Validator.check_schema(_plain(schema))
    except SchemaError as error:
        raise OutputInvalid(
            f"No answer can fit the schema asked for: at {_path(error)}, {error.message[:_SHOWN]}.",
            remedy="Correct the tool's schema.",
        ) from error


def parse_output(text: str, schema: JsonSchema) -> Json:
    """The value of `text`, which must be one strict JSON text valid for `schema`; nothing is repaired.

    Raises:
        OutputInvalid: Names the path and what was expected there.
    """
    try:
        value: Json = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        raise OutputInvalid(
            f"The model's answer is not JSON ({error}): {text[:_SHOWN]!r}.", remedy=_ASK_AGAIN
        ) from error
    # An own registry: the default one fetches a schema that is referred to by URL.
    validator = Draft202012Validator(_plain(schema), registry=Registry())
    try:
        worst: ValidationError | None = best_match(validator.iter_errors(value))
    except (Unresolvable, RecursionError) as error:
        raise OutputInvalid(f"The schema asked for refers to what it does not have: {error}.") from error
    if worst is not None:
        raise OutputInvalid(
            f"The model's answer does not fit the schema: at {_path(worst)}, {worst.message[:_SHOWN]}.",
            remedy=_ASK_AGAIN,
        )
    return value


def llguidance_grammar(schema: JsonSchema) -> str:
    """A grammar for llama.cpp's llguidance: compact JSON, properties in the schema's order."""
    followed = {**without_lookaround(_plain(schema)), "x-guidance": _LAYOUT}
    return "%llguidance {}\nstart: %json " + json.dumps(followed)


def without_lookaround(schema: Any) -> Any:
    """`schema` without the patterns that no grammar can follow."""
    if isinstance(schema, list):
        return [without_lookaround(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: without_lookaround(value)
        for key, value in schema.items()
        if not (key == "pattern" and isinstance(value, str) and _BEYOND_GRAMMARS.search(value))
    }


def _plain(schema: JsonSchema) -> dict[str, Any]:
    return dict(schema)


def _path(error: ValidationError | SchemaError) -> str:
    return "/".join(["", *(str(step) for step in error.absolute_path)]) or "/"


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not a JSON number")


def _refuse_duplicates(pairs: list[tuple[str, Json]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return found
