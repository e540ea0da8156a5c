"""The peer of the desk bench: `langchain.agents.create_agent` on the same engine, with the same tools."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator
from langchain.agents import create_agent
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    ToolCall,
    ToolMessage,
    convert_to_openai_messages,
)
from langchain_core.messages.tool import tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.errors import GraphRecursionError
from pydantic import ConfigDict, Field

from nexus.core.tool import ToolSpec
from nexus.errors import ModelUnavailable, NexusError, PromptTooLong
from nexus.models.engine import EmbeddedEngine
from nexus.ports.tools import ToolProvider
from tests.bench.lenient import calls_in_text, json_object, looks_like_call, new_id

RECURSION_LIMIT = 25
REPLY_TOKENS = 900
SEED = 7
PROMPT = """\
You are a careful assistant. You act for the user on their desk with the tools you have: e-mail, calendar, \
to-do list, contacts and notes. Now it is {now}.
Use the tools to look things up and to do what the user asks, step by step. Do exactly what was asked and \
nothing else. Do not make up addresses, ids or dates: look them up. If the user only asks a question, change \
nothing. If the tools cannot do it, or you would have to guess what is meant, say so instead of acting.
When you are done, answer the user in a sentence or two."""

OnAttempt = Callable[[bool], None]
"""Told of each tool call the model tried to make, and whether it was parsed and fits its tool's schema."""


@dataclass(frozen=True, slots=True)
class PeerRun:
    """How the peer's run went.

    Attributes:
        answer: Its last text.
        ending: `answered`, or the limit that ended it.
        story: The calls and their results, a line each.
    """

    answer: str
    ending: str
    story: Sequence[str]


class EngineChat(BaseChatModel):
    """LangChain's view of the engine's chat endpoint: llama.cpp applies the template and parses tool calls.

    Attributes:
        lenient: Also take tool calls that stand as plain JSON in a reply without native ones.
        schemas: The parameters of each tool, by its name.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: EmbeddedEngine
    on_attempt: OnAttempt
    seconds: float
    lenient: bool = False
    schemas: Mapping[str, Any] = Field(default_factory=dict[str, Any])

    @property
    def _llm_type(self) -> str:
        return "llama.cpp"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """This model, offering these tools."""
        wanted = {key: value for key, value in kwargs.items() if value is not None}
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **wanted)

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError("this model is asked with await")

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's
        **kwargs: Any,
    ) -> ChatResult:
        request = {
            "messages": convert_to_openai_messages(messages),
            "max_tokens": REPLY_TOKENS,
            "temperature": 0,
            "seed": SEED,
            "stream": True,
            "stream_options": {"include_usage": True},
            "cache_prompt": True,
            **({"stop": stop} if stop else {}),
            **kwargs,
        }
        reply = _Reply()
        await self.engine.chat(request, reply.take, seconds=self.seconds)
        reply.require_usable()
        calls = self._calls(reply)
        # A call that was read out of the text is not shown to the model a second time as text.
        text = "" if calls and not reply.native_calls()[0] else reply.text
        message = AIMessage(content=text, tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _calls(self, reply: _Reply) -> list[ToolCall]:
        """The calls of a reply, each reported with whether it could be used."""
        native, unparsed = reply.native_calls()
        written = [] if native else calls_in_text(reply.text, self.schemas)
        calls = native or (written if self.lenient else [])
        for call in calls:
            self.on_attempt(self._fits(call))
        for _ in range(unparsed + (0 if self.lenient else len(written))):
            self.on_attempt(False)  # noqa: FBT003 - a callback
        if not calls and not written and not unparsed and looks_like_call(reply.text, self.schemas):
            self.on_attempt(False)  # noqa: FBT003 - a callback
        return calls

    def _fits(self, call: ToolCall) -> bool:
        schema = self.schemas.get(call["name"])
        return schema is not None and Draft202012Validator(dict(schema)).is_valid(call["args"])


class _Reply:
    """One streamed reply, taken in on the engine's thread."""

    def __init__(self) -> None:
        self.text = ""
        self._functions: dict[int, dict[str, str]] = {}
        self._error: Mapping[str, Any] | None = None

    def take(self, event: Mapping[str, Any]) -> bool:
        """Take in one event; True if nothing more is wanted."""
        self._error = event.get("error") or self._error
        for choice in (event.get("choices") or ())[:1]:
            delta: Mapping[str, Any] = choice.get("delta") or {}
            self.text += delta.get("content") or ""
            for piece in delta.get("tool_calls") or ():
                self._add(piece)
        return self._error is not None

    def require_usable(self) -> None:
        """Refuse a reply that never began; what llama.cpp could not parse to its end stays as text."""
        if self._error is None or self.text or self._functions:
            return
        if self._error.get("type") == "exceed_context_size_error":
            raise PromptTooLong
        raise ModelUnavailable(f"The engine failed: {self._error.get('message', self._error)}")

    def native_calls(self) -> tuple[list[ToolCall], int]:
        """The calls llama.cpp recognised, and the number of those whose arguments are no JSON object."""
        found = [
            (each["name"], json_object(each["arguments"] or "{}"), each["id"])
            for each in self._functions.values()
        ]
        calls = [
            tool_call(name=name, args=args, id=id_ or new_id())
            for name, args, id_ in found
            if args is not None
        ]
        return calls, len(found) - len(calls)

    def _add(self, piece: Mapping[str, Any]) -> None:
        known = self._functions.setdefault(piece.get("index") or 0, {"id": "", "name": "", "arguments": ""})
        function: Mapping[str, Any] = piece.get("function") or {}
        known["id"] = known["id"] or piece.get("id") or ""
        known["name"] += function.get("name") or ""
        known["arguments"] += function.get("arguments") or ""


async def run_peer(
    engine: EmbeddedEngine,
    provider: ToolProvider,
    request: str,
    *,
    now: datetime,
    lenient: bool,
    seconds: float,
    on_attempt: OnAttempt,
) -> PeerRun:
    """One request to a fresh agent, everything approved; tool errors go back to the model.

    Raises:
        NexusError: The engine failed, or the prompt outgrew its context.
    """
    specs = await provider.tools()
    model = EngineChat(
        engine=engine,
        on_attempt=on_attempt,
        seconds=seconds,
        lenient=lenient,
        schemas={spec.slug: spec.parameters for spec in specs},
    )
    prompt = PROMPT.format(now=f"{now:%A, %d %B %Y, %H:%M}")
    agent = create_agent(model, [_as_tool(provider, spec) for spec in specs], system_prompt=prompt)
    messages: list[AnyMessage] = []
    ending = "answered"
    try:
        async for state in agent.astream(
            {"messages": [{"role": "user", "content": request}]},
            {"recursion_limit": RECURSION_LIMIT},
            stream_mode="values",
        ):
            messages = state["messages"]
    except GraphRecursionError:
        ending = f"recursion limit of {RECURSION_LIMIT}"
    last = messages[-1]
    return PeerRun(last.text if isinstance(last, AIMessage) else "", ending, _story(messages))


def _as_tool(provider: ToolProvider, spec: ToolSpec) -> BaseTool:
    """The tool as LangChain takes it; its refusals become error messages to the model."""

    async def call(**arguments: Any) -> str:
        try:
            return (await provider.call(spec, arguments, key=new_id())).text
        except NexusError as error:
            raise ToolException(str(error)) from error

    return StructuredTool(
        name=spec.slug,
        description=spec.description,
        args_schema=dict(spec.parameters),
        coroutine=call,
        handle_tool_error=True,
    )


def _story(messages: Sequence[AnyMessage]) -> list[str]:
    lines: list[str] = []
    for message in messages:
        if isinstance(message, AIMessage):
            lines += [f"{call['name']} {json.dumps(call['args'])}" for call in message.tool_calls]
        elif isinstance(message, ToolMessage):
            lines.append(f"  {'! ' if message.status == 'error' else ''}{message.text}")
    return lines
