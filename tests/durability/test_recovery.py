"""What a program without a server left behind goes on at a server's next start, without any run on record."""

from __future__ import annotations

from nexus.core.decision import Approve
from nexus.store.runs import SqliteRuns
from tests.world import World


async def test_a_decision_that_nobody_carried_out_is_carried_out_once(world: World) -> None:
    await world.start()
    await world.decide(Approve())
    assert await SqliteRuns(world.database).open() == []
    await world.boot()
    await world.boot()
    assert len(world.effects) == 1
    assert (await world.view()).explanation == "The request was served, and answered."


async def test_a_question_that_nobody_answered_is_left_alone(world: World) -> None:
    await world.start()
    await world.boot()
    assert (await world.view()).status == "waiting"
    assert await SqliteRuns(world.database).search() == []
