"""The timeline of a thread: what each request was served from, step by step, now and at any checkpoint."""

from __future__ import annotations

from typing import cast

import pytest

from nexus.core.action import ThreadId
from nexus.core.decision import Approve, Edit, Reject
from nexus.core.user import OWNER
from nexus.errors import ModelUnavailable, NotFound
from nexus.runtime.reading import Reading, moments_of, read_thread
from nexus.runtime.runner import finish
from nexus.runtime.timeline import Candidate
from nexus.testing import ScriptedModel
from tests.graph.choosing import FIT, UNFIT, Choosing, told
from tests.world import MAIL, READ, REMOVE, SEND, MakeWorld, World

THREAD = ThreadId("t")


async def _read(world: World, checkpoint: str | None = None) -> Reading:
    async with world.open_user(OWNER) as service:
        return await read_thread(service, THREAD, checkpoint=checkpoint)


async def test_a_served_request_tells_what_was_found_asked_done_and_spent(world: World):
    await world.start()
    await world.decide(Approve(comment="As agreed."))
    await world.resume()
    (turn,) = (await _read(world)).turns
    assert (turn.request, turn.goal, turn.ending) == (
        "Mail ana@example.com",
        "Mail ana@example.com",
        "answered",
    )
    assert [each.tool for each in turn.candidates] == [spec.slug for spec in world.tools.all()]
    assert turn.candidates[0] == Candidate(SEND.slug, 1.0, 1.0)
    call, answer = turn.steps
    assert (call.kind, call.tool, call.arguments) == ("call", SEND.slug, MAIL)
    assert [(each.state, each.comment) for each in call.approvals] == [("approved", "As agreed.")]
    assert [each.kind for each in call.events] == [
        "proposal",
        "verdict",
        "approval.requested",
        "approval.decided",
        "claim",
        "outcome",
    ]
    assert call.result is not None
    assert (call.result.ok, call.result.outcome, call.result.tries) == (True, "done", 1)
    assert call.result.seconds is not None
    assert (answer.kind, answer.text) == ("said", "Done.")
    for step in turn.steps:
        took = step.took
        assert (took.model, took.prompt, took.written, took.at) == ("planned", 20, 10, world.clock.now())
    assert turn.tokens == 60 == (await world.runner.snapshot(THREAD)).values["spent"]["tokens"]


async def test_what_a_step_took_is_kept_where_clients_look_and_is_no_part_of_any_prompt(world: World):
    await world.start()
    await world.decide(Approve())
    await world.resume()
    messages = (await world.runner.snapshot(THREAD)).values["messages"]
    assert messages[1].usage_metadata["total_tokens"] == 30
    assert messages[1].response_metadata["model_name"] == "planned"
    said = [message.content for prompt in cast("ScriptedModel", world.model).prompts for message in prompt]
    assert not any("planned" in text or "total_tokens" in text for text in said)


async def test_what_the_model_had_to_mend_and_how_sure_it_was_is_told(make_world: MakeWorld):
    world = await make_world()
    model = Choosing(
        choices=[REMOVE.slug, SEND.slug, READ.slug],
        fits={REMOVE.slug: UNFIT, SEND.slug: FIT},
        fills=[MAIL | {"to": "stranger@else.where"}, {}, MAIL],
    )
    await told(world, model)
    (turn,) = (await _read(world)).turns
    step, send = turn.steps
    assert (step.tool, send.tool) == (READ.slug, SEND.slug)
    assert step.fits == {REMOVE.slug: pytest.approx(UNFIT), SEND.slug: pytest.approx(FIT)}
    assert {each["tool"] for each in step.corrections} == {SEND.slug}
    assert "stranger" in step.corrections[0]["problem"]
    fits = {each.tool: each.fit for each in turn.candidates}
    assert (fits[READ.slug], fits[SEND.slug]) == (None, pytest.approx(FIT))


async def test_each_request_of_a_thread_keeps_its_own_story(make_world: MakeWorld):
    world = await make_world(plan=((READ.slug, {}),))
    await world.start("What is new?")
    await finish(world.runner.run("t", "And now?"))
    first, second = (await _read(world)).turns
    assert [each.request for each in (first, second)] == ["What is new?", "And now?"]
    assert first.candidates == second.candidates != []
    assert [each.kind for each in first.steps[0].events] == ["proposal", "verdict", "claim", "outcome"]
    assert first.steps[0].approvals == []


async def test_an_answer_to_a_question_is_read_with_what_it_was_about(world: World):
    await told(world, Choosing(choices=["ask_user"]), "Mail somebody")
    await told(world, Choosing(choices=["final_answer", "ask_user"]), "Ana")
    asked, answered = (await _read(world)).turns
    assert asked.ending == "asked"
    assert (answered.request, answered.goal) == ("Ana", "Mail somebody\nAna")


async def test_an_edited_call_is_one_step_with_both_questions(world: World):
    await world.start()
    await world.decide(Edit({**MAIL, "subject": "goodbye"}))
    await world.resume()
    (turn,) = (await _read(world)).turns
    call = turn.steps[0]
    assert [each.state for each in call.approvals] == ["edited", "approved"]
    assert call.approvals[1].call.arguments["subject"] == "goodbye"
    assert [each.kind for each in call.events][-2:] == ["claim", "outcome"]


async def test_a_run_that_broke_off_says_so_at_its_own_request(make_world: MakeWorld):
    world = await make_world(plan=((READ.slug, {}),))
    await world.start("What is new?")
    world.wire()
    planned, world.model = world.model, ScriptedModel([ModelUnavailable("It is away.")])  # type: ignore[assignment]
    world.wire()
    with pytest.raises(ModelUnavailable):
        await finish(world.runner.run("t", "And now?"))
    first, second = (await _read(world)).turns
    assert (first.failures, [each.data["error"] for each in second.failures]) == ([], ["ModelUnavailable"])
    assert [each.tool for each in second.candidates] == [spec.slug for spec in world.tools.all()]
    world.model = planned
    world.wire()
    await world.resume()
    assert [len(each.failures) for each in (await _read(world)).turns] == [0, 1]


async def test_the_past_is_read_as_it_was_and_nothing_of_it_happens_again(world: World):
    await world.start()
    await world.decide(Reject("Not today."))
    await world.resume()
    before = len((await world.runner.snapshot(THREAD)).values["messages"])
    async with world.open_user(OWNER) as service:
        moments = await moments_of(service, THREAD)
        earlier = await moments_of(service, THREAD, limit=1, before=moments[0].id)
    assert [each.id for each in earlier] == [moments[1].id]
    asking = next(each for each in moments if each.nodes == ["approve"])
    then = await _read(world, asking.id)
    assert then.moment == asking
    (turn,) = then.turns
    assert (turn.steps[0].tool, turn.steps[0].result, turn.steps[0].approvals) == (SEND.slug, None, [])
    with pytest.raises(NotFound, match="no such checkpoint"):
        await _read(world, "1ef00000-0000-0000-0000-000000000000")
    assert world.effects == []
    assert len((await world.runner.snapshot(THREAD)).values["messages"]) == before
