"""A policy rule: a table `[[policy]]` of `nexus.toml`, or an entry of `PUT /policy`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import re2
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]

LONGEST_PATTERN = 1_000
"""Characters of a regular expression."""

MOST_RULES = 200
"""Rules that one list may have."""

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


def compiled(pattern: str) -> Any:
    """The expression, in an engine whose time is linear in the text: no argument can keep it busy.

    Raises:
        ValueError: It is no expression that the engine knows (RE2: no look-around, no back-references).
    """
    try:
        return re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        why = error.args[0].decode(errors="replace") if error.args else "unknown"
        raise ValueError(f"it is no regular expression of RE2 ({why})") from error


def _check_pattern(pattern: str) -> str:
    compiled(pattern)
    return pattern


def _check_pointer(pointer: str) -> str:
    if pointer and not pointer.startswith("/"):
        raise ValueError("a JSON pointer begins with '/': '/to' is the argument to, '/to/*' each item of it")
    return pointer


Pointer = Annotated[str, StringConstraints(max_length=200), AfterValidator(_check_pointer)]
"""An RFC 6901 pointer into the arguments, in which `*` stands for each item of a list or an object."""


class Condition(BaseModel):
    """What a value must be: everything that is given must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    equals: Any = Field(default=None, description="The very value")
    in_: tuple[Any, ...] | None = Field(
        default=None, alias="in", min_length=1, max_length=1_000, description="One of these values"
    )
    matches: Annotated[str, AfterValidator(_check_pattern)] | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_PATTERN,
        description="A regular expression (RE2) for all of a text",
    )
    max: float | None = Field(default=None, description="A number that is not larger")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at least one of equals, in, matches, max")
        return self


class Rule(BaseModel):
    """What to do with calls that fit all of what the rule names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verdict: Literal["allow", "ask", "deny"]
    name: Text | None = Field(default=None, description="What the rule is called where it is the reason")
    because: Text | None = Field(default=None, description="Why, for the person who is asked")
    toolkit: Text | None = Field(default=None, description="The app, exactly")
    tool: Text | None = Field(default=None, description="The tool's name, exactly or as a glob")
    hints: frozenset[
        Literal[
            "readOnlyHint", "createHint", "updateHint", "destructiveHint", "idempotentHint", "openWorldHint"
        ]
    ] = Field(default=frozenset(), description="Hints that the tool has, all of them")
    account: Text | None = Field(default=None, description="The connected account it acts on")
    arguments: dict[Pointer, Condition] = Field(
        default={},
        max_length=20,
        description="By JSON pointer. To allow, every value there must fit; to ask or deny, one is enough",
    )
    trust: Literal["trusted", "untrusted"] | None = Field(
        default=None, description="untrusted: the thread has read what others wrote"
    )
    approvers: tuple[Text, ...] = Field(
        default=(), max_length=20, description="Users who decide, instead of whoever asked for it"
    )
    approvals: int = Field(default=1, ge=1, le=20, description="How many of them must say yes")
    wait_hours: float | None = Field(
        default=None, gt=0, le=720, description="Hours there are to decide; after them the answer is no"
    )

    remind_minutes: float | None = Field(
        default=None, ge=1, le=43_200, description="Minutes after which people are reminded, again and again"
    )
    remind_times: int = Field(default=3, ge=1, le=100, description="How often at most")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        given = {
            "approvers",
            "approvals",
            "wait_hours",
            "remind_minutes",
            "remind_times",
        } & self.model_fields_set
        if self.verdict != "ask" and given:
            raise ValueError(f"{', '.join(sorted(given))}: only the verdict ask has it")
        if len(set(self.approvers)) != len(self.approvers):
            raise ValueError("an approver stands there twice")
        if self.approvals > max(1, len(self.approvers)):
            raise ValueError(f"{self.approvals} approvals need at least as many approvers")
        return self


Rules = Annotated[tuple[Rule, ...], Field(max_length=MOST_RULES)]
