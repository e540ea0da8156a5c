"""The changed arguments of an edit given on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from nexus.cli.editing import assigned
from nexus.core.canonical import parse_json
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid


def changed_arguments(
    spec: ToolSpec,
    arguments: Mapping[str, Any],
    values: Sequence[str],
    unset: Sequence[str],
    whole: str | None,
) -> dict[str, Any]:
    """The arguments of the edited call.

    Raises:
        ArgumentsInvalid: Nothing was changed, or what was given cannot be read.
    """
    if not values and not unset and whole is None:
        raise ArgumentsInvalid(
            "say what to change", field="--set", remedy="Use --set NAME=VALUE, --unset NAME or --args JSON."
        )
    changed = _parsed(whole) if whole is not None else dict(arguments)
    for name in unset:
        if name not in changed:
            raise ArgumentsInvalid(f"there is no argument {name!r}", field="--unset")
        del changed[name]
    changed.update(assigned(value, spec.parameters) for value in values)
    return changed


def _parsed(whole: str) -> dict[str, Any]:
    value = parse_json(whole)
    if not isinstance(value, dict):
        raise ArgumentsInvalid(
            "it is not a JSON object", field="--args", remedy='Write e.g. {"to": "ana@x.org"}.'
        )
    return cast("dict[str, Any]", value)
