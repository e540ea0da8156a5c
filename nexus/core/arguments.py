"""Arguments against a tool's schema, and what the model is told when they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from nexus.core.canonical import canonical_json
from nexus.core.tool import ToolSpec
from nexus.core.words import brief
from nexus.errors import ArgumentsInvalid


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


def _field(error: ValidationError) -> str:
    path = ".".join(str(part) for part in error.absolute_path)
    return path or "arguments"


def _problem(error: ValidationError) -> str:
    shown = brief(repr(error.instance), 80)
    match error.validator:
        case "required":
            present = error.instance if isinstance(error.instance, Mapping) else {}
            required: Any = error.validator_value
            missing = [name for name in required if name not in present]
            return f"{', '.join(missing)} is missing"
        case "additionalProperties":
            return brief(error.message, 300)
        case "enum":
            return f"{shown} is not one of {brief(str(error.validator_value), 300)}"
        case "type":
            return f"{shown} is not of type {error.validator_value}"
        case _:
            return f"{shown} does not fit ({error.validator}: {str(error.validator_value)[:80]})"


def _expected(error: ValidationError) -> str | None:
    description = error.schema.get("description") if isinstance(error.schema, Mapping) else None
    return f"Expected: {brief(description, 160)}" if description and error.validator != "required" else None
