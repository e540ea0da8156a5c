"""What clients write on a thread takes nothing away from what a run wrote on it meanwhile."""

from __future__ import annotations

from nexus.core.action import ThreadId
from nexus.core.user import OWNER
from nexus.runtime.runs import Runs
from nexus.runtime.thread_states import ThreadStates
from tests.world import World


async def test_a_label_that_was_read_before_a_run_began_is_not_written_over_the_runs_own(
    world: World,
) -> None:
    before = await world.threads.create(ThreadId("t"))
    await world.threads.touch(before.id, graph="nexus")
    async with world.open_user(OWNER) as service:
        labelled = await ThreadStates(service, Runs(service)).label(before, {"graph_id": None, "topic": "x"})
    assert labelled.metadata == {"graph_id": "nexus", "topic": "x"}
