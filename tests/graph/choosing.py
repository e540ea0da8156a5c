"""A model that makes given choices, and is as sure of each tool as a test wants it to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator
from langchain_core.messages import HumanMessage

from graphs.fit import FITS, FITS_TO_READ
from graphs.offer import UNSURE
from nexus.core.tool import JsonSchema
from nexus.errors import Conflict
from nexus.ports.model import ChatMessage, Completion
from nexus.testing import ScriptedModel
from tests.world import World

UNFIT, MIDDLING, FIT = UNSURE - 0.1, (UNSURE + FITS_TO_READ) / 2, FITS + 0.1


@dataclass
class Choosing(ScriptedModel):
    """A model that makes these choices, is more or less sure of each tool, and remembers what it was asked.

    Attributes:
        choices: What it chooses, in order.
        fills: Arguments it writes, each once, as soon as they fit what is asked for.
        fits: Its answer to whether a tool is made for the request.
        serves: The same for a step of the request, by step and tool; 0 for any other pair.
        agreed: Its answer to whether the user said yes.
        left: Its answer to whether a tool does something that is still to be done.
    """

    choices: list[str] = field(default_factory=list[str])
    fills: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    fits: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    serves: Mapping[tuple[str, str], float | None] = field(
        default_factory=dict[tuple[str, str], float | None]
    )
    agreed: float = 0.0
    left: float | None = 1.0
    schemas: list[JsonSchema] = field(default_factory=list[JsonSchema])
    judged: list[str] = field(default_factory=list[str])

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int = 512,
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """The next choice, or what else fits."""
        assert schema is not None
        self.schemas.append(schema)
        self.script = [self._line(schema)]
        return await super().complete(messages, schema=schema, max_tokens=max_tokens, on_text=on_text)

    def _line(self, schema: JsonSchema) -> dict[str, Any]:
        if "enum" in schema["properties"].get("tool", {}):
            return {"tool": self.choices.pop(0)}
        for arguments in self.fills:
            if Draft202012Validator(dict(schema)).is_valid(dict(arguments)):
                self.fills.remove(arguments)
                return dict(arguments)
        return dict.fromkeys(schema["required"], "Nothing more.")

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float | None:
        """How sure it is of the tool it is asked about; no request is a mere question."""
        if "\nDone: " in messages[-1].content:
            return self.left
        for step, _ in self.serves:
            if messages[-1].content.startswith(f"Request: {step}\nTool: "):
                return self.serves.get((step, _tool(messages[-1])), 0.0)
        for tool, fit in self.fits.items():
            if _tool(messages[-1]) == tool:
                self.judged.append(tool)
                return fit
        return self.agreed if "say yes to the question" in messages[-1].content else 0.0

    @property
    def offered(self) -> list[list[str]]:
        """What could be chosen, each time."""
        return [
            schema["properties"]["tool"]["enum"] for schema in self.schemas if "tool" in schema["properties"]
        ]


def _tool(message: ChatMessage) -> str:
    """The tool that the model is asked about; empty if it is about something else."""
    return message.content.partition("\nTool: ")[2].partition("(")[0]


async def told(world: World, model: Choosing, request: str = "Mail ana@example.com") -> list[dict[str, Any]]:
    """What watchers are told of a run with this model, until it pauses or ends."""
    world.model = model  # type: ignore[assignment]
    world.wire()
    with suppress(Conflict):
        await world.runner.create_thread("t")
    return [
        event
        async for event in world.graph.astream(
            {"messages": [HumanMessage(request)]}, world.config(), stream_mode="custom", durability="sync"
        )
    ]
