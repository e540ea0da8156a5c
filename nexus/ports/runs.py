"""The port to the runs that a server was asked for: rows that outlive it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias

from nexus.ports.deliveries import Message

RunStatus = Literal["pending", "running", "success", "error", "timeout", "interrupted"]
"""pending: waits for its turn; interrupted: a person must decide, or somebody stopped it."""

Strategy = Literal["reject", "enqueue", "interrupt", "rollback"]
"""What a new run does about one that is under way in its thread: give way, wait, stop it, undo it."""

Stop = Literal["interrupt", "rollback"]
"""interrupt: keep what the run did so far; rollback: make the thread forget it."""

AGENT = "nexus"
"""The name of Nexus's own graph."""

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:nexus:graph")

OPEN: frozenset[RunStatus] = frozenset({"pending", "running"})

RunEvent: TypeAlias = tuple[int, str, bytes]
"""Number (from 1), name and JSON of something a run told."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a thread.

    Attributes:
        request: What was asked for, as plain JSON: input or command, config, context and the like.
        owner: The process that drives it; empty: whichever server looks next.
        stop: How somebody wants it to be stopped.
        error: What it failed with, for people.
        start_at: Not to be begun before.
    """

    id: str
    thread: str
    assistant: str
    status: RunStatus
    strategy: Strategy
    request: Mapping[str, Any]
    metadata: Mapping[str, Any]
    owner: str
    created_at: datetime
    updated_at: datetime
    stop: Stop | None = None
    error: str | None = None
    start_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """True until it has ended."""
        return self.status in OPEN


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be written down.

    Attributes:
        title: What the thread is called by, if it has no title yet.
        labels: Added to the thread's metadata.
    """

    id: str
    thread: str
    assistant: str
    strategy: Strategy
    request: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    after_seconds: float = 0.0
    title: str = ""
    labels: Mapping[str, Any] = field(default_factory=dict[str, Any])


def system_assistant(graph: str) -> str:
    """The id of the assistant that every graph has by itself."""
    return str(uuid.uuid5(_NAMESPACE, graph))


def going_on(thread: str, *, after_seconds: float = 0.0, metadata: Mapping[str, Any] | None = None) -> NewRun:
    """A run that brings nothing new: a thread of Nexus's own graph goes on where it stopped."""
    return NewRun(
        id=str(uuid.uuid4()),
        thread=thread,
        assistant=system_assistant(AGENT),
        strategy="enqueue",
        request={"stream_mode": ["values", "custom"]},
        metadata=metadata or {},
        after_seconds=after_seconds,
    )


class RunStore(Protocol):
    """One user's runs. Every change is on disk, safe from the death of the process, when it returns."""

    async def add(self, new: NewRun, *, owner: str) -> tuple[Run, Sequence[Run]]:
        """The new run, running if the thread is free, and those that are open in its thread before it.

        Raises:
            NotFound: There is no such thread.
            Conflict: One is open, and the new one's strategy is to give way; or the thread is another
                graph's, as `Thread.check_takes`. Nothing was changed.
        """
        ...

    async def get(self, run_id: str, thread: str | None = None) -> Run:
        """The run, of that thread if one is named. Raises NotFound."""
        ...

    async def search(
        self,
        *,
        thread: str | None = None,
        statuses: Sequence[RunStatus] = (),
        limit: int = 10,
        offset: int = 0,
    ) -> Sequence[Run]:
        """Runs, the latest first."""
        ...

    async def open(self) -> Sequence[Run]:
        """Those that have not ended, the oldest first."""
        ...

    async def begin(self, run_id: str, *, owner: str) -> Run:
        """It is under way. Raises NotFound."""
        ...

    async def end(
        self,
        run_id: str,
        status: RunStatus,
        *,
        error: str | None = None,
        told: tuple[str, Message] | None = None,
    ) -> None:
        """It has ended; one that has already stays as it is.

        What an endpoint is told of the end is on its way in the same transaction.
        """
        ...

    async def ask_to_stop(self, run_id: str, stop: Stop) -> None:
        """Note that it is to be stopped, if it has not ended."""
        ...

    async def delete(self, run_id: str) -> None:
        """Forget it and what it told."""
        ...

    async def tell(self, run_id: str, events: Sequence[RunEvent]) -> None:
        """Keep what it told."""
        ...

    async def told(self, run_id: str, *, after: int = 0) -> Sequence[RunEvent]:
        """What was kept of what it told, from behind that number."""
        ...


class Process(Protocol):
    """This process, and whether others live."""

    token: str

    def is_alive(self, token: str) -> bool:
        """True if the process with that token still runs."""
        ...
