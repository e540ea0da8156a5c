"""What a run tells those who watch it, over LangGraph's `custom` stream mode."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Literal

from langgraph.config import get_stream_writer

EventName = Literal[
    "shortlist",
    "recalled",
    "remembered",
    "writing",
    "thought",
    "call",
    "correction",
    "decided",
    "executing",
    "again",
    "observation",
    "answer",
]


def emit(name: EventName, /, **facts: Any) -> None:
    """Tell the watchers. Facts are plain JSON values."""
    get_stream_writer()({"event": name, **facts})


def teller(name: EventName) -> Callable[..., None]:
    """`emit` for callbacks that run outside of the node's own context."""
    context = copy_context()
    return lambda **facts: context.run(emit, name, **facts)
