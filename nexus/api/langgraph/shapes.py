"""What LangGraph's clients get."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from nexus.ports.assistants import Assistant
from nexus.ports.runs import Run, RunStatus, Strategy
from nexus.ports.threads import Thread
from nexus.runtime.wire import dumps

Json = dict[str, Any]

_AT = "2026-11-25T09:00:00+00:00"
_THREAD = "0f8fad5b-d9cb-469f-a165-70867728950e"
_RUN = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
_ASSISTANT = "d98b7384-4b1c-5bd1-a0c4-7a4a1b0c9e4f"
_CHECKPOINT = {
    "thread_id": _THREAD,
    "checkpoint_ns": "",
    "checkpoint_id": "1ef4f797-8335-6428-8001-8a1503f9b875",
}

ASSISTANT_EXAMPLE: Json = {
    "assistant_id": _ASSISTANT,
    "graph_id": "nexus",
    "name": "nexus",
    "description": None,
    "config": {},
    "context": {},
    "metadata": {"created_by": "system"},
    "version": 1,
    "created_at": _AT,
    "updated_at": _AT,
}
THREAD_EXAMPLE: Json = {
    "thread_id": _THREAD,
    "created_at": _AT,
    "updated_at": _AT,
    "state_updated_at": _AT,
    "metadata": {"graph_id": "nexus"},
    "config": {},
    "status": "idle",
    "values": {},
    "interrupts": {},
}
RUN_EXAMPLE: Json = {
    "run_id": _RUN,
    "thread_id": _THREAD,
    "assistant_id": _ASSISTANT,
    "created_at": _AT,
    "updated_at": _AT,
    "status": "running",
    "metadata": {},
    "kwargs": {"input": {"messages": [{"role": "user", "content": "any mail?"}]}},
    "multitask_strategy": "enqueue",
}
STATE_EXAMPLE: Json = {
    "values": {"messages": []},
    "next": [],
    "tasks": [],
    "metadata": {"source": "loop", "step": 3},
    "created_at": _AT,
    "checkpoint": _CHECKPOINT,
    "parent_checkpoint": None,
    "interrupts": [],
}
ITEM_EXAMPLE: Json = {
    "namespace": ["notes"],
    "key": "wifi",
    "value": {"text": "on the fridge"},
    "created_at": _AT,
    "updated_at": _AT,
}


def _example(example: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


def _fields(example: Any) -> ConfigDict:
    """Of what is sent as far as `select` names its fields."""

    def any_of_them(schema: Json) -> None:
        del schema["required"]
        schema["examples"] = [example]

    return ConfigDict(json_schema_extra=any_of_them)


class AssistantShape(BaseModel):
    """A graph with settings."""

    model_config = _example(ASSISTANT_EXAMPLE)

    assistant_id: str
    graph_id: str
    name: str
    description: str | None
    config: Json
    context: Json
    metadata: Json
    version: int
    created_at: datetime
    updated_at: datetime


class AssistantFields(AssistantShape):
    """What was asked for of an assistant; all of it, if nothing was."""

    model_config = _fields(ASSISTANT_EXAMPLE)


class ThreadShape(BaseModel):
    """A conversation, with its state as it is now."""

    model_config = _example(THREAD_EXAMPLE)

    thread_id: str
    created_at: datetime
    updated_at: datetime
    state_updated_at: datetime
    metadata: Json
    config: Json
    status: Literal["idle", "busy", "interrupted", "error"]
    values: Json
    interrupts: dict[str, list[Json]] = Field(description="What it waits for, by the task that asks")


class ThreadFields(ThreadShape):
    """What was asked for of a thread; all of it, if nothing was."""

    model_config = _fields(THREAD_EXAMPLE)


class RunShape(BaseModel):
    """A run, as it stands."""

    model_config = _example(RUN_EXAMPLE)

    run_id: str
    thread_id: str
    assistant_id: str
    created_at: datetime
    updated_at: datetime
    status: RunStatus
    metadata: Json
    kwargs: Json
    multitask_strategy: Strategy


class RunFields(RunShape):
    """What was asked for of a run; all of it, if nothing was."""

    model_config = _fields(RUN_EXAMPLE)


class StateShape(BaseModel):
    """A thread's state at a place in its past, or now."""

    model_config = _example(STATE_EXAMPLE)

    values: Any
    next: list[str]
    tasks: list[Json]
    metadata: Json
    created_at: str | None
    checkpoint: Json | None
    parent_checkpoint: Json | None
    interrupts: list[Json]


class StateUpdated(BaseModel):
    """Where the changed state is."""

    model_config = _example({"checkpoint": _CHECKPOINT})

    checkpoint: Json


class PrunedShape(BaseModel):
    """How many threads were pruned."""

    model_config = _example({"pruned_count": 1})

    pruned_count: int


class ItemShape(BaseModel):
    """Something that was kept."""

    model_config = _example(ITEM_EXAMPLE)

    namespace: list[str]
    key: str
    value: Json
    created_at: datetime
    updated_at: datetime


class ItemsShape(BaseModel):
    """What was found."""

    model_config = _example({"items": [ITEM_EXAMPLE]})

    items: list[ItemShape]


class SchemasShape(BaseModel):
    """What goes into a graph, what comes out, and what it remembers; null where that cannot be told."""

    model_config = _example(
        {
            "graph_id": "nexus",
            "input_schema": {"type": "object"},
            "output_schema": None,
            "state_schema": {"type": "object"},
            "config_schema": None,
            "context_schema": None,
        }
    )

    graph_id: str
    input_schema: Json | None
    output_schema: Json | None
    state_schema: Json | None
    config_schema: Json | None
    context_schema: Json | None


class InfoShape(BaseModel):
    """What this server is."""

    model_config = _example(
        {"version": "0.1.0", "langgraph_py_version": "1.2.22", "flags": {"assistants": True}, "metadata": {}}
    )

    version: str
    langgraph_py_version: str
    flags: dict[str, bool]
    metadata: Json


class Raw(BaseModel):
    """Whatever the graph ended with."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [{"messages": []}]})


class GraphShape(BaseModel):
    """A graph's nodes and edges."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [{"nodes": [], "edges": []}]})

    nodes: list[Json]
    edges: list[Json]


class Empty(BaseModel):
    """It is done; there is nothing to tell."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The value as JSON."""
    return Response(dumps(value), status, headers=headers, media_type="application/json")


def assistant_shape(assistant: Assistant) -> Json:
    """As clients know it."""
    return {
        "assistant_id": assistant.id,
        "graph_id": assistant.graph,
        "name": assistant.name,
        "description": assistant.description,
        "config": assistant.config,
        "context": assistant.context,
        "metadata": assistant.metadata,
        "version": assistant.version,
        "created_at": assistant.created_at.isoformat(),
        "updated_at": assistant.updated_at.isoformat(),
    }


def run_shape(run: Run) -> Json:
    """As clients know it."""
    return {
        "run_id": run.id,
        "thread_id": run.thread,
        "assistant_id": run.assistant,
        "created_at": run.created_at.isoformat(),
        "updated_at": run.updated_at.isoformat(),
        "status": run.status,
        "metadata": run.metadata,
        "kwargs": run.request,
        "multitask_strategy": run.strategy,
    }


def new_thread_shape(thread: Thread) -> Json:
    """A thread nothing has happened in yet."""
    return {
        "thread_id": thread.id,
        "created_at": thread.created_at.isoformat(),
        "updated_at": thread.updated_at.isoformat(),
        "state_updated_at": thread.updated_at.isoformat(),
        "metadata": thread.metadata,
        "config": {},
        "status": "idle",
        "values": {},
        "interrupts": {},
    }


def selected(shape: Json, select: list[str] | None) -> Json:
    """Only what was asked for."""
    return shape if select is None else {name: value for name, value in shape.items() if name in select}
