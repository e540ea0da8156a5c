"""LangGraph's objects as the JSON that its clients know."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from langchain_core.messages import BaseMessage
from langgraph.types import Interrupt, StateSnapshot
from pydantic import BaseModel

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


def dumps(value: Any) -> bytes:
    """The JSON of whatever a graph's state may hold."""
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS)
    except TypeError:  # a very large number, or half of a character: the standard library writes those
        return json.dumps(value, default=_plain).encode()


def loads(text: bytes) -> Any:
    """What `dumps` wrote."""
    return orjson.loads(text)


def state_of(snapshot: StateSnapshot) -> dict[str, Any]:
    """A `ThreadState`."""
    checkpoint, parent = _checkpoint(snapshot.config), _checkpoint(snapshot.parent_config)
    return {
        "values": snapshot.values or {},
        "next": list(snapshot.next),
        "tasks": [_task(task) for task in snapshot.tasks],
        "metadata": dict(snapshot.metadata or {}),
        "created_at": snapshot.created_at,
        "checkpoint": checkpoint,
        "parent_checkpoint": parent,
        "interrupts": [interrupt_of(each) for each in snapshot.interrupts],
        "checkpoint_id": (checkpoint or {}).get("checkpoint_id"),
        "parent_checkpoint_id": (parent or {}).get("checkpoint_id"),
    }


def interrupts_of(snapshot: StateSnapshot) -> dict[str, list[dict[str, Any]]]:
    """What a thread waits for, by the task that asks."""
    return {
        task.id: [interrupt_of(each) for each in task.interrupts]
        for task in snapshot.tasks
        if task.interrupts
    }


def interrupt_of(interrupt: Interrupt) -> dict[str, Any]:
    """One question."""
    shown: dict[str, Any] = {"value": interrupt.value, "id": interrupt.id}
    schema = getattr(interrupt, "response_schema", None)
    return shown | ({"response_schema": schema} if schema is not None else {})


def _task(task: Any) -> dict[str, Any]:
    state = task.state
    return {
        "id": task.id,
        "name": task.name,
        "path": list(task.path),
        "error": None if task.error is None else type(task.error).__name__,
        "interrupts": [interrupt_of(each) for each in task.interrupts],
        "checkpoint": _checkpoint(state) if isinstance(state, dict) else None,
        "state": state_of(state) if isinstance(state, StateSnapshot) else None,
        "result": task.result,
    }


def _checkpoint(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Where a state is, in the configuration that names it."""
    if not config:
        return None
    known = config.get("configurable", {})
    names = ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map")
    return {name: known[name] for name in names if known.get(name) is not None}


def _plain(value: Any) -> Any:
    for kinds, form in _FORMS:
        if isinstance(value, kinds):
            return form(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return _described(value)


def _described(value: Any) -> Any:
    """What has a plain form of its own; else what kind of thing it is, never its inside."""
    for method in ("tolist", "isoformat", "_asdict", "to_json"):
        if callable(form := getattr(value, method, None)) and not isinstance(value, type):
            return form()
    return f"<{type(value).__name__}>"


_FORMS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    ((BaseMessage, BaseModel), lambda value: value.model_dump()),
    (Interrupt, interrupt_of),
    (StateSnapshot, state_of),
    ((bytes, bytearray), lambda value: base64.b64encode(value).decode()),
    (BaseException, lambda value: {"error": type(value).__name__}),
    (str, str.__str__),
    (dict, dict),
    ((list, set, frozenset, tuple, deque), list),
    (int, int),
)
"""The forms of what the encoder does not know, subclasses of plain values among them."""
