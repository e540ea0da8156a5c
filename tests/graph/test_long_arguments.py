"""An argument of a million hostile characters, from proposal to effect: the same, and cut only aloud."""

from __future__ import annotations

import json

import pytest

from nexus.core.decision import Approve, Edit
from nexus.core.shown import WHOLE, rows
from nexus.errors import ArgumentsInvalid
from nexus.notify.messages import message_of
from nexus.notify.wording import question_of
from tests.graph.test_channels import HIDDEN, HOSTILE
from tests.world import SEND, MakeWorld, World

PIECE = "\n".join(HOSTILE.values())
LONG = PIECE * (1_000_000 // len(PIECE)) + "x" * (1_000_000 % len(PIECE)) + "the end"
MAIL = {"to": "ana@example.com", "subject": LONG}


@pytest.fixture(name="long")
async def _long(make_world: MakeWorld) -> World:
    """A world that asks about it, and whose tools answer with as much."""
    world = await make_world(plan=((SEND.slug, MAIL),))
    world.tools.result = LONG
    await world.start()
    return world


async def test_what_is_shown_decided_on_done_and_told_is_the_very_same(long: World):
    """After a restart as well; what is too long for a message says how much is missing."""
    approval = await long.pending()
    assert dict(approval.call.arguments) == MAIL
    await long.restart()
    await long.decide(Approve(), digest=approval.digest)
    await long.resume()
    (effect,) = long.effects
    assert effect["arguments"] == MAIL
    events = await long.audit.after(0)
    (proposal,) = [event for event in events if event.kind == "proposal"]
    assert proposal.data["arguments"] == MAIL
    assert (await long.audit.verify()).problem is None
    assert (await long.view()).status == "idle"
    told = max((message.content for prompt in long.model.prompts for message in prompt), key=len)
    assert len(told) < 20_000, "the model is shown the beginning of a long result only"


async def test_a_message_says_how_much_is_missing_and_hides_nothing(long: World):
    """A program gets all of it; people the beginning, and a link to the rest."""
    approval = await long.pending()
    (asked,) = [event for event in await long.audit.after(0) if event.kind == "approval.requested"]
    data = json.loads(message_of(asked, "approval.requested", approval).body)["data"]
    assert data["arguments"] == MAIL
    question = question_of(data)
    assert (question.is_whole, "more characters)" in question.text) == (False, True)
    assert HIDDEN.search(question.text) is None


async def test_whoever_looks_at_all_of_it_sees_all_of_it(long: World):
    """With what hides spelled out, and no cut."""
    approval = await long.pending()
    (shown,) = [row.value for row in rows(MAIL, approval.origins, limit=WHOLE) if row.name == "subject"]
    assert shown.endswith("the end")
    assert "more characters)" not in shown
    assert HIDDEN.search(shown.replace("\t", "")) is None


async def test_more_than_a_call_may_have_is_refused_by_name(long: World):
    """And the question stays."""
    with pytest.raises(ArgumentsInvalid, match="2,097,152 a call may have"):
        await long.decide(Edit({"to": "ana@example.com", "subject": "x" * 2_097_152}))
    assert (await long.pending()).is_pending
