"""Arguments against a tool's schema: what a small model is shown, and told when they do not fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from nexus.core.canonical import canonical_json
from nexus.core.tool import JsonSchema, ToolSpec
from nexus.errors import ArgumentsInvalid

MAX_OPTIONAL = 8
"""Optional parameters a small model is offered; the rest stay at the tool's defaults (toolselect.md 4.5)."""

_EXAMPLE = re.compile(
    r"\s*\((?:e\.g\.|for example)[^)]*\)|[,;]?\s*(?:e\.g\.|for example),?\s.*?(?=;|\.\s|\.?$)", re.DOTALL
)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")

_NOISE = frozenset({"title", "default", "examples", "$schema", "deprecated", "example"})
"""Keywords that cost tokens, or that grammars do not know, and change nothing about what is valid."""


def check_arguments(spec: ToolSpec, arguments: Mapping[str, Any]) -> None:
    """Make sure that `arguments` can be sent to the tool and written down.

    Raises:
        ArgumentsInvalid: Names the field, what was wrong and what is expected.
    """
    canonical_json(dict(arguments))
    errors = Draft202012Validator(dict(spec.parameters)).iter_errors(dict(arguments))
    error = best_match(errors)
    if error is not None:
        raise ArgumentsInvalid(_problem(error), field=_field(error), remedy=_expected(error))


def schema_for_model(parameters: JsonSchema) -> dict[str, Any]:
    """The schema as a small model gets it: required first, few optional, nothing it cannot use.

    Valid for this schema implies valid for the tool's own, except for keywords that the grammar engine
    does not know; `check_arguments` has the last word.
    """
    properties: Mapping[str, Any] = parameters.get("properties", {})
    required = [name for name in parameters.get("required", []) if name in properties]
    optional = [name for name in properties if name not in required][:MAX_OPTIONAL]
    kept = {name: _strip(properties[name]) for name in [*required, *optional]}
    return {"type": "object", "properties": kept, "required": required, "additionalProperties": False}


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


def _strip(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        return {
            key: {name: _strip(part) for name, part in value.items()}
            if key == "properties" and isinstance(value, Mapping)
            else without_examples(value)
            if key == "description" and isinstance(value, str)
            else _strip(value)
            for key, value in schema.items()
            if key not in _NOISE
        }
    return [_strip(item) for item in schema] if isinstance(schema, list) else schema


def _field(error: ValidationError) -> str:
    path = ".".join(str(part) for part in error.absolute_path)
    return path or "arguments"


def _problem(error: ValidationError) -> str:
    value = repr(error.instance)
    shown = value if len(value) <= 80 else f"{value[:80]}…"  # noqa: PLR2004 - one line for the model
    match error.validator:
        case "required":
            present = error.instance if isinstance(error.instance, Mapping) else {}
            required: Any = error.validator_value
            missing = [name for name in required if name not in present]
            return f"{', '.join(missing)} is missing"
        case "additionalProperties":
            return error.message
        case "enum":
            return f"{shown} is not one of {error.validator_value}"
        case "type":
            return f"{shown} is not of type {error.validator_value}"
        case _:
            return f"{shown} does not fit ({error.validator}: {str(error.validator_value)[:80]})"


def _expected(error: ValidationError) -> str | None:
    description = error.schema.get("description") if isinstance(error.schema, Mapping) else None
    return f"Expected: {description}" if description and error.validator != "required" else None
