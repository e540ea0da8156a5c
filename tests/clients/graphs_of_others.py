"""Graphs as users of `nexus serve --config` write them: no model, no tools."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from operator import add
from typing import Annotated, Any, cast

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import MessagesState
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from langgraph.types import Send, interrupt
from typing_extensions import TypedDict


class Gates:
    """Where runs wait, by the `x` they were given, until a test in another thread lets them go on.

    The gate of `free` is always open: a test in another process opens none.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[str] = {"free"}
        self._waiting: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    async def wait(self, x: str) -> None:
        event = asyncio.Event()
        with self._lock:
            self._waiting[x] = (asyncio.get_running_loop(), event)
            if x in self._open:
                return
        await event.wait()

    def let_go(self, x: str) -> None:
        with self._lock:
            self._open.add(x)
            if x in self._waiting:
                loop, event = self._waiting[x]
                loop.call_soon_threadsafe(event.set)


GATES = Gates()


class S(TypedDict, total=False):
    x: str
    answer: Any


def ask(state: S) -> S:
    return {"answer": interrupt({"question": "ok?", "x": state.get("x")})}


def done(state: S) -> S:
    return {"x": f"{state.get('x') or ''}!"}


asks = (
    StateGraph(S)
    .add_node("ask", ask)
    .add_node("done", done)
    .add_edge(START, "ask")
    .add_edge("ask", "done")
    .add_edge("done", END)
    .compile()
)


class Seen(TypedDict, total=False):
    x: str
    seen: Annotated[list[str], add]


async def wait(state: Seen) -> Seen:
    await GATES.wait(state["x"])
    return {"seen": [state["x"]]}


waits = StateGraph(Seen).add_node("wait", wait).add_edge(START, "wait").add_edge("wait", END)


def reply(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage(f"You said {state['messages'][-1].text}.", id="said")]}


inner = StateGraph(MessagesState).add_node("reply", reply).add_edge(START, "reply").compile()
chat = StateGraph(MessagesState).add_node("inner", inner).add_edge(START, "inner").compile()


def propose(_: MessagesState) -> dict[str, Any]:
    calls = [{"name": "look", "args": {"at": at}, "id": str(n)} for n, at in enumerate(("mail", "news"), 1)]
    return {"messages": [AIMessage("", tool_calls=calls)]}


def look(_: MessagesState) -> dict[str, Any]:
    good = ToolMessage("nothing new", tool_call_id="1", name="look")
    return {"messages": [good, ToolMessage("no network", tool_call_id="2", status="error")]}


calls = (
    StateGraph(MessagesState)
    .add_node("propose", propose)
    .add_node("look", look)
    .add_edge(START, "propose")
    .add_edge("propose", "look")
    .compile()
)


class Name(TypedDict, total=False):
    name: str


@asynccontextmanager
async def made(config: RunnableConfig):
    """A factory: its graph depends on the configuration, and keeps what it was told in the store."""
    greeting = config.get("configurable", {}).get("greeting", "Hello")

    async def greet(state: Name, *, store: BaseStore) -> Name:
        await store.aput(("greeted",), "last", {"name": state["name"]})
        return {"name": f"{greeting} {state['name']}"}

    yield StateGraph(Name).add_node("greet", greet).add_edge(START, "greet").compile()


@dataclass
class Tone:
    """The context of a run: checked against the types, with defaults."""

    word: str
    times: int = 1


def speak(state: Name, runtime: Runtime[Tone]) -> Name:
    context = Tone(**runtime.context) if isinstance(runtime.context, dict) else runtime.context
    return {"name": " ".join([context.word] * context.times + [state["name"]])}


speaks = StateGraph(Name, context_schema=Tone).add_node("speak", speak).add_edge(START, "speak").compile()


class Many(TypedDict, total=False):
    answers: Annotated[list[Any], add]


def one(state: Any) -> Many:
    return {"answers": [interrupt({"number": state["number"]})]}


many = (
    StateGraph(Many)
    .add_node("one", one)
    .add_conditional_edges(START, lambda _: [Send("one", {"number": number}) for number in range(2)])
    .compile()
)


one_asks = (
    StateGraph(Many)
    .add_node("one", lambda _: one({"number": 1}))
    .add_node("another", lambda _: {"answers": ["done"]})
    .add_edge(START, "one")
    .add_edge(START, "another")
    .compile()
)
"""Of two nodes in one step one asks, and the other is done without."""

_two = StateGraph(S).add_node("first", done).add_node("second", done)
_two.add_edge(START, "first").add_edge("first", "second").add_edge("second", END)

free = _two.compile()
stops_before = _two.compile(interrupt_before=["second"])
stops_after = _two.compile(interrupt_after=["first"])
"""Graphs of two steps; two of them stop between those, and nothing is asked."""

stops_inside = StateGraph(S).add_node("inner", stops_before).add_edge(START, "inner").compile()


async def within(state: S) -> S:
    return cast("S", await stops_before.ainvoke(state))


stops_within = StateGraph(S).add_node("within", within).add_edge(START, "within").compile()
"""A graph that stops where only its own code knows of."""


def fail(_: S) -> S:
    raise RuntimeError("password=hunter2")


fails = StateGraph(S).add_node("fail", fail).add_edge(START, "fail").compile()


class Grown(TypedDict, total=False):
    words: Annotated[list[str], DeltaChannel(lambda words, more: sum(more, words))]


def grow(_: Grown) -> Grown:
    return {"words": ["more"]}


grows = StateGraph(Grown).add_node("grow", grow).add_edge(START, "grow").add_edge("grow", END).compile()


class Mimicked(TypedDict, total=False):
    messages: list[Any]
    call: Any
    go: bool
    question: str


def act(_: Mimicked) -> Mimicked:
    return {"go": True}


mimics = (
    StateGraph(Mimicked)
    .add_node("approve", act)
    .add_node("execute", act)
    .add_edge(START, "approve")
    .add_edge("approve", "execute")
    .add_edge("execute", END)
    .compile()
)
"""A graph with the fields and nodes of Nexus's own, which anybody may write into."""
