"""The reason node: one strict step of a small model. First which tool, out of an enum; then its arguments, under its schema."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage

from graphs.events import emit
from graphs.parts import Parts
from graphs.prompting import (
    ASK_USER,
    FINAL_ANSWER,
    chosen,
    fill_request,
    prompt_file,
    render,
    written,
)
from graphs.state import FIND_TOOLS, State, current_run, to_state
from nexus.core.action import Call, CallId
from nexus.core.arguments import check_arguments, schema_for_model
from nexus.core.budget import Spent
from nexus.core.canonical import sha256
from nexus.core.tool import JsonSchema, ToolSpec
from nexus.errors import ArgumentsInvalid, OutputCut
from nexus.ports.model import ChatMessage

ANSWER_TOKENS = 400
ARGUMENT_TOKENS = 900
CHOICE_TOKENS = 60


@dataclass(slots=True)
class Meter:
    """Counts what one step costs."""

    tokens: int = 0
    started: float = 0.0

    def onto(self, spent: Spent, *, failures: int) -> Spent:
        """The run's tally with this step added."""
        return Spent(
            steps=spent["steps"] + 1,
            failures=failures,
            tokens=spent["tokens"] + self.tokens,
            seconds=spent["seconds"] + time.monotonic() - self.started,
        )


class Reason:
    """Lets the model choose the next step."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, state: State) -> dict[str, Any]:
        """One step: a call, a search, a question or the answer."""
        meter = Meter(started=time.monotonic())
        prompt = render(state, self._parts.tools, self._parts.clock.now().astimezone())
        options = [*state["shortlist"], *state["found"]]
        while True:
            tool = await self._choose(prompt, options, meter)
            if tool in (FINAL_ANSWER, ASK_USER):
                return await self._end(state, prompt, tool, meter)
            if tool == FIND_TOOLS:
                return await self._search(state, prompt, meter)
            update = await self._propose(state, prompt, self._parts.tools.get(tool), meter)
            if update is not None:
                return update
            # The very same call was made before: it cannot be the next step.
            options = [name for name in options if name != tool]

    async def _choose(self, prompt: Sequence[ChatMessage], options: Sequence[str], meter: Meter) -> str:
        names = [*options, FIND_TOOLS, ASK_USER, FINAL_ANSWER]
        answer = await self._write(prompt, _object(tool={"type": "string", "enum": names}), CHOICE_TOKENS, meter)
        return str(answer["tool"])

    async def _propose(
        self, state: State, prompt: Sequence[ChatMessage], spec: ToolSpec, meter: Meter
    ) -> dict[str, Any] | None:
        """The proposed call; None if this very call was made before in this run."""
        arguments, problem = await self._fill(prompt, spec, meter)
        if _was_made(state, spec.slug, arguments):
            return None
        call = Call(id=CallId(secrets.token_hex(8)), tool=spec.slug, arguments=arguments)
        message = AIMessage(
            content="", tool_calls=[{"name": call.tool, "args": dict(arguments), "id": call.id}]
        )
        if problem is not None:
            failed = ToolMessage(
                content=f"Error: {problem}", tool_call_id=call.id, name=call.tool, status="error"
            )
            spent = meter.onto(state["spent"], failures=state["spent"]["failures"] + 1)
            return {"messages": [message, failed], "call": None, "spent": spent}
        emit("call", call_id=call.id, tool=call.tool, arguments=arguments)
        return {
            "messages": [message],
            "call": to_state(call),
            "question": "action",
            "go": False,
            "spent": meter.onto(state["spent"], failures=state["spent"]["failures"]),
        }

    async def _fill(
        self, prompt: Sequence[ChatMessage], spec: ToolSpec, meter: Meter
    ) -> tuple[dict[str, Any], ArgumentsInvalid | None]:
        """Arguments that fit the tool's schema, or the last ones with what is wrong with them."""
        conversation = [*prompt, chosen(spec.slug), fill_request(spec)]
        arguments: dict[str, Any] = {}
        problem: ArgumentsInvalid | None = None
        for _ in range(1 + self._parts.budget.corrections):
            try:
                schema = schema_for_model(spec.parameters)
                arguments = await self._write(conversation, schema, ARGUMENT_TOKENS, meter)
                check_arguments(spec, arguments)
            except ArgumentsInvalid as error:
                problem = error
            except OutputCut:
                problem = ArgumentsInvalid("they are far too long", remedy="Be brief.")
            else:
                return arguments, None
            emit("correction", tool=spec.slug, problem=str(problem))
            again = prompt_file("correction").substitute(problem=str(problem), tool=spec.slug)
            conversation = [*conversation, written(arguments), ChatMessage("user", again)]
        return arguments, problem

    async def _end(
        self, state: State, prompt: Sequence[ChatMessage], tool: str, meter: Meter
    ) -> dict[str, Any]:
        """The answer, or the question to the user: both end the run."""
        name, ending = ("answer", "answered") if tool == FINAL_ANSWER else ("question", "asked")
        text = await self._text(prompt, tool, name, meter)
        emit("answer", text=text, ending=ending)
        spent = meter.onto(state["spent"], failures=0)
        return {"messages": [AIMessage(content=text)], "ending": ending, "spent": spent}

    async def _search(self, state: State, prompt: Sequence[ChatMessage], meter: Meter) -> dict[str, Any]:
        """Look for other tools in the model's own words."""
        query = await self._text(prompt, FIND_TOOLS, "search", meter)
        call = {"name": FIND_TOOLS, "args": {"query": query}, "id": secrets.token_hex(8)}
        spent = meter.onto(state["spent"], failures=state["spent"]["failures"])
        message = AIMessage.model_validate({"content": "", "tool_calls": [call]})
        return {"messages": [message], "search": [query], "spent": spent}

    async def _text(self, prompt: Sequence[ChatMessage], tool: str, name: str, meter: Meter) -> str:
        """A text under the key `name`."""
        conversation = [*prompt, chosen(tool), ChatMessage("user", prompt_file(name).template)]
        limits = {"type": "string", "minLength": 1, "maxLength": 800}
        return str((await self._write(conversation, _object(**{name: limits}), ANSWER_TOKENS, meter))[name])

    async def _write(
        self, prompt: Sequence[ChatMessage], schema: JsonSchema, max_tokens: int, meter: Meter
    ) -> dict[str, Any]:
        """JSON under `schema`. Greedy decoding of a valid prompt cannot be improved by asking again."""
        done = await self._parts.model.complete(prompt, schema=schema, max_tokens=max_tokens)
        meter.tokens += done.prompt_tokens - done.cached_tokens + done.completion_tokens
        return json.loads(done.text)


def _object(**properties: JsonSchema) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _was_made(state: State, tool: str, arguments: dict[str, Any]) -> bool:
    """True if this run has already made this very call."""
    this = sha256({"tool": tool, "arguments": arguments})
    made = (
        sha256({"tool": call["name"], "arguments": call["args"]})
        for message in current_run(state["messages"])
        if isinstance(message, AIMessage)
        for call in message.tool_calls
    )
    return this in made
