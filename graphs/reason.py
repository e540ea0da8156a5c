"""The reason node: one strict step. First which tool, out of an enum; then its arguments."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig

from graphs.answer import only_found, true_answer, with_rows, write_text
from graphs.events import emit
from graphs.experience import last_call
from graphs.fill import fill, refused_again, sought_for, to_mend
from graphs.fit import Gate
from graphs.left import is_left
from graphs.offer import question_about, to_offer
from graphs.parts import Parts
from graphs.prompting import (
    ASK_USER,
    FINAL_ANSWER,
    Prompt,
    lookup_request,
    prompt_file,
    render,
)
from graphs.recall import with_memories
from graphs.recording import note_step
from graphs.remembering import propose
from graphs.repetition import is_repetition
from graphs.state import FIND_TOOLS, State, calls_made, current_run, thread_of, to_state
from graphs.writing import Writer
from nexus.core.action import Call, CallId
from nexus.core.defaults import with_defaults
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid, NotFound
from nexus.ports.model import ChatMessage

CHOICE_TOKENS = 60

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


class Reason:
    """Lets the model choose the next step."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """One step: a call, a search, a question or the answer."""
        write = Writer(self._parts.model)
        state = await with_memories(self._parts, state)
        only_asks = await self._only_asks(write, state)
        prompt = render(state, self._parts.tools, self._parts.clock.now().astimezone())
        gate = Gate(write, state, self._parts.tools)
        options = self._options(state, gate, only_asks=only_asks)
        update = await self._step(write, state, prompt, options, gate, only_asks=only_asks)
        if update.get("ending") == "answered":
            await propose(self._parts, write, state, thread_of(config))
        note_step(update, state, write, now=self._parts.clock.now(), fit=gate.judged)
        return update | {"only_asks": only_asks, "fit": gate.judged, "step_of": gate.steps.of}

    async def _step(
        self,
        write: Writer,
        state: State,
        prompt: Prompt,
        options: Sequence[str],
        gate: Gate,
        *,
        only_asks: bool,
    ) -> dict[str, Any]:
        """Choose until the choice can be carried out; each round has fewer options."""
        given = to_mend(state) or sought_for(state)
        if given and not self._is_there(given):
            given = None
        # What is mended, or lacked what has been looked up now, has passed; so does what is looked up for it.
        passed, seeker = given is not None, None
        while True:
            tool = given or await self._choose(write, prompt, options)
            given = None
            match tool:
                case "final_answer" if not only_asks and self._is_premature(state, options, gate):
                    options = [name for name in options if name != FINAL_ANSWER]
                case "final_answer" | "ask_user":
                    return await self._end(write, state, prompt, tool, gate, only_asks=only_asks)
                case "find_tools":
                    given = await self._at_hand(write, state, prompt, options, gate)
                    if given is None:
                        return await self._search(write, state, prompt)
                case _ if not passed and not await self._is_left(write, state, tool, gate):
                    options = [name for name in options if name != tool]
                case _ if passed or await gate.lets_pass(self._parts.tools.get(tool)):
                    update = await self._propose(write, state, prompt, self._parts.tools.get(tool))
                    if isinstance(update, dict):
                        return update | _seeking(state, update, seeker)
                    seeker = seeker or tool if update is not None and update.field else seeker
                    passed = passed or update is not None
                    prompt, options = self._instead(update, prompt, options, tool)
                case _:
                    options = self._refusing(gate, options)

    async def _choose(self, write: Writer, prompt: Prompt, options: Sequence[str]) -> str:
        schema = _object(tool={"type": "string", "enum": list(options)})
        return str((await write(prompt, schema, CHOICE_TOKENS))["tool"])

    def _options(self, state: State, gate: Gate, *, only_asks: bool) -> list[str]:
        """What may be chosen now. A question is never answered with tools that act."""
        tools = gate.open_to(
            [name for name in [*state["shortlist"], *state["found"]] if self._is_there(name)]
        )
        if only_asks:
            tools = [name for name in tools if not self._acts(name) or not self._parts.tools.get(name).hints]
        find = [] if _searched(state) or to_mend(state) else [FIND_TOOLS]
        # A question is looked up before it is asked back. And what a tool could tell has been told: what is
        # still missing then is a step, not a fact.
        # The same goes for what is remembered: a small model asks for it all the same.
        is_early = not calls_made(state) and (only_asks or bool(state.get("memories")))
        ask = [] if _succeeded(state) or is_early else [ASK_USER]
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

    def _refusing(self, gate: Gate, options: Sequence[str]) -> list[str]:
        """What is left to choose from after the gate refused a tool; ending is always possible then."""
        tools = gate.open_to([name for name in options if name not in _NO_TOOLS])
        others = [name for name in options if name in _NO_TOOLS and name != FINAL_ANSWER]
        return [*tools, *others, FINAL_ANSWER]

    def _is_premature(self, state: State, options: Sequence[str], gate: Gate) -> bool:
        """True if the model wants to end a request for an action before it has proposed any."""
        if len(options) <= 1 or _searched(state) or gate.is_closed or (gate.refused and not gate.passed):
            return False
        return not any(self._acts(name) for name, _ in calls_made(state))

    async def _at_hand(
        self, write: Writer, state: State, prompt: Prompt, options: Sequence[str], gate: Gate
    ) -> str | None:
        """A tool of the list that fits, though the model would look elsewhere before it has tried any.

        Without probabilities nobody can tell, and the model has its way.
        """
        tools = [name for name in options if name not in _NO_TOOLS]
        if gate.judged or calls_made(state) or not tools:
            return None
        tool = await self._choose(write, prompt, tools)
        fits = await gate.lets_pass(self._parts.tools.get(tool))
        return tool if fits and tool in gate.judged else None

    async def _is_left(self, write: Writer, state: State, tool: str, gate: Gate) -> bool:
        """False if the tool acts, others have acted in this run, and the request asks for no more.

        Also if it asks an app for what another has told already.
        """
        spec = self._parts.tools.get(tool)
        if self._acts(tool):
            acted = [name for name in _succeeded(state) if self._acts(name)]
            return await is_left(write, state, spec, acted)
        told = [
            self._parts.tools.get(name)
            for name in _succeeded(state, besides=state.get("sought", {}))
            if self._is_there(name) and not self._acts(name)
        ]
        return spec.is_local or not await gate.steps.is_served(
            spec, [each for each in told if not each.is_local]
        )

    def _acts(self, tool: str) -> bool:
        """True if the tool may change something; one that is gone is taken for such."""
        try:
            return tool != FIND_TOOLS and not self._parts.tools.get(tool).changes_nothing
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
        if problem is None:
            return prompt, others
        lookups = [name for name in others if name not in _NO_TOOLS and not self._acts(name)]
        if problem.field is None:
            return prompt, [*lookups, ASK_USER, FINAL_ANSWER]
        return [*prompt[:-1], lookup_request(prompt[-1], tool, problem.field)], [*lookups, ASK_USER]

    async def _propose(
        self, write: Writer, state: State, prompt: Prompt, spec: ToolSpec
    ) -> dict[str, Any] | ArgumentsInvalid | None:
        """The proposed call; what has to be known for it; or None if this very call was made before."""
        emit("thought", text=f"Next: {spec.title}", tool=spec.slug)
        past = await last_call(self._parts, spec.slug)
        filled = await fill(write, state, prompt, spec, corrections=self._parts.budget.corrections, past=past)
        arguments, problem = with_defaults(spec.parameters, filled.arguments), filled.problem
        if filled.unknown is not None:
            write.correct(spec.slug, str(filled.unknown))
            return filled.unknown
        if is_repetition(state, spec.slug, arguments):
            return refused_again(state, spec.slug, arguments)
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
        emit("call", call_id=call.id, tool=call.tool, arguments=arguments, left_out=list(filled.left_out))
        spent = write.onto(state["spent"], failures=state["spent"]["failures"])
        return {
            "messages": [message],
            "call": to_state(call),
            "question": "action",
            "go": False,
            "spent": spent,
        }

    async def _end(
        self, write: Writer, state: State, prompt: Prompt, tool: str, gate: Gate, *, only_asks: bool
    ) -> dict[str, Any]:
        """The answer, or the question to the user: both end the run."""
        name, ending = ("answer", "answered") if tool == FINAL_ANSWER else ("question", "asked")
        done = _succeeded(state)
        told = bool(state.get("memories"))
        in_vain = (
            not done and gate.refused and not told
            if only_asks
            else not any(self._acts(name) for name in done)
        )
        offered = to_offer(gate) if tool == FINAL_ANSWER and not done else None
        if offered is not None and self._is_there(offered):
            text, ending = question_about(self._parts.tools.get(offered)), "asked"
        elif tool == FINAL_ANSWER and in_vain and (only_asks or not done):
            # A small model would say that it did it, or what it did not look up.
            text = self._nothing_done(gate)
        elif tool == FINAL_ANSWER and in_vain:
            text = await write_text(write, prompt, tool, "reply", name="answer", is_told=False)
            text = only_found(text, state)
        else:
            asked = "reply" if only_asks and tool == FINAL_ANSWER else name
            text = await write_text(write, prompt, tool, asked, name=name, is_told=True)
        if ending == "answered":
            text = true_answer(text, state, self._parts.tools)
            text = with_rows(text, state) if only_asks else text
        emit("answer", text=text, ending=ending)
        spent = write.onto(state["spent"], failures=0)
        return {"messages": [AIMessage(content=text)], "ending": ending, "spent": spent, "offered": offered}

    def _nothing_done(self, gate: Gate) -> str:
        """That nothing was done, and which tool came nearest if one did not fit."""
        nearest = max(gate.refused, key=gate.judged.__getitem__, default=None)
        if nearest is None or not self._is_there(nearest):
            return NOTHING_DONE
        return f"{NOTHING_DONE} The nearest, {self._parts.tools.get(nearest).title}, is not made for it."

    async def _search(self, write: Writer, state: State, prompt: Prompt) -> dict[str, Any]:
        """Look for other tools in the model's own words."""
        query = await write_text(write, prompt, FIND_TOOLS, "search", name="search")
        call = {"name": FIND_TOOLS, "args": {"query": query}, "id": secrets.token_hex(8)}
        message = AIMessage.model_validate({"content": "", "tool_calls": [call]})
        spent = write.onto(state["spent"], failures=state["spent"]["failures"])
        return {"messages": [message], "search": [query], "spent": spent}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _seeking(state: State, update: dict[str, Any], seeker: str | None) -> dict[str, Any]:
    """That the proposed call looks something up for an argument of `seeker`, if it does."""
    call = update["call"]
    return {"sought": {**state.get("sought", {}), call["id"]: seeker}} if seeker and call else {}


def _succeeded(state: State, *, besides: Collection[str] = ()) -> list[str]:
    """The tools that did or told something in this run; not by the calls of the ids in `besides`."""
    return [
        message.name
        for message in current_run(state["messages"])
        if isinstance(message, ToolMessage)
        and message.status == "success"
        and message.name
        and message.name != FIND_TOOLS
        and message.tool_call_id not in besides
    ]


def _searched(state: State) -> bool:
    """True if this run has looked for other tools: more searching would find the same."""
    return any(name == FIND_TOOLS for name, _ in calls_made(state))
