"""The reason node: one strict step. First which tool, out of an enum; then its arguments."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage

from graphs.events import emit
from graphs.parts import Parts
from graphs.prompting import (
    ASK_USER,
    FINAL_ANSWER,
    chosen,
    fill_request,
    lookup_request,
    prompt_file,
    render,
    with_dates,
    written,
)
from graphs.provenance import sources
from graphs.state import FIND_TOOLS, State, calls_made, current_run, to_state
from graphs.writing import Writer
from nexus.core.action import Call, CallId
from nexus.core.arguments import check_arguments, schema_for_model
from nexus.core.canonical import sha256
from nexus.core.grounding import check_grounded, without_made_up
from nexus.core.origin import Source
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid, NotFound, OutputCut
from nexus.ports.model import ChatMessage

ARGUMENT_TOKENS = 900
CHOICE_TOKENS = 60
TEXT_TOKENS = 300

INFORMATION = 0.6
"""P(yes) above which a request only wants to be told something; questions gave 0.68 and more (1.5B, 35
requests of tests/model/desk_tasks.py)."""

_PLAIN_QUESTION = re.compile(
    r"^\s*(what|who|whose|when|where|which|how (many|much|long|often|far))\b[^.!]*\?\s*$", re.IGNORECASE
)
"""A question that needs no second opinion; the 0.5B's is not worth much (AUC 0.73, toolselect.md)."""

_QUESTION = re.compile(
    r"\?|^\s*(what|who|whom|whose|when|where|which|why|how|is|are|do|does|did|has|have|show|list|tell me)\b",
    re.IGNORECASE,
)
"""The form of a question. Alone it would take `Can you mail Ana?` for one; the model reads the rest."""

NOTHING_DONE = "I could not do this with the tools I have. Nothing was changed or sent."

_NO_TOOLS = (FIND_TOOLS, ASK_USER, FINAL_ANSWER)

Prompt = Sequence[ChatMessage]


class Reason:
    """Lets the model choose the next step."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, state: State) -> dict[str, Any]:
        """One step: a call, a search, a question or the answer."""
        write = Writer(self._parts.model)
        only_asks = await self._only_asks(write, state)
        prompt = render(state, self._parts.tools, self._parts.clock.now().astimezone())
        options = self._options(state, only_asks=only_asks)
        update = await self._step(write, state, prompt, options, only_asks=only_asks)
        return update | {"only_asks": only_asks}

    async def _step(
        self, write: Writer, state: State, prompt: Prompt, options: Sequence[str], *, only_asks: bool
    ) -> dict[str, Any]:
        """Choose until the choice can be carried out; each round has fewer options."""
        to_mend = _to_mend(state)
        if to_mend and not self._is_there(to_mend):
            to_mend = None
        while True:
            tool = to_mend or await self._choose(write, prompt, options)
            to_mend = None
            match tool:
                case "final_answer" if not only_asks and self._is_premature(state, options):
                    options = [name for name in options if name != FINAL_ANSWER]
                case "final_answer" | "ask_user":
                    return await self._end(write, state, prompt, tool, only_asks=only_asks)
                case "find_tools":
                    return await self._search(write, state, prompt)
                case _:
                    update = await self._propose(write, state, prompt, self._parts.tools.get(tool))
                    if isinstance(update, dict):
                        return update
                    prompt, options = self._instead(update, prompt, options, tool)

    async def _choose(self, write: Writer, prompt: Prompt, options: Sequence[str]) -> str:
        schema = _object(tool={"type": "string", "enum": list(options)})
        return str((await write(prompt, schema, CHOICE_TOKENS))["tool"])

    def _options(self, state: State, *, only_asks: bool) -> list[str]:
        """What may be chosen now. A question is answered with tools that read."""
        tools = [name for name in [*state["shortlist"], *state["found"]] if self._is_there(name)]
        if only_asks:
            tools = [name for name in tools if not self._acts(name)]
        find = [] if _searched(state) or _to_mend(state) else [FIND_TOOLS]
        # What a tool could tell has been told: what is still missing is a step, not a fact.
        ask = [] if _succeeded(state) else [ASK_USER]
        return [*tools, *find, *ask, FINAL_ANSWER]

    async def _only_asks(self, write: Writer, state: State) -> bool:
        """True if the request is a question: in its form, and as the model reads it."""
        if "only_asks" in state and calls_made(state):
            return state["only_asks"]
        if _PLAIN_QUESTION.search(state["goal"]):
            return True
        if not _QUESTION.search(state["goal"]):
            return False
        question = prompt_file("information").substitute(request=state["goal"])
        probability = await write.probability_of_yes([ChatMessage("user", question)])
        return probability is not None and probability >= INFORMATION

    def _is_premature(self, state: State, options: Sequence[str]) -> bool:
        """True if the model wants to end a request for an action before it has proposed any."""
        if len(options) <= 1 or _searched(state):
            return False
        return not any(self._acts(name) for name, _ in calls_made(state))

    def _acts(self, tool: str) -> bool:
        """True if the tool may change something; one that is gone is taken for such."""
        try:
            return tool != FIND_TOOLS and not self._parts.tools.get(tool).is_read_only
        except NotFound:
            return True

    def _is_there(self, tool: str) -> bool:
        try:
            self._parts.tools.get(tool)
        except NotFound:
            return False
        return True

    def _instead(
        self, problem: ArgumentsInvalid | None, prompt: Prompt, options: Sequence[str], tool: str
    ) -> tuple[Prompt, list[str]]:
        """What to choose from when `tool` cannot be used yet (something must be looked up), or not again."""
        others = [name for name in options if name != tool]
        if problem is None or problem.field is None:
            return prompt, others
        lookups = [name for name in others if name not in _NO_TOOLS and not self._acts(name)]
        return [*prompt[:-1], lookup_request(prompt[-1], tool, problem.field)], [*lookups, ASK_USER]

    async def _propose(
        self, write: Writer, state: State, prompt: Prompt, spec: ToolSpec
    ) -> dict[str, Any] | ArgumentsInvalid | None:
        """The proposed call; what is made up in it; or None if this very call was made before in this run."""
        emit("thought", text=f"Next: {spec.title}", tool=spec.slug)
        arguments, problem = await self._fill(write, state, prompt, spec)
        if _was_made(state, spec.slug, arguments):
            return None
        if problem is None:
            known = sources(state)
            arguments = without_made_up(arguments, known, required=spec.parameters.get("required", ()))
            if made_up := _made_up(arguments, known):
                emit("correction", tool=spec.slug, problem=str(made_up))
                return made_up
        call = Call(id=CallId(secrets.token_hex(8)), tool=spec.slug, arguments=arguments)
        message = AIMessage(
            content="", tool_calls=[{"name": call.tool, "args": dict(arguments), "id": call.id}]
        )
        if problem is not None:
            failed = ToolMessage(
                content=f"Error: {problem}", tool_call_id=call.id, name=call.tool, status="error"
            )
            spent = write.onto(state["spent"], failures=state["spent"]["failures"] + 1)
            return {"messages": [message, failed], "call": None, "spent": spent}
        emit("call", call_id=call.id, tool=call.tool, arguments=arguments)
        spent = write.onto(state["spent"], failures=state["spent"]["failures"])
        return {
            "messages": [message],
            "call": to_state(call),
            "question": "action",
            "go": False,
            "spent": spent,
        }

    async def _fill(
        self, write: Writer, state: State, prompt: Prompt, spec: ToolSpec
    ) -> tuple[dict[str, Any], ArgumentsInvalid | None]:
        """Arguments that fit the tool's schema, or the last ones with what is wrong with them."""
        conversation = [*prompt, chosen(spec.slug), fill_request(spec, with_dates(state))]
        if _to_mend(state) == spec.slug:
            conversation += _corrected(calls_made(state)[-1][1], state["messages"][-1].text, spec.slug)
        arguments: dict[str, Any] = {}
        problem: ArgumentsInvalid | None = None
        for _ in range(1 + self._parts.budget.corrections):
            try:
                arguments = await write(conversation, schema_for_model(spec.parameters), ARGUMENT_TOKENS)
                check_arguments(spec, arguments)
            except ArgumentsInvalid as error:
                problem = error
            except OutputCut:
                problem = ArgumentsInvalid("they are far too long", remedy="Be brief.")
            else:
                return arguments, None
            emit("correction", tool=spec.slug, problem=str(problem))
            conversation += _corrected(arguments, str(problem), spec.slug)
        return arguments, problem

    async def _end(
        self, write: Writer, state: State, prompt: Prompt, tool: str, *, only_asks: bool
    ) -> dict[str, Any]:
        """The answer, or the question to the user: both end the run."""
        name, ending = ("answer", "answered") if tool == FINAL_ANSWER else ("question", "asked")
        if tool == FINAL_ANSWER and not only_asks and not any(self._acts(name) for name in _succeeded(state)):
            # A small model would say that it did it.
            text = NOTHING_DONE
        else:
            text = await _text(write, prompt, tool, name)
        emit("answer", text=text, ending=ending)
        spent = write.onto(state["spent"], failures=0)
        return {"messages": [AIMessage(content=text)], "ending": ending, "spent": spent}

    async def _search(self, write: Writer, state: State, prompt: Prompt) -> dict[str, Any]:
        """Look for other tools in the model's own words."""
        query = await _text(write, prompt, FIND_TOOLS, "search")
        call = {"name": FIND_TOOLS, "args": {"query": query}, "id": secrets.token_hex(8)}
        message = AIMessage.model_validate({"content": "", "tool_calls": [call]})
        spent = write.onto(state["spent"], failures=state["spent"]["failures"])
        return {"messages": [message], "search": [query], "spent": spent}


def _corrected(arguments: dict[str, Any], problem: str, tool: str) -> list[ChatMessage]:
    """The arguments that did not fit, and the request for others."""
    again = prompt_file("correction").substitute(problem=problem, tool=tool)
    return [written(arguments), ChatMessage("user", again)]


async def _text(write: Writer, prompt: Prompt, tool: str, name: str) -> str:
    """A text of a sentence or two under the key `name`."""
    conversation = [*prompt, chosen(tool), ChatMessage("user", prompt_file(name).template)]
    schema = _object(**{name: {"type": "string", "minLength": 1, "maxLength": 600}})
    return str((await write(conversation, schema, TEXT_TOKENS))[name])


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _made_up(arguments: dict[str, Any], known: list[Source]) -> ArgumentsInvalid | None:
    """What is wrong if an id or address stands neither in the request nor in a result."""
    try:
        check_grounded(arguments, known)
    except ArgumentsInvalid as error:
        return error
    return None


def _to_mend(state: State) -> str | None:
    """The tool whose arguments were just refused: it is tried again with others before anything else."""
    last = state["messages"][-1]
    if not isinstance(last, ToolMessage) or not isinstance(last.artifact, dict):
        return None
    return last.name if last.artifact.get("outcome") == "invalid" else None


def _succeeded(state: State) -> list[str]:
    """The tools that did or told something in this run."""
    return [
        message.name
        for message in current_run(state["messages"])
        if isinstance(message, ToolMessage)
        and message.status == "success"
        and message.name
        and message.name != FIND_TOOLS
    ]


def _searched(state: State) -> bool:
    """True if this run has looked for other tools: more searching would find the same."""
    return any(name == FIND_TOOLS for name, _ in calls_made(state))


def _was_made(state: State, tool: str, arguments: dict[str, Any]) -> bool:
    """True if this run has already made this very call."""
    this = sha256({"tool": tool, "arguments": arguments})
    return any(sha256({"tool": name, "arguments": made}) == this for name, made in calls_made(state))
