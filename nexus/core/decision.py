"""What a person can answer to an approval.

Every answer may have a comment: it is for people and is kept with the decision. No tool and no model gets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

DecisionKind = Literal["approve", "edit", "reject", "respond"]


@dataclass(frozen=True, slots=True)
class Approve:
    """Do exactly this. For an unknown outcome: try once more. For a missing account: it is connected now."""

    kind: Literal["approve"] = "approve"
    comment: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Edit:
    """Do this with other arguments: a new call with a new digest, judged by policy again."""

    arguments: Mapping[str, Any]
    kind: Literal["edit"] = "edit"
    comment: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Reject:
    """Do not do this. For an unknown outcome: give up. The reason goes to the model."""

    reason: str = ""
    kind: Literal["reject"] = "reject"
    comment: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Respond:
    """Do not call the tool: this is its answer. For an unknown outcome: it did happen."""

    message: str
    kind: Literal["respond"] = "respond"
    comment: str = field(default="", kw_only=True)


Decision: TypeAlias = Approve | Edit | Reject | Respond
