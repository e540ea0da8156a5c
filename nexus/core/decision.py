"""What a person can answer to an approval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

DecisionKind = Literal["approve", "edit", "reject", "respond"]


@dataclass(frozen=True, slots=True)
class Approve:
    """Do exactly this. For an unknown outcome: try once more."""

    kind: Literal["approve"] = "approve"


@dataclass(frozen=True, slots=True)
class Edit:
    """Do this with other arguments: a new call with a new digest, judged by policy again."""

    arguments: Mapping[str, Any]
    kind: Literal["edit"] = "edit"


@dataclass(frozen=True, slots=True)
class Reject:
    """Do not do this. For an unknown outcome: give up. The reason goes to the model."""

    reason: str = ""
    kind: Literal["reject"] = "reject"


@dataclass(frozen=True, slots=True)
class Respond:
    """Do not call the tool: this is its answer. For an unknown outcome: it did happen."""

    message: str
    kind: Literal["respond"] = "respond"


Decision: TypeAlias = Approve | Edit | Reject | Respond
