"""What a run's own webhook is told at its end: the run as clients know it, its state, and what it asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nexus.ports.deliveries import Message
from nexus.ports.endpoints import RUN_ENDED
from nexus.ports.runs import Run, RunStatus
from nexus.runtime.execution import INTERRUPT
from nexus.runtime.wire import dumps

MAX_VALUES = 1024 * 1024
"""Bytes of a state that are sent along; a larger one is left out, and has to be fetched."""


def ended(
    run: Run, status: RunStatus, values: Mapping[str, Any] | None, error: str | None
) -> tuple[str, Message] | None:
    """The endpoint that is told, and the message; None if nobody wants to be told of this run.

    The message's id is the run's, however often it is tried.
    """
    endpoint = run.request.get("webhook")
    if endpoint is None:
        return None
    state = dumps(values)
    fits = len(state) <= MAX_VALUES
    body = {
        "type": RUN_ENDED,
        "run_id": run.id,
        "thread_id": run.thread,
        "assistant_id": run.assistant,
        "created_at": run.created_at.isoformat(),
        "status": status,
        "error": error,
        "metadata": run.metadata,
        "multitask_strategy": run.strategy,
        "values": values if fits else None,
        "interrupts": (values or {}).get(INTERRUPT, []) if fits else [],
    }
    return str(endpoint), Message(f"msg_{run.id}", RUN_ENDED, dumps(body).decode())
