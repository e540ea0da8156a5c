"""From a run's row to its end: what it is given, in which configuration, and what it ends with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from langchain_core.callbacks import AsyncCallbackManager
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.callbacks import GraphCallbackHandler, GraphInterruptEvent
from langgraph.pregel import Pregel
from langgraph.types import Command, Send

from nexus.core.action import ThreadId
from nexus.errors import NotFound
from nexus.ports.assistants import Assistant
from nexus.ports.runs import AGENT, NewRun, Run, RunStatus, going_on
from nexus.runtime.admission import check_context, context_of
from nexus.runtime.answering import addressed, is_by_id, open_questions
from nexus.runtime.execution import INTERRUPT, Job, execute
from nexus.runtime.graphs import Graph
from nexus.runtime.requests import text_of
from nexus.runtime.service import Service
from nexus.runtime.streams import RunStream
from nexus.runtime.wire import interrupt_of

_RECURSION_LIMIT = 1_000  # Nexus's own graph ends by its budget, long before


AGAIN_SECONDS = (5.0, 30.0, 120.0, 600.0, 3_600.0)
"""When a run that carries out a decision is tried again, after its model or its store was unavailable."""


async def check_graph(service: Service, thread_id: str, graph: Graph) -> None:
    """Raise Conflict where a graph would write over the state of Nexus's own, or that go on from others'.

    The store looks again when the run is written down; here it is told before anything is looked at.
    """
    with suppress(NotFound):  # of such a thread the store speaks
        thread = await service.threads.get(thread_id)
        # The command line once left threads without a name of their graph; nothing was asked without a title.
        may_ask = thread.graph is None and bool(thread.title) and not graph.asks_first
        if may_ask and await service.runner.has_open_call(thread.id):
            thread = replace(thread, metadata={**thread.metadata, "graph_id": AGENT})
        thread.check_takes(graph.name)


def next_try(stream: RunStream) -> NewRun | None:
    """The run that tries again, later, what `stream` failed at; None if that was tried often enough.

    None too for what a client has just asked for: that is the client's to repeat.
    """
    run, tries = stream.run, int(stream.run.metadata.get("tries", 0))
    if tries >= len(AGAIN_SECONDS) or (run.request.get("input") and not stream.is_recovered):
        return None
    return going_on(run.thread, after_seconds=AGAIN_SECONDS[tries], metadata={"tries": tries + 1})


def is_next_try(run: Run) -> bool:
    """True for a run that was made by `next_try`."""
    return "tries" in run.metadata


async def drive(
    service: Service, assistant_of: Callable[[Run], Awaitable[Assistant]], stream: RunStream
) -> RunStatus:
    """Run it to its end or to a question; how it ended. Raises what it failed with."""
    run = stream.run
    assistant = await assistant_of(run)
    graph = service.graphs.get(assistant.graph)
    await stream.publish("metadata", {"run_id": run.id, "thread_id": run.thread, "attempt": 1})
    brings_nothing = graph.asks_first and run.request.get("input") is None
    if brings_nothing and not await service.runner.has_work(run.thread):
        # Somebody else has carried it out: there is nothing to do, and nothing to tell of.
        return await _as_it_stands(graph, config_of(service, assistant, run), stream)
    try:
        status = await _run(service, graph, assistant, stream)
    # Whatever it is, the thread tells why it stopped; the error goes on.
    except Exception as error:
        if graph.asks_first:
            await service.runner.note_failure(ThreadId(run.thread), error)
        raise
    if graph.asks_first:
        await service.runner.note_end(ThreadId(run.thread))
    return status


async def _run(service: Service, graph: Graph, assistant: Assistant, stream: RunStream) -> RunStatus:
    run = stream.run
    config = config_of(service, assistant, run)
    modes = set(run.request["stream_mode"])
    stops = _Stops()
    async with graph.open(config) as opened:
        job = Job(
            graph=opened,
            payload=await _payload(service, graph, opened, stream),
            config={**config, "callbacks": AsyncCallbackManager([stops])},  # of the outermost graph alone
            modes=run.request["stream_mode"],
            subgraphs=bool(run.request.get("stream_subgraphs")),
            options=_options(opened, assistant, run),
        )
        async with aclosing(execute(job)) as events:
            async for told in events:
                if told.mode == "values" and not told.namespace:
                    stream.values = _with_all_questions(stream.values, told.data)
                if told.mode.partition("/")[0] in modes or told.mode in {"messages", "updates"}:
                    await stream.publish(told.event, told.data)
        if stream.values is not None and stops.last is None:
            return "success"
        return await _status(opened, config, stream)


class _Stops(GraphCallbackHandler):
    """Hears whether the graph stopped on its way: at a question, or where it was compiled or asked to."""

    run_inline = True

    def __init__(self) -> None:
        self.last: GraphInterruptEvent | None = None

    def on_interrupt(self, event: GraphInterruptEvent) -> None:
        """Where it stopped."""
        self.last = event


async def _as_it_stands(graph: Graph, config: RunnableConfig, stream: RunStream) -> RunStatus:
    async with graph.open(config) as opened:
        return await _status(opened, config, stream)


def _with_all_questions(before: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """The state that a run ends with; several tasks of one step ask one after the other."""
    asked = (before or {}).get(INTERRUPT)
    return {**now, INTERRUPT: [*asked, *now[INTERRUPT]]} if asked and INTERRUPT in now else now


async def _status(opened: Pregel[Any, Any, Any, Any], config: RunnableConfig, stream: RunStream) -> RunStatus:
    """Interrupted if something waits: a question, or a node that was to be stopped at."""
    if INTERRUPT in (stream.values or {}):
        return "interrupted"
    # Of a question that stays open, or beside which another node was done, the last state told says nothing.
    snapshot = await opened.aget_state(_place(config))
    questions = [interrupt_of(each) for each in snapshot.interrupts]
    stream.values = {**(snapshot.values or {}), **({INTERRUPT: questions} if questions else {})}
    return "interrupted" if snapshot.next else "success"


def config_of(service: Service, assistant: Assistant, run: Run) -> RunnableConfig:
    """The configuration of a run: the assistant's, the client's over it, the server's over both."""
    own, given = dict(assistant.config), dict(run.request.get("config") or {})
    user = service.parts.user
    configurable = {
        **(own.get("configurable") or {}),
        **(given.get("configurable") or {}),
        "thread_id": run.thread,
        "langgraph_auth_user_id": user,
    }
    if checkpoint := run.request.get("checkpoint"):
        configurable |= {"checkpoint_ns": "", **checkpoint, "thread_id": run.thread}
    config: dict[str, Any] = {
        "recursion_limit": _RECURSION_LIMIT,
        **own,
        **given,
        "configurable": configurable,
        "metadata": {
            **assistant.metadata,
            **(given.get("metadata") or {}),
            **run.metadata,
            "run_id": run.id,
            "thread_id": run.thread,
            "graph_id": assistant.graph,
            "assistant_id": assistant.id,
        },
    }
    return RunnableConfig(**config)


def _options(opened: Pregel[Any, Any, Any, Any], assistant: Assistant, run: Run) -> dict[str, Any]:
    context = context_of(assistant, run.request.get("context"))
    check_context(
        opened.context_schema, context
    )  # what it was made for may have changed since it was accepted
    options: dict[str, Any] = {"context": context} if context else {}
    for name in ("interrupt_before", "interrupt_after"):
        if wanted := run.request.get(name):
            options[name] = wanted
    return options


def _place(config: RunnableConfig) -> RunnableConfig:
    """The thread as it is now, whichever place in its past the run began at."""
    return {"configurable": {"thread_id": config.get("configurable", {})["thread_id"]}}


async def _payload(
    service: Service, graph: Graph, opened: Pregel[Any, Any, Any, Any], stream: RunStream
) -> dict[str, Any] | Command[Any] | None:
    """What to hand to the graph; nothing, if it has it already: a run that was cut off goes on."""
    run = stream.run
    if stream.is_recovered:
        snapshot = await opened.aget_state({"configurable": {"thread_id": run.thread}})
        if (snapshot.metadata or {}).get("run_id") == run.id:
            return None
    if graph.asks_first:
        if run.request.get("input") is None:
            return None  # an answer is a decision, and that is on record
        await service.runner.check_free_to_ask(run.thread, forked=bool(run.request.get("checkpoint")))
        return {"messages": [HumanMessage(content=text_of(run.request["input"]), id=_message_id(run))]}
    if command := run.request.get("command"):
        return await _command(opened, run, command)
    return run.request.get("input")


def _message_id(run: Run) -> str | None:
    messages = run.request["input"]["messages"]
    first = messages[0] if isinstance(messages, list) else messages
    return first.get("id") if isinstance(first, dict) else None


async def _command(opened: Pregel[Any, Any, Any, Any], run: Run, command: Mapping[str, Any]) -> Command[Any]:
    options = {name: command[name] for name in ("update",) if command.get(name) is not None}
    if command.get("goto") is not None:
        options["goto"] = _goto(command["goto"])
    if "resume" in command:
        resume = command["resume"]
        pending = [] if is_by_id(resume) else await open_questions(opened, run.thread)
        options["resume"] = addressed(pending, resume, strict=False)
    return Command(**options)


def _goto(value: Any) -> Any:
    if isinstance(value, list):
        return [_goto(each) for each in value]
    if isinstance(value, dict):
        return Send(value["node"], value.get("input"))
    return value
