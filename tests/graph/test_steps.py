"""The steps of a request: none is looked up twice, and what was looked up for a call is used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nexus.core.decision import Approve
from tests.graph.choosing import FIT, Choosing, told
from tests.world import MAIL, READ, SEND, World

LIST = replace(READ, slug="bugs_list", toolkit="bugs", title="List bugs", is_local=False)
EVENTS = replace(LIST, slug="bugs_events", title="List events of a bug")
PEOPLE = replace(LIST, slug="people_find", title="Find people")
FIND, WRITE = "Find the newest bug", "mail ana@example.com hello"
REQUEST = f"{FIND}, then {WRITE}"


@pytest.fixture(name="apps")
def _apps(world: World) -> World:
    """Three apps that are only read; nobody is asked about that."""
    world.tools.specs |= {spec.slug: spec for spec in (LIST, EVENTS, PEOPLE)}
    return world


def choosing(*choices: str, **other: Any) -> Choosing:
    """A model to which bugs and their events are for the first step, and people for the other."""
    settings: dict[str, Any] = {
        "fits": dict.fromkeys((LIST.slug, EVENTS.slug, PEOPLE.slug, READ.slug, SEND.slug), FIT),
        "serves": {
            (FIND, LIST.slug): 0.7,
            (WRITE, LIST.slug): 0.4,
            (FIND, EVENTS.slug): 0.9,
            (WRITE, EVENTS.slug): 0.5,
            (WRITE, PEOPLE.slug): 0.6,
        },
        "fills": [MAIL],
    }
    return Choosing(choices=[*choices, "final_answer"], **settings | other)


async def called(world: World) -> list[str]:
    """The tools that the thread has called or wants to call."""
    return [str(step.tool) for step in (await world.view()).steps if step.kind == "call"]


async def test_for_a_step_that_is_served_no_other_app_is_asked(apps: World):
    model = choosing(LIST.slug, EVENTS.slug, SEND.slug)
    thoughts = [event["text"] for event in await told(apps, model, REQUEST) if event["event"] == "thought"]
    assert await called(apps) == [LIST.slug, SEND.slug]
    assert EVENTS.slug not in model.offered[-1]
    assert "List events of a bug is not needed: List bugs has told it." in thoughts


async def test_for_another_step_an_app_is_asked(apps: World):
    await told(apps, choosing(LIST.slug, PEOPLE.slug, SEND.slug), REQUEST)
    await apps.decide(Approve())  # what others wrote was read before
    await apps.resume()
    assert await called(apps) == [LIST.slug, PEOPLE.slug, SEND.slug]


@pytest.mark.parametrize("kept", ["of one step", "no probabilities", "on this machine"])
async def test_otherwise_a_second_lookup_is_made(apps: World, kept: str):
    tool = READ.slug if kept == "on this machine" else EVENTS.slug
    model = choosing(LIST.slug, tool, SEND.slug)
    if kept == "no probabilities":
        model.fits = dict.fromkeys(model.fits)
        model.serves = dict.fromkeys(model.serves)
    await told(apps, model, FIND if kept == "of one step" else REQUEST)
    assert tool in await called(apps)


async def test_what_an_argument_needs_is_looked_up_and_serves_no_step(apps: World):
    apps.tools.result = "Bob <bob@example.com>"
    step = "mail Bob hello"
    model = choosing(
        SEND.slug,
        LIST.slug,  # for the address
        EVENTS.slug,
        fills=[{"to": "bob@example.com", "subject": "hello"}] * 2,
        serves={(FIND, LIST.slug): 0.9, (step, LIST.slug): 0.1, (FIND, EVENTS.slug): 0.9},
    )
    await told(apps, model, f"{FIND}, then {step}")
    assert await called(apps) == [LIST.slug, SEND.slug]
    assert len(model.choices) == 2, "the tool that lacked the address is next, without a choice"
    await apps.decide(Approve())
    await apps.resume()
    assert EVENTS.slug in await called(apps)
