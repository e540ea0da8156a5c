"""What a person approved and what worked is remembered, and search is told; nothing else is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
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

    async def last_call(self, user: str, tool: str) -> None:  # noqa: ARG002 - the port's
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


async def test_search_is_told_which_toolkits_can_act(world: World) -> None:
    world.tools.specs = {
        SEND.slug: replace(SEND, toolkit="mail", needs_account=True),
        READ.slug: replace(READ, toolkit="files"),
    }
    await world.start("Write to Ben")
    index = world.parts.index
    assert isinstance(index, FixedIndex)
    assert {scope.connected for scope in index.scopes} == {frozenset({"files"})}


async def test_a_store_that_cannot_be_used_costs_only_the_experience(make_world: MakeWorld) -> None:
    world = await make_world(experience=Unreadable())
    await world.start(ASKED)
    await world.decide(Approve())
    await world.resume()
    assert len(world.effects) == 1
    assert await world.answered() == "ok"


def fill_prompts(world: World) -> list[list[str]]:
    """What the model was told each time it had to write arguments, from its choice of the tool on."""
    return [
        [message.content for message in prompt[-4:]]
        for prompt in world.model.prompts
        if "Write the arguments of" in prompt[-1].content
    ]


async def test_the_last_approved_call_of_a_tool_is_shown_as_an_example(world: World) -> None:
    await world.start(ASKED)
    await world.decide(Edit({**MAIL, "subject": "as I want it"}))
    await world.resume()
    await world.start("Write to ana@example.com", thread="later")
    chosen, question, answer, _ = fill_prompts(world)[-1]
    assert SEND.slug in chosen
    assert ASKED in question
    assert json.loads(answer) == {**MAIL, "subject": "as I want it"}


async def test_a_call_that_is_too_long_for_an_example_is_not_shown(world: World) -> None:
    await world.start(ASKED)
    await world.decide(Edit({**MAIL, "subject": "long " * 200}))
    await world.resume()
    await world.start("Write to ana@example.com", thread="later")
    assert not any("long long" in text for text in fill_prompts(world)[-1])


async def test_nobody_sees_the_calls_of_another_user(world: World) -> None:
    await world.start(ASKED)
    await world.decide(Approve())
    await world.resume()
    assert await world.experience.last_call("owner", SEND.slug) is not None
    assert await world.experience.last_call("other", SEND.slug) is None
