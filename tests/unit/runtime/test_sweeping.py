"""What is over is closed by itself, also after a restart, and its thread goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from nexus.core.decision import Approve
from nexus.ports.approvals import Alongside
from nexus.ports.runs import going_on
from nexus.runtime.all_runs import AllRuns
from nexus.runtime.services import Services
from nexus.runtime.sweeping import sweep, sweeping
from tests.world import MakeWorld, World, all_stopped


class _Users:
    async def with_threads(self) -> list[str]:
        return ["broken", "owner"]


class _Broken(Services):
    """Services of which one user's cannot be opened."""

    async def of(self, user: str) -> Any:
        if user == "broken":
            raise OSError("its file is locked")
        return await super().of(user)


def broken(world: World) -> Services:
    nothing = cast("Any", None)
    return _Broken(world.open_user, cast("Any", _Users()), nothing, nothing, nothing)


async def test_what_is_overdue_is_closed_once_and_its_thread_goes_on(world: World) -> None:
    services, every = broken(world), AllRuns()
    await world.start()
    assert await sweep(services, every) == 0
    world.advance(timedelta(hours=25))
    await world.restart()
    services, every = broken(world), AllRuns()
    assert await sweep(services, every) == 1
    assert await sweep(services, every) == 0
    await all_stopped(services, every)
    kinds = [event.kind for event in await world.audit.after(0)]
    assert (kinds.count("approval.expired"), kinds.count("run.completed")) == (1, 1)
    assert (await world.view()).ending == "rejected"
    assert world.effects == []
    await services.close()


async def test_a_thread_goes_on_also_if_somebody_else_saw_first_that_the_time_was_over(world: World) -> None:
    services, every = broken(world), AllRuns()
    await world.start()
    world.advance(timedelta(hours=25))
    assert await world.approvals.search() == []
    assert (await world.view()).status == "unfinished"
    await sweep(services, every)
    await all_stopped(services, every)
    assert (await world.view()).ending == "rejected"
    await services.close()


async def test_what_a_program_decided_and_did_not_live_to_carry_out_is_carried_out_by_a_running_server(
    make_world: MakeWorld,
) -> None:
    world, other = await make_world(), await make_world()
    services, every = broken(world), AllRuns()
    await other.start()
    approval = await other.pending()
    alongside = Alongside(going_on("t"), other.owner.token)
    await other.runner.decide(approval.id, Approve(), actor="cli", alongside=alongside)
    await sweep(services, every)
    assert world.effects == []  # whoever decided lives, and is about to
    other.owner.close()
    await sweep(services, every)
    await all_stopped(services, every)
    assert len(world.effects) == 1
    assert (await world.view()).ending == "answered"
    await services.close()


async def test_the_sweeper_goes_round_until_it_is_closed(make_world: MakeWorld) -> None:
    world = await make_world()
    services, every = broken(world), AllRuns()
    await world.start()
    world.advance(timedelta(hours=25))
    async with sweeping(services, every, seconds=0.01):
        while (await world.view()).ending is None:  # looking is all the waiting there is
            pass
    assert (await world.approvals.search(pending_only=False))[0].state == "expired"
    await services.close()
