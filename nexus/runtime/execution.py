"""One run of a graph, as the events that LangGraph's clients know."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import BaseMessage, BaseMessageChunk
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError, is_invalid_resume
from langgraph.pregel import Pregel
from langgraph.types import Command
from pydantic import ValidationError

from nexus.errors import InvalidInput
from nexus.runtime.wire import interrupt_of

STREAM_MODES = (
    "values",
    "messages",
    "messages-tuple",
    "tasks",
    "checkpoints",
    "updates",
    "events",
    "debug",
    "custom",
)

INTERRUPT = "__interrupt__"


@dataclass(frozen=True, slots=True)
class Told:
    """Something to tell: the name of its mode, the graph it is of (`()` for the outermost), and what."""

    mode: str
    namespace: tuple[str, ...]
    data: Any

    @property
    def event(self) -> str:
        """The name of the event."""
        return "|".join((self.mode, *self.namespace))


@dataclass(frozen=True, slots=True)
class Job:
    """What to run.

    Attributes:
        payload: The input, a command, or None to go on.
        modes: What the client wants to be told, of `STREAM_MODES`.
        options: What else `astream` takes.
    """

    graph: Pregel[Any, Any, Any, Any]
    payload: dict[str, Any] | Command[Any] | None
    config: RunnableConfig
    modes: Sequence[str]
    subgraphs: bool
    options: Mapping[str, Any]


async def execute(job: Job) -> AsyncGenerator[Told]:
    """Run; every step is on disk before the next one begins.

    The state itself is told whether wanted or not: it is what the run ends with.
    """
    partial = _Messages()
    tell_questions = not {"values", "updates"} & set(job.modes)
    async with aclosing(_parts(job)) as parts:
        try:
            async for told in parts:
                if told.mode == "messages":
                    for each in partial.told(
                        told, tuples="messages-tuple" in job.modes, whole="messages" in job.modes
                    ):
                        yield each
                    continue
                yield _with_questions(told)
                if tell_questions and told.mode == "values" and INTERRUPT in told.data and not told.namespace:
                    questions = [interrupt_of(each) for each in told.data[INTERRUPT]]
                    yield Told("updates", (), {INTERRUPT: questions})
        except ValidationError as error:
            # An answer that did not fit is not saved; the question stays open.
            if not is_invalid_resume(error):
                raise
            raise InvalidInput("the answer does not fit the question", field="command.resume") from error
        except GraphRecursionError as error:
            raise InvalidInput(
                "the graph did not end within that many steps",
                field="config.recursion_limit",
                remedy="Go on with a run that brings nothing new, or raise it.",
            ) from error


async def _parts(job: Job) -> AsyncGenerator[Told]:
    modes = {"values", *(_graph_mode(mode) for mode in job.modes if mode != "events")}
    options: dict[str, Any] = {
        "stream_mode": list(modes),
        "subgraphs": True,
        "durability": "sync",
        **job.options,
    }
    if "events" in job.modes:
        async with aclosing(_events(job, options)) as events:
            async for told in events:
                yield told
        return
    stream = cast("AsyncGenerator[Any]", job.graph.astream(job.payload, job.config, **options))
    async with aclosing(stream) as parts:
        async for namespace, mode, data in parts:
            if not namespace or job.subgraphs or mode == "messages":
                yield Told(mode, namespace if job.subgraphs else (), data)


async def _events(job: Job, options: dict[str, Any]) -> AsyncGenerator[Told]:
    """LangChain's own events, and in those of the outermost graph what it streams."""
    stream = cast(
        "AsyncGenerator[Any]",
        job.graph.astream_events(cast("Any", job.payload), job.config, version="v2", **options),
    )
    outermost = None
    async with aclosing(stream) as events:
        async for event in events:
            outermost = outermost or event["run_id"]
            if event["event"] == "on_chain_stream" and event["run_id"] == outermost:
                namespace, mode, data = event["data"]["chunk"]
                if not namespace or job.subgraphs or mode == "messages":
                    yield Told(mode, namespace if job.subgraphs else (), data)
            yield Told("events", (), event)


def _graph_mode(mode: str) -> str:
    return "messages" if mode == "messages-tuple" else mode


def _with_questions(told: Told) -> Told:
    """Questions as their JSON."""
    if not isinstance(told.data, dict) or INTERRUPT not in told.data:
        return told
    questions = [interrupt_of(each) for each in told.data[INTERRUPT]]
    return Told(told.mode, told.namespace, {**told.data, INTERRUPT: questions})


class _Messages:
    """Pieces of messages put together, for clients that want each message whole so far."""

    def __init__(self) -> None:
        self._whole: dict[str, BaseMessageChunk] = {}
        self._known: set[str] = set()

    def told(self, told: Told, *, tuples: bool, whole: bool) -> list[Told]:
        """What to tell of one piece."""
        message, facts = cast("tuple[BaseMessage, dict[str, Any]]", told.data)
        found = [Told("messages", told.namespace, [message, facts])] if tuples else []
        return [*found, *self._so_far(told, message, facts)] if whole else found

    def _so_far(self, told: Told, message: BaseMessage, facts: dict[str, Any]) -> list[Told]:
        found: list[Told] = []
        key = str(message.id)
        if key not in self._known:
            self._known.add(key)
            found.append(Told("messages/metadata", told.namespace, {key: {"metadata": facts}}))
        if not isinstance(message, BaseMessageChunk):
            return [*found, Told("messages/complete", told.namespace, [message])]
        before = self._whole.get(key)
        self._whole[key] = before + message if before is not None else message
        return [*found, Told("messages/partial", told.namespace, [self._whole[key]])]
