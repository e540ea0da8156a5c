"""The prompt of a run: each step only adds to the one before, so the model's prefix cache stays warm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from string import Template
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from graphs.state import FIND_TOOLS, State, current_run
from nexus.core.arguments import schema_for_model
from nexus.core.tool import ToolSpec
from nexus.errors import NotFound
from nexus.ports.model import ChatMessage
from nexus.ports.tools import Tools

FINAL_ANSWER = "final_answer"
ASK_USER = "ask_user"

EARLIER_RUNS = 6
"""Messages of earlier runs of the thread that the model is shown."""

_LINE = 160  # characters of a tool's summary in the shortlist
_PARAMETERS = 6  # parameter names of a tool in the shortlist


@cache
def prompt_file(name: str) -> Template:
    """The prompt text `prompts/<name>.md`, with `$placeholders`."""
    text = (resources.files("graphs") / "prompts" / f"{name}.md").read_text(encoding="utf-8")
    return Template(text.strip())


def tool_line(spec: ToolSpec) -> str:
    """A tool as one line of the shortlist, in the shape of a function: coder models read that best."""
    required = spec.parameters.get("required", [])
    properties = spec.parameters.get("properties", {})
    names = [name if name in required else f"{name}?" for name in properties]
    return f"- {spec.slug}({', '.join(names[:_PARAMETERS])}): {spec.summary[:_LINE]}"


def render(state: State, tools: Tools, now: datetime) -> list[ChatMessage]:
    """The prompt for the next choice: instructions, earlier runs, the request, the steps."""
    run = current_run(state["messages"])
    earlier = state["messages"][: len(state["messages"]) - len(run)]
    known = [tools.get(slug) for slug in state["shortlist"] if _exists(tools, slug)]
    request = prompt_file("request").substitute(
        today=f"{now:%A, %d %B %Y, %H:%M}",
        tools="\n".join(tool_line(spec) for spec in known),
        request=with_dates(state),
    )
    system = ChatMessage("system", prompt_file("system").template)
    return [
        system,
        *_recall(earlier),
        ChatMessage("user", request),
        *_steps(run[1:], tools, with_dates(state)),
    ]


def with_dates(state: State) -> str:
    """The request, with the days and times in it spelled out."""
    dates = "; ".join(f"{words} = {moment}" for words, moment in state.get("dates", []))
    return f"{state['goal']}\n({dates})" if dates else state["goal"]


def fill_request(spec: ToolSpec, request: str) -> ChatMessage:
    """Asks for the arguments of the chosen tool."""
    return ChatMessage(
        "user",
        prompt_file("arguments").substitute(
            tool=spec.slug,
            request=request,
            description=spec.description,
            schema=json.dumps(schema_for_model(spec.parameters), ensure_ascii=False),
        ),
    )


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


def observed(tool: str, text: str, request: str) -> ChatMessage:
    """What came back from a tool, and the question what is next."""
    return ChatMessage("user", prompt_file("observation").substitute(tool=tool, result=text, request=request))


def _recall(messages: Sequence[AnyMessage]) -> list[ChatMessage]:
    """What was said in earlier runs, without their steps."""
    said = [
        ChatMessage("user" if isinstance(message, HumanMessage) else "assistant", message.text)
        for message in messages
        if message.text
        and (isinstance(message, HumanMessage) or (isinstance(message, AIMessage) and not message.tool_calls))
    ]
    return said[-EARLIER_RUNS:]


def _steps(messages: Sequence[AnyMessage], tools: Tools, request: str) -> list[ChatMessage]:
    """The steps of this run: choice, arguments, result."""
    lines: list[ChatMessage] = []
    for message in messages:
        if isinstance(message, AIMessage) and message.tool_calls:
            call = message.tool_calls[0]
            lines.append(chosen(call["name"]))
            if call["name"] != FIND_TOOLS and _exists(tools, call["name"]):
                lines += [fill_request(tools.get(call["name"]), request), written(call["args"])]
        elif isinstance(message, ToolMessage):
            lines.append(observed(message.name or "tool", message.text, request))
    return lines


def _exists(tools: Tools, slug: str) -> bool:
    try:
        tools.get(slug)
    except NotFound:
        return False
    return True
