"""Whether a run may begin as it is asked for: judged before it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, ValidationError

from nexus.errors import Conflict, InvalidInput, NotFound
from nexus.ports.assistants import Assistant
from nexus.runtime.graphs import Graph
from nexus.runtime.requests import (
    Wanted,
    check_command,
    check_config,
    is_answer,
    text_of,
    with_no_for_the_end,
)


async def check_wanted(graph: Graph, assistant: Assistant, wanted: Wanted, *, is_first: bool = False) -> None:
    """Whether the graph can take it, in whatever thread; or, if it is the first run, in a new one.

    Raises:
        InvalidInput: It cannot.
        Conflict: It answers what a new thread does not ask.
    """
    for config in (assistant.config, wanted.config):
        check_config(config)
    if graph.asks_first:
        check_command(wanted.command)
        if is_first and is_answer(with_no_for_the_end(wanted)):
            raise Conflict("A new thread waits for no decision.", remedy="Answer in the thread that asks.")
        if wanted.input is not None:
            text_of(wanted.input)
    else:
        await _check_fits(graph, assistant, wanted)


async def _check_fits(graph: Graph, assistant: Assistant, wanted: Wanted) -> None:
    """A factory is asked for its graph only if there is a context: to make one may cost much."""
    context = context_of(assistant, wanted.context)
    if graph.is_made and not context:
        return
    given = (assistant.config.get("configurable"), wanted.config.get("configurable"))
    configurable = {name: value for each in given for name, value in (each or {}).items()}
    try:
        async with graph.open(RunnableConfig(configurable=configurable)) as opened:
            schema = opened.context_schema
    # The factory is somebody else's program, and its thread is not there yet: the run tells of its failure.
    except Exception:  # noqa: BLE001
        return
    check_context(schema, context)


async def check_place(graph: Graph, thread_id: str, place: Mapping[str, Any] | None) -> None:
    """Make sure that the place in the thread's past, where a run is to begin, is there. Raises NotFound."""
    if place is None:
        return
    config = RunnableConfig(configurable={"checkpoint_ns": "", **place, "thread_id": thread_id})
    async with graph.open(config) as opened:
        with suppress(ValueError):  # there is no graph of that namespace in it
            if (await opened.aget_state(config)).created_at is not None:
                return
    raise NotFound(f"Thread {thread_id} has no such checkpoint.", remedy="Its history lists them.")


def context_of(assistant: Assistant, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The assistant's, and the client's over it."""
    return {**assistant.context, **(given or {})}


def check_context(schema: Any, context: Mapping[str, Any]) -> None:
    """Make sure that it fits the schema. Raises InvalidInput."""
    try:
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            schema.model_validate(context)
        elif isinstance(schema, type) and is_dataclass(schema) and context:
            schema(**context)
    except (ValidationError, TypeError) as error:
        told = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise InvalidInput(
            told[:300], field="context", remedy="The assistant's schemas say what fits."
        ) from error
