"""Reading a thread of Nexus's own graph: as it is now, and as it was at any of its checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import StateSnapshot

from nexus.core.action import ThreadId
from nexus.core.approval import Approval
from nexus.core.audit import AuditEvent
from nexus.core.memory import MemoryId
from nexus.errors import NexusError, NotFound
from nexus.runtime.service import Service
from nexus.runtime.timeline import Turn, timeline_of

MOST_ASKED = 1_000
"""Approvals of one thread that are read."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One checkpoint.

    Attributes:
        id: The checkpoint's.
        number: Which step of the thread it is behind; -1 for the first input.
        at: When it was written.
        nodes: What comes next; empty where nothing does.
        said: How many messages there were.
        is_asking: True if it waits there for a person.
    """

    id: str
    number: int
    at: datetime
    nodes: Sequence[str]
    said: int
    is_asking: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A thread at one moment; `moment` is None for one in which nothing was begun.

    Attributes:
        memories: The texts of the memories that the model was shown, by their ids; without what is forgotten.
    """

    turns: Sequence[Turn]
    moment: Moment | None
    memories: Mapping[str, str] = field(default_factory=dict[str, str])


async def read_thread(service: Service, thread: ThreadId, *, checkpoint: str | None = None) -> Reading:
    """The thread now, or as it was at a checkpoint: only with what had happened by then.

    Raises:
        NotFound: There is no such checkpoint.
        Conflict: It was steered from outside into what cannot be read.
    """
    snapshot = await service.runner.snapshot(thread, checkpoint=checkpoint)
    if checkpoint and snapshot.created_at is None:
        raise NotFound(f"Thread {thread} has no such checkpoint.")
    moment = _moment(snapshot)
    until = moment.at if moment and checkpoint else None
    values: Mapping[str, Any] = snapshot.values or {}
    turns = timeline_of(
        values.get("messages", []),
        await _asked(service, thread, until),
        await _events(service, thread, until),
        scores=values.get("scores"),
        fit=values.get("fit"),
    )
    return Reading(turns, moment, await _memories(service, turns))


async def moments_of(
    service: Service, thread: ThreadId, *, limit: int = 50, before: str | None = None
) -> list[Moment]:
    """Its checkpoints, the latest first; those before the checkpoint `before`, if one is named."""
    states = service.runner.graph.aget_state_history(
        _at(thread), before=_at(thread, before) if before else None, limit=limit
    )
    found = [_moment(snapshot) async for snapshot in states]
    return [moment for moment in found if moment]


async def _asked(service: Service, thread: ThreadId, until: datetime | None) -> list[Approval]:
    """What people were asked. In the past only what is known to have been asked: not how it was decided."""
    if until is not None:
        return []
    return list(await service.parts.approvals.search(thread=thread, pending_only=False, limit=MOST_ASKED))


async def _memories(service: Service, turns: Sequence[Turn]) -> dict[str, str]:
    found: dict[str, str] = {}
    if service.parts.memories is None:
        return found
    for memory in {each for turn in turns for each in turn.memories}:
        # What cannot be read now is shown as what is forgotten: the page is about the thread.
        with suppress(NexusError):
            found[memory] = (await service.parts.memories.store.get(MemoryId(memory))).text
    return found


async def _events(service: Service, thread: ThreadId, until: datetime | None) -> list[AuditEvent]:
    if service.parts.audit is None:
        return []
    events = await service.parts.audit.of_thread(thread)
    return [event for event in events if until is None or event.at <= until]


def _moment(snapshot: StateSnapshot) -> Moment | None:
    if snapshot.created_at is None:
        return None
    return Moment(
        id=snapshot.config.get("configurable", {})["checkpoint_id"],
        number=(snapshot.metadata or {}).get("step", 0),
        at=datetime.fromisoformat(snapshot.created_at),
        nodes=[task.name for task in snapshot.tasks],
        said=len(snapshot.values.get("messages", [])),
        is_asking=bool(snapshot.interrupts),
    )


def _at(thread: str, checkpoint: str | None = None) -> RunnableConfig:
    place = {"checkpoint_id": checkpoint} if checkpoint else {}
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **place}}
