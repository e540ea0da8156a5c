"""Two users' threads and calls of the same ids: what one forges is their own, and never another's."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from nexus.core.approval import Approval
from nexus.core.decision import Approve
from nexus.errors import NotFound
from nexus.runtime.runner import finish
from nexus.runtime.service import Service
from tests.security.house import House


async def test_a_forged_thread_that_names_anothers_call_is_a_call_of_its_own(tmp_path: Path):
    house = House(tmp_path / "home")
    async with house.open_services() as services:
        ana, ben = await services.of("ana"), await services.of("ben")
        asked_of_ana = await paused(house, ana, "t")
        with pytest.raises(NotFound):
            await ben.runner.decide(asked_of_ana.id, Approve(), actor="test")
        config: RunnableConfig = {"configurable": {"thread_id": "t"}}
        state = (await ana.runner.graph.aget_state(config)).values
        await ben.runner.graph.aupdate_state(config, state, as_node="reason")
        await ben.runner.graph.ainvoke(None, config)
        (asked_of_ben,) = await ben.parts.approvals.search()
        assert asked_of_ben.id == asked_of_ana.id
        house.model.script[:] = [{"tool": "final_answer"}, {"answer": "Added."}]
        await ben.runner.graph.ainvoke(Command(resume={"decisions": [{"type": "approve"}]}), config)
        assert (await ana.parts.approvals.get(asked_of_ana.id)).is_pending
    assert (house.tasks("ana"), len(house.tasks("ben"))) == ([], 1)


async def paused(house: House, service: Service, thread: str) -> Approval:
    """The approval that a new thread of the user waits for."""
    house.will_add_a_task("Water the plants")
    await service.runner.create_thread(thread)
    await finish(service.runner.run(thread, "Add a task: Water the plants"))
    (approval,) = await service.parts.approvals.search()
    return approval
