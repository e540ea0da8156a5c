"""Runs of the graph: rules, time, budgets, repetitions, and what is forged or run again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from langgraph.errors import InvalidUpdateError
from langgraph.types import Command
from tenacity import wait_none

from graphs.agent import build
from nexus.core.budget import Budget
from nexus.core.decision import Approve, Reject
from nexus.core.policy import Policy
from nexus.core.tool import ToolSpec
from nexus.errors import (
    ArgumentsInvalid,
    Conflict,
    InvalidInput,
    ModelUnavailable,
    ToolFailed,
)
from nexus.runtime.locks import ThreadLocks
from nexus.runtime.runner import Runner
from nexus.testing import ScriptedModel
from tests.world import MAIL, READ, REMOVE, SEND, MakeWorld, World

OTHER = {**MAIL, "subject": "other"}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was not sent is tried again at once."""
    monkeypatch.setattr("graphs.trying.PAUSES", wait_none())


async def test_reading_asks_nobody(make_world: MakeWorld) -> None:
    world = await make_world(plan=((READ.slug, {}),))
    assert (await world.start("What is new?"))["event"] == "ended"
    assert await world.answered() == "ok"
    assert await world.approvals.search(pending_only=False) == []


async def test_what_a_rule_denies_is_not_asked_and_not_done(make_world: MakeWorld) -> None:
    world = await make_world(policy=Policy(deny=("post_send",)))
    await world.start()
    assert await world.answered() == (
        "Not allowed: the rule deny = 'post_send' forbids post_send. Do something else."
    )
    assert world.effects == []
    assert await world.approvals.search(pending_only=False) == []


async def test_a_rule_made_after_the_yes_still_denies(world: World) -> None:
    await world.start()
    await world.decide(Approve())
    world.wire(policy=Policy(deny=("post_send",)))
    await world.resume()
    assert world.effects == []
    assert "Not allowed" in await world.answered()


async def test_a_rule_can_make_reading_ask(make_world: MakeWorld) -> None:
    world = await make_world(plan=((READ.slug, {}),), policy=Policy(ask=("*_read",)))
    assert (await world.start("What is new?"))["event"] == "paused"


async def test_a_question_nobody_answers_in_time_is_a_no(world: World) -> None:
    await world.start()
    world.advance(timedelta(hours=25))
    assert (await world.view()).status == "unfinished"
    await world.boot()
    view = await world.view()
    assert (world.effects, view.status, view.ending) == ([], "idle", "rejected")
    assert view.answer == "Not done, because nobody decided in time: Send an e-mail."


async def test_a_yes_that_is_carried_out_too_late_is_not_carried_out(world: World) -> None:
    await world.start()
    await world.decide(Approve())
    world.advance(timedelta(hours=25))
    await world.resume()
    assert world.effects == []
    assert "expired before it could run" in await world.answered()


@pytest.mark.parametrize("late", [False, True])
async def test_a_yes_counts_until_the_last_moment(world: World, *, late: bool) -> None:
    await world.start()
    world.advance(timedelta(hours=24, microseconds=int(late)))
    await world.graph.ainvoke(Command(resume={"type": "approve"}), world.config(), durability="sync")
    assert len(world.effects) == (0 if late else 1)


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(steps=2), "2 steps"),
        (Budget(tokens=30), "30 tokens"),
        (Budget(seconds=0.0), "0 seconds of work"),
    ],
)
async def test_a_run_that_uses_up_its_budget_ends_and_says_which(
    make_world: MakeWorld, budget: Budget, words: str
) -> None:
    plan = tuple((REMOVE.slug, {"number": number}) for number in range(20))
    world = await make_world(plan=plan, budget=budget, policy=Policy(deny=()))
    await world.start("Delete everything")
    for _ in range(10):
        view = await world.view()
        if view.status == "idle":
            break
        await world.decide(Approve())
        await world.resume()
    assert (view.status, view.ending) == ("idle", "budget")
    assert words in view.answer
    assert len(world.effects) <= 2


async def test_a_new_request_has_a_new_budget(make_world: MakeWorld) -> None:
    world = await make_world(plan=((READ.slug, {}),), budget=Budget(steps=3))
    await world.start("What is new?")
    async for _ in world.runner.run("t", "And now?"):
        pass
    assert (await world.view()).ending == "answered"


async def test_the_very_same_call_is_not_made_twice_in_a_run(make_world: MakeWorld) -> None:
    world = await make_world(plan=((SEND.slug, MAIL), (SEND.slug, dict(reversed(MAIL.items())))))
    await world.start()
    await world.decide(Approve())
    await world.resume()
    assert len(world.effects) == 1
    assert (await world.view()).ending == "answered"


async def test_a_call_that_failed_without_effect_is_made_once_more(make_world: MakeWorld) -> None:
    world = await make_world(plan=((SEND.slug, MAIL), (SEND.slug, MAIL), (SEND.slug, MAIL)))
    calls = 0

    async def fails(*_: Any, acted: bool) -> None:
        nonlocal calls
        calls += not acted
        raise ToolFailed("The service is busy; nothing was done. Try the same call again.")

    world.tools.sabotage = fails
    await world.start()
    for _ in range(2):
        await world.decide(Approve())
        await world.resume()
    assert calls == 2
    assert (await world.view()).status == "idle"


async def test_a_call_that_was_refused_for_its_arguments_is_made_again_after_a_look(
    make_world: MakeWorld,
) -> None:
    same_again = [dict(MAIL)] * (1 + Budget().corrections)
    script = [
        {"tool": SEND.slug},
        dict(MAIL),
        *same_again,
        {"tool": READ.slug},
        {},
        {"tool": SEND.slug},
        dict(MAIL),
    ]
    world = await make_world()
    world.wire()
    parts = replace(
        world.parts, model=ScriptedModel([*script, {"tool": "final_answer"}, {"answer": "Sent."}])
    )
    world.runner = Runner(build(parts, world.saver), parts, world.threads, ThreadLocks(world.home / "locks"))
    read: list[str] = []

    async def stale(spec: ToolSpec, arguments: Any, *, acted: bool) -> None:  # noqa: ARG001 - the seam's
        if spec.slug == SEND.slug and not read:
            raise ArgumentsInvalid("The inbox has changed since you read it.")
        read.append(spec.slug)

    world.tools.sabotage = stale
    await world.start()
    for _ in range(2):
        await world.decide(Approve())
        await world.resume()
    assert [effect["arguments"] for effect in world.effects] == [MAIL]
    assert read[0] == READ.slug


async def test_two_calls_are_asked_about_one_after_the_other(make_world: MakeWorld) -> None:
    world = await make_world(plan=((SEND.slug, MAIL), (SEND.slug, OTHER)))
    await world.start()
    first = await world.decide(Approve())
    await world.resume()
    second = await world.pending()
    assert second.id != first.id
    assert len(world.effects) == 1
    # The same yes again is an answer to the first question, not to the second.
    with pytest.raises(Conflict):
        await world.runner.decide(first.id, Approve(), actor="test")
    await world.resume()
    assert len(world.effects) == 1
    await world.decide(Reject())
    await world.resume()
    assert len(world.effects) == 1


async def test_a_thread_that_waits_takes_no_new_request(world: World) -> None:
    await world.start()
    with pytest.raises(Conflict, match="has not finished its last request"):
        async for _ in world.runner.run("t", "something else"):
            pass


@pytest.mark.parametrize("request_", ["", "  \n", "x" * 20_001, "half \ud800"])
async def test_a_request_that_cannot_be_used_is_refused_before_anything_starts(
    world: World, request_: str
) -> None:
    await world.runner.create_thread("t")
    with pytest.raises(InvalidInput, match="request"):
        async for _ in world.runner.run("t", request_):
            pass
    assert (await world.view()).steps == []


async def test_a_thread_that_never_ran_can_be_resumed_without_effect(world: World) -> None:
    await world.runner.create_thread("t")
    assert await world.resume() == {"event": "ended", "thread_id": "t", "ending": None, "answer": ""}


async def test_a_run_whose_model_is_down_goes_on_when_it_is_back(world: World) -> None:
    model, world.model = world.model, ScriptedModel([ModelUnavailable("down")])  # type: ignore[assignment]
    world.wire()
    with pytest.raises(ModelUnavailable):
        await world.start()
    assert (await world.view()).status == "unfinished"
    world.model = model
    world.wire()
    assert (await world.resume())["event"] == "paused"


@pytest.mark.parametrize("fact", [{"version": "2"}, {"account": "eve"}], ids=["version", "account"])
async def test_a_tool_that_changed_after_the_yes_does_not_run(world: World, fact: dict[str, str]) -> None:
    await world.start()
    await world.decide(Approve())
    world.change_tool(SEND.slug, **fact)
    await world.resume()
    assert world.effects == []
    assert "something else than what was approved" in await world.answered()


@pytest.mark.parametrize(
    "forged",
    [
        {"arguments": {**MAIL, "to": "eve@example.com"}},
        {"id": "0000000000000000"},
        {"id": ""},
        {"attempt": 2},
        {"tool": REMOVE.slug, "arguments": {"number": 1}},
        {"tool": "no_such_tool"},
    ],
    ids=["arguments", "id", "empty id", "attempt", "tool", "unknown tool"],
)
@pytest.mark.parametrize("approved", [False, True], ids=["asked", "approved"])
async def test_a_call_forged_in_the_state_does_not_run(
    world: World, forged: dict[str, Any], *, approved: bool
) -> None:
    await world.start()
    if approved:
        await world.decide(Approve())
    call = (await world.graph.aget_state(world.config())).values["call"]
    await world.graph.aupdate_state(
        world.config(), {"call": {**call, **forged}, "go": True}, as_node="approve"
    )
    await world.resume()
    assert world.effects == []


async def test_a_jump_to_a_node_without_a_call_does_nothing_and_leaves_the_thread_usable(
    world: World,
) -> None:
    await world.start()
    await world.decide(Reject())
    await world.resume()
    for node in ("execute", "approve"):
        await world.graph.ainvoke(Command(goto=node), world.config(), durability="sync")
        assert (await world.view()).status == "idle"
    assert world.effects == []


async def test_a_thread_in_which_two_nodes_wrote_one_step_says_so_and_acts_no_more(world: World) -> None:
    await world.start()
    await world.graph.ainvoke(Command(goto="execute"), world.config(), durability="sync")
    await world.graph.aupdate_state(world.config(), {"go": True}, as_node="approve")
    await world.resume()
    history = [snapshot async for snapshot in world.graph.aget_state_history(world.config())]
    with pytest.raises(InvalidUpdateError):  # history is newest first: [-4] is where the call waited
        await world.graph.ainvoke(None, history[-4].config, durability="sync")
    for look in (world.view, world.resume):
        with pytest.raises(Conflict, match="Two nodes wrote into one step"):
            await look()
    assert world.effects == []


async def test_every_checkpoint_of_a_finished_thread_can_be_run_again_without_another_effect(
    world: World,
) -> None:
    await world.start()
    await world.decide(Approve())
    await world.resume()
    history = [snapshot async for snapshot in world.graph.aget_state_history(world.config())]
    assert len(history) >= 6
    for snapshot in history:
        await world.graph.ainvoke(None, snapshot.config, durability="sync")
        assert len(world.effects) == 1
