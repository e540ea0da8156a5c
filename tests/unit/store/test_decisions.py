"""What a decision has to take with it is written in its own transaction, or not at all."""

from __future__ import annotations

import pytest

from nexus.core.decision import Approve
from nexus.errors import Conflict
from nexus.ports.approvals import Alongside
from nexus.ports.runs import going_on
from nexus.store.runs import SqliteRuns
from nexus.store.webhooks import SqliteSeenMessages
from tests.world import World


async def test_a_decision_brings_its_run_and_the_note_of_its_message(world: World) -> None:
    await world.start()
    await world.decide(Approve(), alongside=Alongside(going_on("t"), "me", "msg_1"))
    (run,) = await SqliteRuns(world.database).open()
    assert (run.thread, run.owner) == ("t", "me")
    assert await SqliteSeenMessages(world.database).has("msg_1")


async def test_a_message_that_was_here_before_decides_nothing_and_starts_nothing(world: World) -> None:
    await world.start()
    await SqliteSeenMessages(world.database).add("msg_1")
    with pytest.raises(Conflict, match="here before"):
        await world.decide(Approve(), alongside=Alongside(going_on("t"), "me", "msg_1"))
    assert (await world.pending()).is_pending
    assert await SqliteRuns(world.database).open() == []


async def test_a_decision_that_is_not_taken_notes_nothing(world: World) -> None:
    await world.start()
    approval = await world.decide(Approve())
    alongside = Alongside(going_on("t"), "me", "msg_1")
    with pytest.raises(Conflict, match="already approved"):
        await world.runner.decide(approval.id, Approve(), actor="test", alongside=alongside)
    assert not await SqliteSeenMessages(world.database).has("msg_1")
    assert await SqliteRuns(world.database).open() == []


async def test_a_call_whose_process_died_is_unknown_and_its_thread_is_to_go_on(world: World) -> None:
    await world.start()
    await world.decide(Approve())
    await world.resume()
    await world.database.write(
        lambda connection, _: connection.execute(
            "UPDATE effects SET outcome = NULL, text = NULL, settled_at = NULL, owner = 'dead'"
        )
    )
    assert await world.ledger.settle_lost() == 1
    assert await world.ledger.settle_lost() == 0
    kinds = [event.kind for event in await world.audit.after(0, limit=1_000)]
    assert kinds[-1] == "outcome_unknown"
    (run,) = await SqliteRuns(world.database).open()
    assert (run.thread, run.owner) == ("t", "")
