"""The step after a call: what is left to do, and what is put right after a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from graphs.left import LEFT
from nexus.core.decision import Approve
from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid
from tests.graph.choosing import FIT, UNFIT, Choosing, told
from tests.world import MAIL, READ, REMOVE, SEND, World


@pytest.mark.parametrize(("left", "is_used"), [(LEFT, True), (LEFT - 0.01, False), (None, True)])
async def test_once_something_was_done_another_tool_acts_only_if_the_request_still_asks_for_it(
    world: World, left: float | None, *, is_used: bool
) -> None:
    model = Choosing(
        choices=[SEND.slug, REMOVE.slug, "final_answer"],
        fills=[MAIL, {"number": 7}],
        fits={SEND.slug: FIT, REMOVE.slug: FIT},
        left=left,
    )
    await told(world, model)
    await world.decide(Approve())
    await world.resume()
    assert bool((await world.view()).approvals) is is_used
    assert (REMOVE.slug in model.offered[-1]) is is_used


async def test_the_next_call_of_a_tool_that_has_acted_is_not_held_back(world: World) -> None:
    model = Choosing(
        choices=[SEND.slug, SEND.slug],
        fills=[MAIL, {**MAIL, "subject": "hello again"}],
        fits={SEND.slug: FIT},
        left=0.0,
    )
    await told(world, model, "Mail ana@example.com hello, and hello again")
    await world.decide(Approve())
    await world.resume()
    assert (await world.pending()).call.arguments["subject"] == "hello again"


async def test_reading_elsewhere_is_not_free(world: World) -> None:
    world.change_tool(READ.slug, is_local=False)
    model = Choosing(
        choices=[SEND.slug, READ.slug, "final_answer"], fits={SEND.slug: FIT, READ.slug: UNFIT}, fills=[MAIL]
    )
    await told(world, model)
    await world.decide(Approve())
    await world.resume()
    assert model.judged == [SEND.slug, READ.slug]


async def test_arguments_that_are_refused_and_written_again_are_looked_up(world: World) -> None:
    async def refuse(spec: ToolSpec, arguments: Mapping[str, Any], *, acted: bool) -> None:  # noqa: ARG001
        if spec.slug == SEND.slug:
            raise ArgumentsInvalid("subject: 'hello' is not known here")

    world.tools.sabotage = refuse
    model = Choosing(
        choices=[SEND.slug, READ.slug, "final_answer"],
        fills=[MAIL, MAIL, MAIL, MAIL, {}],
        fits={SEND.slug: FIT, REMOVE.slug: FIT},
    )
    await told(world, model)
    await world.decide(Approve())
    await world.resume()
    assert model.offered[1] == [READ.slug, "ask_user"]


async def test_what_a_refusal_asks_for_has_to_be_written(world: World) -> None:
    world.change_tool(SEND.slug, parameters={**SEND.parameters, "required": ["to"]})
    refusals = [ArgumentsInvalid("Following fields are missing: {'subject'}")]

    async def refuse(_spec: ToolSpec, _arguments: Mapping[str, Any], *, acted: bool) -> None:  # noqa: ARG001
        if refusals:
            raise refusals.pop()

    world.tools.sabotage = refuse
    model = Choosing(choices=[SEND.slug], fills=[{"to": MAIL["to"]}, MAIL], fits={SEND.slug: FIT})
    await told(world, model)
    await world.decide(Approve())
    await world.resume()
    assert (await world.pending()).call.arguments == MAIL
    assert model.schemas[-1]["required"] == ["to", "subject"]
