"""What is old is forgotten if the operator says so; what waits, runs or is not settled never is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nexus.core.action import ThreadId
from nexus.errors import NotFound
from nexus.runtime.all_runs import AllRuns
from nexus.runtime.requests import Wanted
from nexus.runtime.retention import forget_old
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.settings import Settings
from nexus.testing import FakeClock
from nexus.wiring.graphs import Loaded
from tests.api.serving import Office, request
from tests.clients import graphs_of_others as others

DAY = timedelta(days=1)
GRAPHS = ("chat", "asks", "waits", "fails", "grows")


@dataclass
class Archive(Office):
    """An office that forgets, and its clock."""

    keep: dict[str, float] = field(default_factory=dict[str, float])
    clock: FakeClock = field(default_factory=FakeClock)  # type: ignore[assignment]  # a Clock

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, port=0, **self.keep)  # type: ignore[arg-type]  # only days


@asynccontextmanager
async def opened(folder: Path, **keep: float) -> AsyncIterator[tuple[Archive, Service, Runs]]:
    archive = Archive(folder / "home", graphs=tuple(Loaded(name, getattr(others, name)) for name in GRAPHS))
    archive.keep = keep
    archive.tools.gate.set()
    async with archive.open_services() as services:
        service, every = await services.of("owner"), AllRuns()
        yield archive, service, every.of(service)
        await every.close(grace=0)


async def ran(service: Service, runs: Runs, graph: str, given: Any) -> ThreadId:
    """A thread in which that graph has run as far as it goes."""
    thread = (await service.threads.create(ThreadId(f"{graph}-thread"))).id
    stream = await runs.start(thread, Wanted(graph, input=given))
    if graph != "waits":
        await stream.settled()
    return thread


async def states(service: Service, thread: ThreadId) -> int:
    place: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    return len([each async for each in service.graphs.checkpointer.alist(place)])


CHAT = {"messages": [{"role": "user", "content": "hello"}]}


async def test_nothing_is_forgotten_unless_somebody_says_so(tmp_path: Path):
    async with opened(tmp_path) as (archive, service, runs):
        thread = await ran(service, runs, "chat", CHAT)
        before = await states(service, thread)
        archive.clock.advance(1_000 * DAY)
        assert await forget_old(service, runs) == 0
        assert await states(service, thread) == before > 1


async def test_a_thread_first_loses_its_past_and_then_goes(tmp_path: Path):
    async with opened(tmp_path, keep_states_days=30, keep_threads_days=365) as (archive, service, runs):
        thread = await ran(service, runs, "chat", CHAT)
        archive.clock.advance(29 * DAY)
        assert await forget_old(service, runs) == 0
        archive.clock.advance(2 * DAY)
        assert await forget_old(service, runs) == 1
        assert await states(service, thread) == 1
        values = await service.graphs.values_of(await service.threads.get(thread))
        assert values["messages"][-1].content == "You said hello."
        archive.clock.advance(365 * DAY)
        assert await forget_old(service, runs) == 1
        assert await states(service, thread) == 0
        assert await service.runs.search(thread=thread) == []
        with pytest.raises(NotFound):
            await service.threads.get(thread)


@pytest.mark.parametrize("keep", [{"keep_states_days": 1.0}, {"keep_threads_days": 1.0}])
async def test_what_waits_runs_or_is_proposed_is_never_forgotten(tmp_path: Path, keep: dict[str, float]):
    async with opened(tmp_path, **keep) as (archive, service, runs):
        archive.model.calls(("send", {"to": "a@b.c", "subject": "x"}), answer="Sent.")
        kept = [
            await ran(service, runs, "nexus", request("mail a@b.c")["input"]),
            await ran(service, runs, "asks", {"x": "a"}),
            await ran(service, runs, "waits", {"x": "never lets go"}),
        ]
        later = (await service.threads.create(ThreadId("later"))).id
        await runs.start(later, Wanted("chat", input=CHAT, after_seconds=10**6))
        before = [await states(service, each) for each in kept]
        archive.clock.advance(9 * DAY)
        assert await forget_old(service, runs) == 0
        assert [await states(service, each) for each in kept] == before
        assert {each.id for each in await service.threads.search()} == {*kept, later}


async def test_a_thread_whose_past_is_its_state_keeps_it(tmp_path: Path):
    async with opened(tmp_path, keep_states_days=1) as (archive, service, runs):
        thread = await ran(service, runs, "grows", {"words": ["first"]})
        archive.clock.advance(9 * DAY)
        assert await forget_old(service, runs) == 0
        values = await service.graphs.values_of(await service.threads.get(thread))
        assert values["words"] == ["first", "more"]
