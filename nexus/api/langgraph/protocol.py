"""A thread over LangGraph's protocol v2: commands in, events of chosen channels out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import ConfigDict, Field, ValidationError
from sse_starlette import EventSourceResponse

from nexus.api.dependencies import Id, RunsDep, ServiceDep, ThreadDep, thread_of
from nexus.api.langgraph.forms import RunCreate, Sent, Skip, ThreadStreamMode
from nexus.api.langgraph.runs import STREAM, begin
from nexus.api.langgraph.shapes import Raw, reply
from nexus.api.langgraph.watching import PING_SECONDS, sse, told
from nexus.api.openapi import problems
from nexus.errors import InvalidInput, NexusError, NotFound, Refused
from nexus.runtime.graphs import AGENT
from nexus.runtime.protocol import EVENTS_A_MILLISECOND, MODES, Channels, Telling
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.streams import RunStream
from nexus.runtime.wire import dumps

Json = dict[str, Any]

router = APIRouter(prefix="/threads/{thread_id}", tags=["threads"])

_EVENT = (
    'id: 1764061200000001\r\nevent: lifecycle\r\ndata: {"type": "event", "seq": 1764061200000001,'
    ' "event_id": "synth:7c9e6679:1", "method": "lifecycle", "params": {"namespace": [],'
    ' "timestamp": 1764061200000, "data": {"event": "running"}}}\r\n\r\n'
)
_EVENTS: dict[int | str, Json] = {
    200: {
        "description": "Server-sent events, as long as the client stays",
        "content": {"text/event-stream": {"example": _EVENT}},
    }
}
_Word = Annotated[str, Field(max_length=500)]
_PLACE = {"thread_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map"}


class Command(Sent):
    """Something to do in a thread."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 2,
                    "method": "input.respond",
                    "params": {
                        "namespace": [],
                        "interrupt_id": "0" * 32,
                        "response": {"decisions": [{"type": "approve"}]},
                    },
                },
                {
                    "id": 1,
                    "method": "run.start",
                    "params": {
                        "assistant_id": "nexus",
                        "input": {"messages": [{"role": "user", "content": "any mail?"}]},
                    },
                },
            ]
        }
    )

    id: Skip
    method: str = Field(max_length=100, description="run.start, input.respond or agent.getTree")
    params: Json = Field(default_factory=dict[str, Any])


class Subscription(Sent):
    """Which events of a thread."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"channels": ["values", "lifecycle"]}]})

    channels: list[_Word] = Field(min_length=1, max_length=100)
    namespaces: list[list[Annotated[str, Field(max_length=500)]]] | None = Field(
        default=None, max_length=1000
    )
    depth: Annotated[int, Field(ge=0, le=1000)] | None = None
    since: Skip | None = Field(default=None, description="Only what has a higher `seq`")


class _Answer(Sent):
    interrupt_id: str
    response: Any = None


class _Answers(Sent):
    """What `input.respond` brings: one answer, or several that are checked before any of them counts."""

    interrupt_id: str | None = None
    response: Any = None
    responses: list[_Answer] = Field(default_factory=list["_Answer"])
    update: Any = None
    goto: Any = None
    config: Json = Field(default_factory=dict[str, Any])
    metadata: Json = Field(default_factory=dict[str, Any])

    @property
    def by_id(self) -> Json:
        """The answers under the ids of their questions. Raises InvalidInput."""
        found = {each.interrupt_id: each.response for each in self.responses}
        if self.interrupt_id is not None:
            found[self.interrupt_id] = self.response
        if not found:
            raise InvalidInput("it names no question", field="params.interrupt_id")
        return found


@router.post(
    "/commands",
    response_model=Raw,
    responses=problems(404, changes=True),
    summary="Do something in a thread (protocol v2)",
)
async def command_thread(thread_id: Id, body: Command, service: ServiceDep, runs: RunsDep) -> Response:
    """Starts a run or answers a question; the reply's `type` says whether it was taken: success or error."""
    if body.method != "run.start":  # only that makes the thread
        await thread_of(thread_id, service)
    return reply(await answer_to(thread_id, body, service, runs))


@router.post(
    "/stream/events",
    response_class=EventSourceResponse,
    responses={**problems(404, changes=True), **_EVENTS},
    summary="Watch a thread (protocol v2)",
)
async def watch_channels(thread: ThreadDep, body: Subscription, runs: RunsDep) -> EventSourceResponse:
    """The last run's events and those of every run to come, of the channels that were asked for."""
    return EventSourceResponse(_frames(events_of(runs, thread.id, body)), ping=PING_SECONDS)


@router.get(
    "/stream",
    response_class=EventSourceResponse,
    responses={**problems(404), **STREAM},
    summary="Watch a thread",
)
async def watch_thread(
    thread: ThreadDep,
    runs: RunsDep,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", max_length=200, description="Go on behind this; -: the last run too"),
    ] = None,
    stream_modes: Annotated[
        list[ThreadStreamMode] | None, Query(description="run_modes: everything (as if left out)")
    ] = None,
    stream_mode: Annotated[
        list[ThreadStreamMode] | None, Query(description="The same, as the SDKs call it")
    ] = None,
) -> EventSourceResponse:
    """What every run of it tells, one after the other, as long as the client stays."""
    wanted = {*(stream_modes or ()), *(stream_mode or ())} or {"run_modes"}
    return EventSourceResponse(_runs_of(runs, thread.id, last_event_id, wanted), ping=PING_SECONDS)


async def answer_to(thread_id: str, command: Command, service: Service, runs: Runs) -> Json:
    """Carry a command out; what is answered to it, also if it was refused."""
    through = int(service.parts.clock.now().timestamp() * 1000) * EVENTS_A_MILLISECOND
    try:
        result = await _carry_out(thread_id, command, service, runs)
    except (NexusError, ValidationError) as error:
        return {"type": "error", "id": command.id, **refusal(command.method, error)}
    meta = {"applied_through_seq": through}
    return {"type": "success", "id": command.id, "result": result, "meta": meta}


async def events_of(runs: Runs, thread_id: str, wanted: Subscription) -> AsyncGenerator[Json]:
    """The last run's events and those of every run to come, of the channels that were asked for."""
    since = -1 if wanted.since is None else wanted.since
    channels = Channels(wanted.channels, wanted.namespaces, wanted.depth, since)
    async with aclosing(runs.follow(thread_id)) as streams:
        async for stream in streams:
            async for event in _told(stream):
                if channels.hold(event):
                    yield event


async def _carry_out(thread_id: str, body: Command, service: Service, runs: Runs) -> Json:
    match body.method:
        case "run.start":
            wanted = _run(body.params, body.params.get("config"))
            wanted |= {"if_not_exists": "create"}
            stream = await begin(thread_id, RunCreate.model_validate(wanted), service, runs)
            return {"run_id": stream.run.id}
        case "input.respond":
            answers = _Answers.model_validate(body.params)
            thread = await service.threads.get(thread_id)
            command = {"resume": answers.by_id, "update": answers.update, "goto": answers.goto}
            wanted = _run({"metadata": answers.metadata}, answers.config)
            wanted |= {
                "assistant_id": thread.metadata.get("assistant_id") or thread.graph or AGENT,
                "command": {name: value for name, value in command.items() if value is not None},
                "strict_resume": True,
            }
            stream = await begin(thread.id, RunCreate.model_validate(wanted), service, runs)
            return {"run_id": stream.run.id}
        case "agent.getTree":
            thread = await service.threads.get(thread_id)
            status = "running" if runs.is_running(thread.id) else "completed"
            name = thread.graph or AGENT
            return {"tree": {"namespace": [], "status": status, "graph_name": name}}
        case _:
            raise InvalidInput(f"{body.method!r} is not understood here", field="method")


def _run(params: Json, config: Any) -> Json:
    """A run's fields; where in the past it begins may stand in its configuration."""
    wanted: Json = {"stream_mode": list(MODES), "stream_subgraphs": True}
    for name in ("assistant_id", "input", "metadata", "multitask_strategy"):
        if params.get(name) is not None:
            wanted[name] = params[name]
    if not isinstance(config, dict):
        return wanted
    given = config.get("configurable") or {}
    if checkpoint := given.get("checkpoint_id"):
        wanted["checkpoint"] = {
            "checkpoint_id": checkpoint,
            "checkpoint_ns": given.get("checkpoint_ns") or "",
        }
    kept = {name: value for name, value in given.items() if name not in _PLACE}
    return wanted | {"config": {**config, "configurable": kept}}


def refusal(method: str, error: NexusError | ValidationError) -> Json:
    """Why a command was not carried out, in the protocol's words."""
    match error:
        case ValidationError():
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            return {"error": "invalid_argument", "message": f"params.{field}: {first['msg']}"}
        case InvalidInput(field="method"):
            code = "unknown_command"
        case NotFound():
            code = "no_such_interrupt" if method == "input.respond" else "no_such_run"
        case Refused():
            code = "permission_denied"
        case _:
            code = "invalid_argument"
    return {"error": code, "message": str(error)}


async def _frames(events: AsyncGenerator[Json]) -> AsyncGenerator[bytes]:
    async with aclosing(events):
        async for event in events:
            yield sse(str(event["seq"]), event["method"], dumps(event))


async def _told(stream: RunStream) -> AsyncGenerator[Json]:
    telling = Telling(stream)
    async for number, event, data in stream.watch():
        for each in telling.of(event, data, stream.told_at(number)):
            yield each
    for each in telling.end(stream.ended_at):
        yield each


async def _runs_of(
    runs: Runs, thread_id: str, last_event_id: str | None, wanted: Collection[str]
) -> AsyncGenerator[bytes]:
    """Every event under the id of its run and its number in it."""
    known, _, number = (last_event_id or "").rpartition(":")
    seen = {known: int(number)} if number.isdigit() else {}
    async with aclosing(runs.follow(thread_id, past=last_event_id is not None)) as streams:
        async for stream in streams:
            run = stream.run.id
            async for count, event, data in told(stream, after=seen.get(run, 0)):
                if _is_wanted(event, wanted):
                    yield sse(f"{run}:{count}", event, data)


def _is_wanted(event: str, wanted: Collection[str]) -> bool:
    name = event.partition("|")[0]
    return (
        "run_modes" in wanted
        or ("lifecycle" in wanted and name in {"metadata", "error"})
        or ("state_update" in wanted and name in {"values", "updates"})
    )
