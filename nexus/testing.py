"""Fakes for your own tests, and for ours: a scripted model, recording tools, a clock you can turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from jsonschema import Draft202012Validator

from nexus.core.tool import JsonSchema, ToolSpec
from nexus.errors import OutputInvalid
from nexus.ports.index import ANYONE, Hit, Scope
from nexus.ports.model import ChatMessage, Completion
from nexus.ports.tools import ToolResult


@dataclass
class FakeClock:
    """A clock that stands still until you turn it."""

    time: datetime = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The time it shows."""
        return self.time

    def advance(self, delta: timedelta) -> None:
        """Turn it, forwards or backwards."""
        self.time += delta


@dataclass
class ScriptedModel:
    """A `ChatModel` that says what it was told to, in order; each line must fit the schema it is asked for.

    `calls(("send", {...}), ..., answer="Done.")` writes the script of a whole run. An exception in the
    script is raised in its place. `yes` is its answer to every yes-or-no question.
    """

    script: list[dict[str, Any] | BaseException] = field(default_factory=list[Any])
    prompts: list[Sequence[ChatMessage]] = field(default_factory=list[Any])
    yes: float | None = None
    name: str = "scripted"
    context_tokens: int = 8192

    def calls(self, *steps: tuple[str, Mapping[str, Any]], answer: str | None = None) -> ScriptedModel:
        """Add these calls, and the final answer, to the script."""
        for tool, arguments in steps:
            self.script += [{"tool": tool}, dict(arguments)]
        if answer is not None:
            self.script += [{"tool": "final_answer"}, {"answer": answer}]
        return self

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int = 512,  # noqa: ARG002 - the port's
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """The next line of the script."""
        self.prompts.append(list(messages))
        if not self.script:
            raise OutputInvalid("The script of this model is at its end.")
        line = self.script.pop(0)
        if isinstance(line, BaseException):
            raise line
        if schema is not None and (error := next(Draft202012Validator(schema).iter_errors(line), None)):
            raise OutputInvalid(f"The script does not fit: {error.message}")
        text = json.dumps(line)
        if on_text is not None:
            on_text(text)
        return Completion(text, prompt_tokens=10, cached_tokens=0, completion_tokens=5, seconds=0.0)

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float | None:
        """What `yes` says."""
        self.prompts.append(list(messages))
        return self.yes

    async def close(self) -> None:
        """Nothing to free."""


@dataclass
class RecordingTools:
    """A `ToolProvider` that writes down every call; `behaviour` may answer, or raise, instead."""

    specs: Sequence[ToolSpec]
    name: str = "recording"
    behaviour: Callable[[ToolSpec, Mapping[str, Any]], str] | None = None
    made: list[tuple[str, dict[str, Any], str]] = field(default_factory=list[Any])

    async def tools(self) -> Sequence[ToolSpec]:
        """The tools it was made with."""
        return self.specs

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """Write the call down, then answer."""
        self.made.append((spec.slug, dict(arguments), key))
        return ToolResult(self.behaviour(spec, arguments) if self.behaviour else "ok", reference=key)


@dataclass
class FixedIndex:
    """A `ToolIndex` that finds every tool it was given, in their order, whatever is asked."""

    slugs: list[str] = field(default_factory=list[str])
    queries: list[str] = field(default_factory=list[str])
    scopes: list[Scope] = field(default_factory=list[Scope])

    async def update(self, tools: Sequence[ToolSpec]) -> None:
        """Know these tools from now on."""
        self.slugs = [tool.slug for tool in tools]

    async def search(self, query: str, *, limit: int = 15, scope: Scope = ANYONE) -> Sequence[Hit]:
        """The first `limit` tools."""
        self.queries.append(query)
        self.scopes.append(scope)
        return [Hit(slug, 1.0) for slug in self.slugs[:limit]]

    async def ready(self) -> None:
        """Nothing is built behind it."""
