"""The prompt of a run: each step only adds to the one before, so the model's prefix cache stays warm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from string import Template
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

from graphs.conversation import earlier_in
from graphs.shortening import Observation
from graphs.state import State, current_run
from nexus.core.schema_text import schema_text
from nexus.core.simple_schema import SimpleSchema
from nexus.core.tool import ToolSpec
from nexus.core.words import brief
from nexus.errors import NotFound
from nexus.ports.experience import PastCall
from nexus.ports.model import ChatMessage
from nexus.ports.tools import Tools

Prompt = Sequence[ChatMessage]

FINAL_ANSWER = "final_answer"
ASK_USER = "ask_user"

ARGUMENTS_TOLD = 2_000
"""Characters of the arguments of a call that the model is told of again, with the result."""

_DESCRIPTION = 600  # characters of a tool's description when its arguments are written
_EXAMPLE = 600  # characters of the last call of a tool, with its request; a longer one is not shown
_LINE = 160  # characters of a tool's summary in the shortlist
_PARAMETERS = 6  # parameter names of a tool in the shortlist


@cache
def prompt_file(name: str) -> Template:
    """The prompt text `prompts/<name>.md`, with `$placeholders`."""
    text = (resources.files("graphs") / "prompts" / f"{name}.md").read_text(encoding="utf-8")
    return Template(text.strip())


@cache
def shots(name: str) -> Sequence[ChatMessage]:
    """The instruction `prompts/<name>.md` and its examples, each ending with a line that is the answer.

    They are the same for every request, so the model reads them once.
    """
    messages = [ChatMessage("system", prompt_file(name).template)]
    for example in prompt_file(f"{name}_examples").template.split("\n\n"):
        asked, _, answer = example.rpartition("\n")
        messages += [ChatMessage("user", asked), ChatMessage("assistant", answer)]
    return messages


def tool_line(spec: ToolSpec) -> str:
    """A tool as one line of the shortlist, in the shape of a function: coder models read that best."""
    required = spec.parameters.get("required", [])
    properties = spec.parameters.get("properties", {})
    names = [name if name in required else f"{name}?" for name in properties]
    return f"- {spec.slug}({', '.join(names[:_PARAMETERS])}): {spec.summary[:_LINE]}"


def render(state: State, tools: Tools, now: datetime) -> list[ChatMessage]:
    """The prompt for the next choice: instructions, earlier runs, the request, the steps."""
    run = current_run(state["messages"])
    known = [tools.get(slug) for slug in state["shortlist"] if _exists(tools, slug)]
    request = prompt_file("request").substitute(
        today=f"{now:%A, %d %B %Y, %H:%M}",
        tools="\n".join(tool_line(spec) for spec in known),
        request=asked(state),
    )
    system = ChatMessage("system", prompt_file("system").template)
    return [
        system,
        *earlier_in(state),
        ChatMessage("user", request),
        *_steps(run[1:], asked(state)),
    ]


def with_dates(state: State) -> str:
    """The request, with the days and times in it spelled out."""
    dates = "; ".join(f"{words} = {moment}" for words, moment in state.get("dates", []))
    return f"{state['goal']}\n({dates})" if dates else state["goal"]


def asked(state: State) -> str:
    """The request as the model reads it: with its dates, and with what is remembered, marked as that."""
    memories = state.get("memories", [])
    if not memories:
        return with_dates(state)
    told = prompt_file("memories").substitute(memories=_listed(memories))
    return f"{with_dates(state)}\n{told}"


def fill_request(
    spec: ToolSpec, simple: SimpleSchema, state: State, past: PastCall | None
) -> list[ChatMessage]:
    """Asks for the arguments of the chosen tool; `past` is the last call of it that a person approved."""
    memories = state.get("memories", [])
    asked = prompt_file("arguments_remembered" if memories else "arguments").substitute(
        tool=spec.slug,
        request=with_dates(state),
        description=brief(spec.description, _DESCRIPTION),
        schema=schema_text(simple.schema),
        memories=_listed(memories),
    )
    example = _example(spec, simple, past) if past else []
    return [*example, ChatMessage("user", asked)]


def _listed(texts: Sequence[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)


def _example(spec: ToolSpec, simple: SimpleSchema, past: PastCall) -> list[ChatMessage]:
    """The last call as a question and an answer of its own, if it is short enough.

    Shown as a part of the question it is copied, texts and all (1.5B).
    """
    offered = simple.schema["properties"]
    arguments = {name: value for name, value in simple.flat(past.arguments).items() if name in offered}
    answer = written(arguments)
    if len(answer.content) + len(past.request) > _EXAMPLE:
        return []
    asked = prompt_file("past").substitute(tool=spec.slug, request=past.request)
    return [ChatMessage("user", asked), answer]


def lookup_request(last: ChatMessage, tool: str, field: str) -> ChatMessage:
    """The last message of a prompt, asking instead for what finds an argument of `tool`."""
    before = last.content.rsplit("\n", 1)[0]
    asked = prompt_file("lookup").substitute(tool=tool, field=field)
    return ChatMessage("user", f"{before}\n{asked}")


def chosen(tool: str) -> ChatMessage:
    """The model's choice, as it wrote it."""
    return written({"tool": tool})


def written(value: Any) -> ChatMessage:
    """JSON the model wrote."""
    return ChatMessage("assistant", json.dumps(value, ensure_ascii=False))


def observed(tool: str, arguments: str, text: str, request: str) -> Observation:
    """What came back from a tool, and the question what is next."""
    content = prompt_file("observation").substitute(
        tool=tool, arguments=arguments, result=text, request=request
    )
    return Observation("user", content, result=text, shown=text)


def _steps(messages: Sequence[AnyMessage], request: str) -> list[ChatMessage]:
    """The steps of this run: choice, and result with the arguments it is of."""
    lines: list[ChatMessage] = []
    arguments = ""
    for message in messages:
        if isinstance(message, AIMessage) and message.tool_calls:
            call = message.tool_calls[0]
            arguments = _told(json.dumps(call["args"], ensure_ascii=False)[1:-1])
            lines.append(chosen(call["name"]))
        elif isinstance(message, ToolMessage):
            lines.append(observed(message.name or "tool", arguments, message.text, request))
    return lines


def _told(arguments: str) -> str:
    """The arguments of an earlier call, for the model: a very long text is not said all over again."""
    rest = len(arguments) - ARGUMENTS_TOLD
    return f"{arguments[:ARGUMENTS_TOLD]}… ({rest:,} more characters)" if rest > 0 else arguments


def _exists(tools: Tools, slug: str) -> bool:
    try:
        tools.get(slug)
    except NotFound:
        return False
    return True
