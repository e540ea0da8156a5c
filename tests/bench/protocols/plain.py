"""Protocols of one prompt: JSON in free text, a union of schemas, choose and fill; and thoughts before."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nexus.core.tool import ToolSpec
from nexus.errors import OutputCut, OutputInvalid
from nexus.models.embedded import EmbeddedModel
from nexus.ports.model import ChatMessage
from tests.bench.desk_systems import MeteredEngine
from tests.bench.lenient import calls_in_text
from tests.bench.protocols.action import Action
from tests.bench.protocols.cases import Case

NONE = "none"
REPLY_TOKENS = 300
THOUGHT_TOKENS = 60
THOUGHT_LETTERS = 160

Thought = Literal["no", "in JSON", "free"]

_ASK = """\
You fulfil the user's request with tools. Choose the one tool that fulfils it and fill in its arguments. Use \
only argument names of the tool's schema, and leave out optional ones that the user did not mention.
If no tool fits the request, choose the tool "none" with empty arguments.
Reply with one JSON object and nothing else: {"tool": "<tool name>", "args": {…}}
Tools:
"""


@dataclass(frozen=True, slots=True)
class FreeText:
    """The schemas in the prompt, no grammar; a call is taken from the reply wherever it stands as JSON."""

    async def __call__(self, engine: MeteredEngine, case: Case) -> Action:
        """Ask once."""
        text = await _free(engine, _prompt(case), REPLY_TOKENS)
        calls = calls_in_text(text, {tool.slug: tool.parameters for tool in case.tools})
        acting = [call for call in calls if call["name"] != NONE]
        if not acting:
            return Action(None, said=text)
        return Action(acting[0]["name"], acting[0]["args"])


@dataclass(frozen=True, slots=True)
class Union:
    """One call under a grammar: any of the tools, each with its own arguments, or none."""

    thought: Thought = "no"

    async def __call__(self, engine: MeteredEngine, case: Case) -> Action:
        """Ask once, after a free thought if there is to be one."""
        prompt = await _with_thought(engine, _prompt(case), self.thought)
        inner = self.thought == "in JSON"
        nothing = _choice({"const": NONE}, {"type": "object", "additionalProperties": False}, thought=inner)
        schemas = [_choice({"const": tool.slug}, _closed(tool), thought=inner) for tool in case.tools]
        try:
            value = await _under(engine, prompt, {"anyOf": [*schemas, nothing]}, REPLY_TOKENS)
        except (OutputCut, OutputInvalid) as error:
            return Action("", said=str(error))
        return Action(None) if value["tool"] == NONE else Action(value["tool"], value["args"])


@dataclass(frozen=True, slots=True)
class ChooseThenFill:
    """Two calls under a grammar: the tool out of an enum, then its arguments."""

    thought: Thought = "no"

    async def __call__(self, engine: MeteredEngine, case: Case) -> Action:
        """Ask twice, unless none is chosen."""
        prompt = await _with_thought(engine, _prompt(case), self.thought)
        names = {"enum": [*(tool.slug for tool in case.tools), NONE]}
        asked = _choice(names, None, thought=self.thought == "in JSON")
        try:
            choice = await _under(engine, prompt, asked, REPLY_TOKENS)
            if choice["tool"] == NONE:
                return Action(None)
            spec = next(tool for tool in case.tools if tool.slug == choice["tool"])
            asks = ChatMessage("user", f"Now only the arguments of {spec.slug}, as JSON.")
            chosen = ChatMessage("assistant", json.dumps(choice))
            filled = await _under(engine, [*prompt, chosen, asks], _closed(spec), REPLY_TOKENS)
            return Action(spec.slug, filled)
        except (OutputCut, OutputInvalid) as error:
            return Action("", said=str(error))


def _prompt(case: Case) -> list[ChatMessage]:
    tools = "\n".join(_listed(tool) for tool in case.tools)
    return [ChatMessage("system", f"{_ASK}{tools}"), ChatMessage("user", case.request)]


def _listed(tool: ToolSpec) -> str:
    listed = {"name": tool.slug, "description": tool.description, "parameters": dict(tool.parameters)}
    return json.dumps(listed, ensure_ascii=False)


def _closed(tool: ToolSpec) -> dict[str, Any]:
    return {**tool.parameters, "additionalProperties": False}


def _choice(names: Mapping[str, Any], args: Mapping[str, Any] | None, *, thought: bool) -> dict[str, Any]:
    properties = {
        **({"thought": {"type": "string", "maxLength": THOUGHT_LETTERS}} if thought else {}),
        "tool": names,
        **({"args": args} if args is not None else {}),
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


async def _with_thought(
    engine: MeteredEngine, prompt: Sequence[ChatMessage], thought: Thought
) -> list[ChatMessage]:
    """The prompt, with the model's own free words on what is needed if `thought` is free."""
    if thought != "free":
        return list(prompt)
    asks = ChatMessage(
        "user", "First say in one short sentence what is needed, and which tool does that if any."
    )
    said = await _free(engine, [*prompt, asks], THOUGHT_TOKENS)
    return [*prompt, asks, ChatMessage("assistant", said), ChatMessage("user", "Now the JSON object.")]


async def _free(engine: MeteredEngine, prompt: Sequence[ChatMessage], most: int) -> str:
    """A reply without a grammar; one that is too long ends where the limit cuts it."""
    model = EmbeddedModel(engine, name="bench")
    pieces: list[str] = []
    try:
        return (await model.complete(prompt, max_tokens=most, on_text=pieces.append)).text
    except OutputCut:
        await asyncio.sleep(0)  # the last pieces are handed over by the event loop
        return "".join(pieces)


async def _under(
    engine: MeteredEngine, prompt: Sequence[ChatMessage], schema: Mapping[str, Any], most: int
) -> dict[str, Any]:
    done = await EmbeddedModel(engine, name="bench").complete(prompt, schema=schema, max_tokens=most)
    return json.loads(done.text)
