"""What approved calls teach: once they were done, and of the user's own decisions alone."""

from __future__ import annotations

from typing import Any

from nexus.core.decision import Approve, Edit
from nexus.core.policy import Policy
from nexus.core.user import OWNER
from nexus.errors import OutcomeUnknown, ToolFailed
from nexus.settings_policy import Rule
from nexus.testing import FakeClock, KeptMemories
from tests.graph.minds import Remembering
from tests.world import MAIL, SEND, MakeWorld

FOLDERS = {
    **SEND.parameters,
    "properties": {**SEND.parameters["properties"], "folder": {"type": "string"}},
}


async def test_an_edit_of_a_value_is_learned_for_requests_like_it(mind: Remembering):
    await mind.world.start("Mail ana@example.com hello")
    await mind.world.decide(Edit({**MAIL, "to": "ana@work.example"}))
    await mind.world.resume()
    (kept,) = await mind.kept()
    assert kept.text == 'For "Mail ana@example.com hello": Send an e-mail with to ana@work.example'
    assert (kept.kind, kept.author, kept.tool, kept.apps) == ("procedure", "edit", SEND.slug, {"post"})


async def test_what_an_edit_adds_to_the_end_of_a_text_is_learned_as_a_preference(mind: Remembering):
    await mind.world.start("Mail ana@example.com hello")
    await mind.world.decide(Edit({**MAIL, "subject": "hello, best wishes, Kim"}))
    await mind.world.resume()
    (kept,) = await mind.kept()
    assert (kept.text, kept.kind) == (
        'End the subject with ", best wishes, Kim" (Send an e-mail)',
        "preference",
    )


async def test_a_setting_that_was_approved_twice_in_a_row_is_learned(mind: Remembering):
    mind.world.change_tool(SEND.slug, parameters=FOLDERS)
    mind.world.model.plan = ((SEND.slug, {**MAIL, "folder": "team"}),)
    for thread in ("one", "two"):
        await mind.world.start("Mail ana@example.com hello from folder team", thread=thread)
        await mind.world.decide(Approve(), thread=thread)
        await mind.world.resume(thread)
    (kept,) = await mind.kept()
    assert (kept.text, kept.author) == ("Send an e-mail: folder is usually team", "call")


async def filed(mind: Remembering, thread: str, folder: str, *, by: str) -> None:
    """A mail whose folder somebody changed."""
    await mind.world.start("Mail ana@example.com hello", thread=thread)
    edit = Edit({**MAIL, "folder": folder})
    await mind.world.runner.decide((await mind.world.pending(thread)).id, edit, actor=by)
    await mind.world.resume(thread)


async def test_what_another_person_edits_or_approves_is_not_learned(make_world: MakeWorld):
    """However often it is done, and however the user decides afterwards."""
    rule = Rule(verdict="ask", tool=SEND.slug, approvers=("ben", OWNER))
    mind = Remembering(await make_world(policy=Policy(rules=(rule,))), KeptMemories(FakeClock()))
    mind.world.change_tool(SEND.slug, parameters=FOLDERS)
    await filed(mind, "one", "team", by="api:ben")
    await filed(mind, "two", "team", by="api:ben")
    assert len(mind.world.effects) == 2
    assert await mind.kept() == []
    await filed(mind, "three", "team", by="api")
    assert [each.author for each in await mind.kept()] == ["edit"], "the folder of the call before was Ben's"
    await filed(mind, "four", "team", by="api")
    assert {each.author for each in await mind.kept()} == {"edit", "call"}


async def test_an_edit_teaches_only_once_its_call_was_done(mind: Remembering):
    async def refuse(*_: Any, acted: bool, **__: Any) -> None:
        assert await mind.kept() == [], "learned before it ran"
        raise ToolFailed("The mailbox is full.") if not acted else AssertionError

    mind.world.tools.sabotage = refuse
    await mind.world.start("Mail ana@example.com hello")
    await mind.world.decide(Edit({**MAIL, "to": "ana@work.example"}))
    await mind.world.resume()
    assert mind.world.effects == []
    assert await mind.kept() == []


async def test_an_edit_is_learned_from_whichever_attempt_of_its_call_was_done(mind: Remembering):
    works = mind.world.tools.sabotage

    async def vanish(*_: Any, acted: bool, **__: Any) -> None:
        if not acted:
            raise OutcomeUnknown("The line went dead.")

    mind.world.tools.sabotage = vanish
    await mind.world.start("Mail ana@example.com hello")
    await mind.world.decide(Edit({**MAIL, "to": "ana@work.example"}))
    await mind.world.resume()
    assert (await mind.world.pending()).question == "outcome"
    mind.world.tools.sabotage = works
    await mind.world.decide(Approve())
    await mind.world.resume()
    (kept,) = await mind.kept()
    assert kept.text == 'For "Mail ana@example.com hello": Send an e-mail with to ana@work.example'
