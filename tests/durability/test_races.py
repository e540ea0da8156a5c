"""P3 under double clicks: many resumes and decisions at once, in one process and in eight."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from nexus.core.decision import Approve, Decision, Reject
from nexus.errors import Conflict
from nexus.ports.clock import SystemClock
from nexus.runtime.runner import Event
from tests.durability.servers import SweepServer
from tests.world import MAIL, SEND, MakeWorld, World

pytestmark = pytest.mark.timeout(600)
APPROVE = {"decisions": [{"type": "approve"}]}
REJECT = {"decisions": [{"type": "reject"}]}


async def settled(world: World) -> Event | None:
    """The last event after somebody looked after the thread; its status must be a quiet one."""
    event = None
    if (await world.view()).status == "unfinished":
        event = await world.resume()
    assert (await world.view()).status in ("idle", "waiting")
    return event


def effects_and_state_agree(world: World, results: list[str]) -> bool:
    """True if what the model was told fits what happened."""
    return ("ok" in results) == bool(world.effects)


async def results_of(world: World) -> list[str]:
    return [step.text for step in (await world.view()).steps if step.kind == "result"]


@pytest.mark.parametrize("clicks", [2, 5, 20])
async def test_parallel_resumes_in_one_process_act_once_and_the_others_get_a_conflict(
    make_world: MakeWorld, clicks: int
) -> None:
    world = await make_world()
    await world.start()
    await world.decide(Approve())
    ends = await asyncio.gather(*(world.resume() for _ in range(clicks)), return_exceptions=True)
    assert len(world.effects) == 1
    assert all(isinstance(end, Conflict) or end == {**end, "event": "ended"} for end in ends)
    assert sum(not isinstance(end, Conflict) for end in ends) >= 1
    assert (await world.view()).ending == "answered"


@pytest.mark.parametrize("clicks", [2, 5, 20])
async def test_parallel_resumes_around_the_runner_act_once_and_all_see_the_recorded_outcome(
    make_world: MakeWorld, clicks: int
) -> None:
    world = await make_world()
    await world.start()
    ends: list[Any] = await asyncio.gather(
        *(
            world.graph.ainvoke(Command(resume=APPROVE), world.config(), durability="sync")
            for _ in range(clicks)
        )
    )
    assert len(world.effects) == 1
    assert all(end["messages"][2].text == "ok" for end in ends)
    await settled(world)
    assert await results_of(world) == ["ok"]


async def test_parallel_resumes_around_the_runner_do_not_answer_the_next_question(
    make_world: MakeWorld,
) -> None:
    plan = ((SEND.slug, MAIL), (SEND.slug, {**MAIL, "subject": "second"}))
    world = await make_world(plan=plan)
    await world.start()
    await asyncio.gather(
        *(world.graph.ainvoke(Command(resume=APPROVE), world.config(), durability="sync") for _ in range(5))
    )
    assert len(world.effects) == 1
    assert (await world.view()).status == "waiting"
    # Each of the five asked for its own second call; the thread waits for one of them.
    await world.decide(Approve())
    await world.resume()
    assert [effect["arguments"]["subject"] for effect in world.effects] == ["hello", "second"]
    assert (await world.view()).status == "idle"


async def test_a_tool_that_takes_long_is_not_called_again_by_a_resume_that_comes_meanwhile(
    make_world: MakeWorld,
) -> None:
    world, other = await make_world(), await make_world()
    await world.start()
    await world.decide(Approve())
    called, finish = asyncio.Event(), asyncio.Event()

    async def slow(*_: Any, acted: bool) -> None:
        if not acted:
            called.set()
            await finish.wait()

    world.tools.sabotage = slow
    first = asyncio.create_task(world.resume())
    await called.wait()
    # Another process goes around the runner, so no lock keeps it out: only the ledger does.
    second = asyncio.create_task(other.graph.ainvoke(None, other.config(), durability="sync"))
    with pytest.raises(Conflict):
        await other.resume()
    finish.set()
    await asyncio.gather(first, second)
    assert len(world.effects) == 1
    assert await results_of(world) == ["ok"]


@pytest.mark.parametrize("around", [False, True], ids=["through the runner", "around the runner"])
async def test_approve_against_reject_ends_as_the_recorded_decision_says(
    make_world: MakeWorld, *, around: bool
) -> None:
    seen: Counter[str] = Counter()
    for number in range(30):
        one, two = await make_world(home=f"{number}/home"), await make_world(home=f"{number}/home")
        await one.start()
        sides: list[tuple[World, Decision, dict[str, Any]]] = [
            (one, Approve(), APPROVE),
            (two, Reject(), REJECT),
        ]
        await asyncio.gather(*(_decide(*side, around=around) for side in sides[:: -1 if number % 2 else 1]))
        await settled(one)
        (approval,) = await one.approvals.search(pending_only=False)
        assert len(one.effects) == (1 if approval.state == "approved" else 0)
        view = await one.view()
        assert view.ending == ("answered" if approval.state == "approved" else "rejected")
        assert effects_and_state_agree(one, await results_of(one))
        seen[approval.state] += 1
    assert set(seen) <= {"approved", "rejected"}


async def _decide(world: World, decision: Decision, answer: dict[str, Any], *, around: bool) -> None:
    if around:
        await world.graph.ainvoke(Command(resume=answer), world.config(), durability="sync")
        return
    try:
        await world.decide(decision)
        await world.resume()
    except (Conflict, ValueError):
        # The other side was first: its decision stands, or the question is gone.
        return


@pytest.fixture(name="server", scope="module")
def _server() -> Iterator[SweepServer]:
    with SweepServer() as server:
        yield server


ROUNDS = 5
WAYS = {
    "eight resume": ["resume"] * 8,
    "eight approve": ["approve"] * 8,
    "four approve, four reject": ["approve", "reject"] * 4,
    "eight around the runner": ["around the runner"] * 8,
    "all ways": ["approve", "around the runner", "resume", "reject"] * 2,
}


@pytest.mark.parametrize("ways", WAYS.values(), ids=WAYS.keys())
def test_eight_processes_at_once_act_once_and_agree(
    server: SweepServer, fast_path: Path, ways: list[str]
) -> None:
    for number in range(ROUNDS):
        folder = fast_path / str(number)
        home = {"home": str(folder / "home")}
        server.ask(job="pause", decided="resume" in ways and len(set(ways)) == 1, **home)
        jobs = [
            {
                "job": "race",
                "how": way,
                "ready": str(folder / f"ready-{place}"),
                "gun": str(folder / "gun"),
                **home,
            }
            for place, way in enumerate(ways)
        ]
        ends = server.ask_all(jobs)
        assert all(end["code"] == 0 and "error" not in end for end in ends), ends
        recovered = server.ask(job="recover", decision="approve", **home)
        asyncio.run(_agree(folder / "home", recovered, ends))


async def _agree(home: Path, recovered: dict[str, Any], ends: list[dict[str, Any]]) -> None:
    async with World(home, clock=SystemClock()) as world:
        (approval,) = await world.approvals.search(pending_only=False)
        decided = [word for end in ends for word in end["said"] if word in ("approve", "reject")]
        assert len(decided) <= 1, ends
        assert approval.state in ("approved", "rejected")
        assert len(world.effects) == (1 if approval.state == "approved" else 0), ends
        assert recovered["status"] == "idle", (recovered, ends)
        assert effects_and_state_agree(world, await results_of(world))
