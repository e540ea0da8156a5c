"""What a protocol makes of a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jsonschema import Draft202012Validator

from tests.bench.desk_systems import MeteredEngine
from tests.bench.protocols.cases import Case


@dataclass(frozen=True, slots=True)
class Action:
    """The first call that a protocol makes; `tool` is None if it does not act.

    Attributes:
        arguments: As they would reach the tool; None if they could not be read.
        said: What the model wrote instead of a call, or why it did not act.
    """

    tool: str | None
    arguments: Mapping[str, Any] | None = None
    said: str = ""


class ActionProtocol(Protocol):
    """A way to let a model act."""

    async def __call__(self, engine: MeteredEngine, case: Case) -> Action:
        """The first action for a case."""
        ...


def is_valid(action: Action, case: Case) -> bool:
    """True if the call is one of an offered tool, with arguments that fit the tool's own schema."""
    spec = next((tool for tool in case.tools if tool.slug == action.tool), None)
    if spec is None or action.arguments is None:
        return False
    return Draft202012Validator(dict(spec.parameters)).is_valid(dict(action.arguments))
