"""Whatever goes wrong at an app, a run ends in a state that has a name, and no effect happens twice.

Every fault of the stand-in, before and after the effect, for a call that reads and one that acts, over real
HTTP and the real client.
"""

from __future__ import annotations

from typing import Any, get_args

import pytest
from tenacity import wait_none

from graphs.state import Ending
from nexus.core.decision import Approve, Reject, Respond
from nexus.tools.composio import ComposioProject
from tests.graph.apps import FETCH, SEND, world_of
from tests.servers.composio.faults import Kind
from tests.servers.composio.standin import ComposioStandIn
from tests.world import MakeWorld, World

MAIL = {"recipient_email": "triage@example.com", "body": "Login loops.", "subject": "Bug"}
ASKED = "Mail triage@example.com that the login loops"
KINDS: tuple[Kind, ...] = get_args(Kind)

DECIDED: frozenset[Kind] = frozenset({"401", "403", "404", "429", "unsuccessful"})
"""What Composio documents as an answer given before the tool ran: nothing happened, and the run goes on."""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads is tried again at once, unless the app asks for a pause."""
    monkeypatch.setattr("graphs.trying.PAUSES", wait_none())


async def state_of(world: World) -> str:
    """The name of the state that the thread is in."""
    view = await world.view()
    if view.approvals:
        (approval,) = view.approvals
        return approval.question
    assert view.ending in get_args(Ending)
    return str(view.ending)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
async def test_an_effect_is_sent_once_and_the_person_knows_where_they_stand(
    make_world: MakeWorld, project: ComposioProject, standin: ComposioStandIn, kind: Kind, when: Any
) -> None:
    world = await world_of(make_world, project, ((SEND, MAIL),))
    assert (await world.start(ASKED))["event"] == "paused"
    standin.fault(kind, when)
    await world.decide(Approve())
    await world.resume()
    assert standin.posts(SEND) == 1
    assert standin.effects(SEND) == (when == "after")
    match await state_of(world):
        case "outcome":
            assert kind not in DECIDED
            await world.decide(Respond("It arrived.") if when == "after" else Reject())
            await world.resume()
            assert await state_of(world) in get_args(Ending)
        case "connect":
            assert kind == "422"
        case ended:
            assert (ended, kind in DECIDED) == ("answered", True)
    assert standin.posts(SEND) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_that_reads_never_leaves_a_question_about_what_happened(
    make_world: MakeWorld, project: ComposioProject, standin: ComposioStandIn, kind: Kind, when: Any
) -> None:
    world = await world_of(make_world, project, ((FETCH, {"query": "invoice"}),))
    standin.fault(kind, when)
    await world.start("What is new?")
    assert await state_of(world) == ("connect" if kind == "422" else "answered")
    assert standin.effects() == 0


async def test_a_call_that_is_tried_again_at_a_persons_word_acts_once_for_each_word(
    make_world: MakeWorld, project: ComposioProject, standin: ComposioStandIn
) -> None:
    world = await world_of(make_world, project, ((SEND, MAIL),))
    await world.start(ASKED)
    standin.fault("drop", "before")
    await world.decide(Approve())
    await world.resume()
    assert await state_of(world) == "outcome"
    await world.decide(Approve())
    await world.resume()
    assert await state_of(world) == "answered"
    assert (standin.posts(SEND), standin.effects(SEND)) == (2, 1)
