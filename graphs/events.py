"""What a run tells those who watch it, over LangGraph's `custom` stream mode."""

from __future__ import annotations

from typing import Any, Literal

from langgraph.config import get_stream_writer

EventName = Literal[
    "shortlist", "writing", "thought", "call", "correction", "decided", "executing", "observation", "answer"
]


def emit(name: EventName, /, **facts: Any) -> None:
    """Tell the watchers. Facts are plain JSON values."""
    get_stream_writer()({"event": name, **facts})
