"""What a person approved and what worked is remembered, and search is told; nothing else is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from nexus.core.decision import Approve, Edit, Reject, Respond
from nexus.core.tool import ToolSpec
from nexus.errors import OutcomeUnknown, StoreUnavailable, ToolFailed
from nexus.testing import FixedIndex
from tests.world import MAIL, READ, SEND, MakeWorld, World

ASKED = "Mail ana@example.com"


async def remembered(world: World, user: str = "owner") -> dict[str, list[str]]:
    return {tool: list(requests) for tool, requests in (await world.experience.examples(user)).items()}


@dataclass
class Raising:
    """A tool that ends with an error before it acts."""

    error: Exception

    async def __call__(self, spec: ToolSpec, arguments: Mapping[str, Any], *, acted: bool) -> None:  # noqa: ARG002 - the protocol's
        if not acted:
            raise self.error


class Unreadable:
    """Experience whose store is not to be had just now."""

    async def remember(self, user: str, **_: str) -> None:  # noqa: ARG002 - the port's
        raise StoreUnavailable("The database is locked.")

    async def examples(self, user: str) -> dict[str, list[str]]:  # noqa: ARG002 - the port's
        raise StoreUnavailable("The database is locked.")


async def test_an_approved_call_that_worked_is_remembered_with_its_request(world: World) -> None:
    await world.start(ASKED)
    assert await remembered(world) == {}
    await world.decide(Approve())
    await world.resume()
    assert await remembered(world) == {SEND.slug: [ASKED]}


async def test_a_call_that_a_person_edited_is_remembered_too(world: World) -> None:
    await world.start(ASKED)
    await world.decide(Edit({**MAIL, "subject": "other"}))
    await world.resume()
    assert await remembered(world) == {SEND.slug: [ASKED]}


@pytest.mark.parametrize("decision", [Reject(), Reject("no"), Respond("I did it myself")])
async def test_what_was_not_approved_is_not_remembered(world: World, decision: Any) -> None:
    await world.start(ASKED)
    await world.decide(decision)
    await world.resume()
    assert await remembered(world) == {}


async def test_reading_that_nobody_was_asked_about_is_not_remembered(make_world: MakeWorld) -> None:
    world = await make_world(plan=((READ.slug, {}),))
    await world.start("What is new?")
    assert await remembered(world) == {}


@pytest.mark.parametrize("error", [ToolFailed("broken"), OutcomeUnknown("gone")])
async def test_an_approved_call_that_did_not_work_is_not_remembered(world: World, error: Exception) -> None:
    world.tools.sabotage = Raising(error)
    await world.start(ASKED)
    await world.decide(Approve())
    await world.resume()
    assert await remembered(world) == {}


async def test_a_replay_of_the_thread_is_not_remembered_again(world: World) -> None:
    await world.start(ASKED)
    await world.decide(Approve())
    await world.resume()
    async for past in world.graph.aget_state_history(world.config()):
        if past.next == ("execute",):
            await world.graph.ainvoke(None, past.config)
    assert await remembered(world) == {SEND.slug: [ASKED]}
    assert len(world.effects) == 1


async def test_search_is_told_what_this_user_has_done(world: World) -> None:
    await world.experience.remember("owner", tool=SEND.slug, request=ASKED, call="earlier.1")
    await world.experience.remember("other", tool=SEND.slug, request="Something private", call="other.1")
    await world.start("Write to Ben")
    index = world.parts.index
    assert isinstance(index, FixedIndex)
    assert index.scopes
    assert all(scope.examples == {SEND.slug: [ASKED]} for scope in index.scopes)


async def test_a_store_that_cannot_be_used_costs_only_the_experience(make_world: MakeWorld) -> None:
    world = await make_world(experience=Unreadable())
    await world.start(ASKED)
    await world.decide(Approve())
    await world.resume()
    assert len(world.effects) == 1
    assert await world.answered() == "ok"
