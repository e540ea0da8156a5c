"""Native tool calling, and LangChain's `create_agent`, stopped at the first call they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import BaseTool, StructuredTool

from nexus.core.tool import ToolSpec
from tests.bench.desk_systems import TASK_SECONDS, MeteredEngine
from tests.bench.peer import EngineChat
from tests.bench.protocols.action import Action
from tests.bench.protocols.cases import Case

PROMPT = """\
You are a careful assistant. You do what the user asks with the tools you have. Do exactly what was asked, \
and do not make up values. If no tool fits the request, say so instead of calling one."""


@dataclass(slots=True)
class _Attempts:
    """What was tried to call, as the peer's parser reports it."""

    fits: list[bool] = field(default_factory=list[bool])


@dataclass(frozen=True, slots=True)
class Native:
    """`tools=` of the engine's chat endpoint, its own template and parser, no other prompt."""

    async def __call__(self, engine: MeteredEngine, case: Case) -> Action:
        """Ask once."""
        attempts = _Attempts()
        model = _model(engine, case, attempts, lenient=False)
        message = await model.bind_tools([_as_tool(spec) for spec in case.tools]).ainvoke(
            [HumanMessage(case.request)]
        )
        return _action(message, attempts)


@dataclass(frozen=True, slots=True)
class CreateAgent:
    """`create_agent`; `lenient` also takes calls that stand as JSON in the text."""

    lenient: bool

    async def __call__(self, engine: MeteredEngine, case: Case) -> Action:
        """Run until the first tool would be called."""
        attempts = _Attempts()
        model = _model(engine, case, attempts, lenient=self.lenient)
        tools = [_as_tool(spec) for spec in case.tools]
        agent = create_agent(model, tools, system_prompt=PROMPT, interrupt_before=["tools"])
        state = await agent.ainvoke({"messages": [{"role": "user", "content": case.request}]})
        return _action(state["messages"][-1], attempts)


def _model(engine: MeteredEngine, case: Case, attempts: _Attempts, *, lenient: bool) -> EngineChat:
    return EngineChat(
        engine=engine,
        on_attempt=attempts.fits.append,
        seconds=TASK_SECONDS,
        lenient=lenient,
        schemas={spec.slug: spec.parameters for spec in case.tools},
    )


def _action(message: BaseMessage, attempts: _Attempts) -> Action:
    """The first call in a reply; one that was tried but not recognised is none."""
    if isinstance(message, AIMessage) and message.tool_calls:
        call = message.tool_calls[0]
        return Action(call["name"], call["args"])
    said = "a call that was not recognised: " if attempts.fits else ""
    return Action(None, said=f"{said}{message.text}")


def _as_tool(spec: ToolSpec) -> BaseTool:
    async def call(**_: Any) -> str:
        raise AssertionError("no tool is called in this bench")

    schema: Mapping[str, Any] = spec.parameters
    return StructuredTool(
        name=spec.slug, description=spec.description, args_schema=dict(schema), coroutine=call
    )
