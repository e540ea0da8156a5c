"""A model that follows a plan, and the tools it plans with: sending, reading and deleting mail."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator

from nexus.core.tool import JsonSchema, ToolSpec
from nexus.ports.model import ChatMessage, Completion

SEND = ToolSpec(
    slug="post_send",
    toolkit="post",
    title="Send an e-mail",
    description="Send an e-mail to one person.",
    parameters={
        "type": "object",
        "properties": {"to": {"type": "string"}, "subject": {"type": "string"}},
        "required": ["to"],
        "additionalProperties": False,
    },
    hints=frozenset({"createHint", "openWorldHint"}),
)
READ = ToolSpec(
    slug="post_read",
    toolkit="post",
    title="Read the inbox",
    description="List the mails in the inbox.",
    parameters={"type": "object", "properties": {}, "additionalProperties": False},
    hints=frozenset({"readOnlyHint"}),
    is_local=True,
)
REMOVE = ToolSpec(
    slug="post_remove",
    toolkit="post",
    title="Delete a mail",
    description="Delete a mail for good.",
    parameters={
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": False,
    },
    hints=frozenset({"destructiveHint"}),
)

MAIL = {"to": "ana@example.com", "subject": "hello"}

Plan = Sequence[tuple[str, Mapping[str, Any]]]


@dataclass
class PlannedModel:
    """A `ChatModel` without memory: its prompt says how much of the plan is done, so a replay repeats it."""

    plan: Plan = ((SEND.slug, MAIL),)
    answer: str = "Done."
    name: str = "planned"
    context_tokens: int = 8192
    prompts: list[Sequence[ChatMessage]] = field(default_factory=list[Any])

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int = 512,  # noqa: ARG002 - the port's
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """The next step of the plan, valid for `schema`, in pieces of a few characters."""
        self.prompts.append(list(messages))
        assert schema is not None
        line = _with_required(
            self._line(sum(_is_choice(message) for message in messages), schema["properties"]), schema
        )
        Draft202012Validator(schema).validate(line)
        text = json.dumps(line)
        for start in range(0, len(text) if on_text else 0, 5):
            on_text(text[start : start + 5])  # type: ignore[misc]  # there is none to call otherwise
        return Completion(text, prompt_tokens=10, cached_tokens=0, completion_tokens=5, seconds=0.0)

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float | None:
        """Sure of every tool; of a request, that it only asks for something if the plan only reads."""
        if "Tool: " in messages[-1].content:
            return 1.0
        return float(all(tool == READ.slug for tool, _ in self.plan))

    async def close(self) -> None:
        """Holds nothing."""

    def _line(self, chosen: int, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        step = self.plan[chosen] if chosen < len(self.plan) else ("final_answer", {})
        if "enum" in asked.get("tool", {}):
            offered = asked["tool"]["enum"]
            return {"tool": step[0] if step[0] in offered else offered[-1]}
        texts = {name: self.answer for name in ("answer", "question", "search") if name in asked}
        return texts or self.plan[min(chosen, len(self.plan)) - 1][1]


def _is_choice(message: ChatMessage) -> bool:
    return (
        message.role == "assistant"
        and message.content.startswith("{")
        and "tool" in json.loads(message.content)
    )


def _with_required(line: Mapping[str, Any], schema: JsonSchema) -> dict[str, Any]:
    """The line with what else the schema wants to hear first, in the schema's order."""
    thoughts = {name: "" for name in schema["required"] if name not in line}
    return thoughts | dict(line)
