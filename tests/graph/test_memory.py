"""What a run remembers, and what it is reminded of."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from graphs import remembering
from nexus.core.action import ThreadId
from nexus.core.decision import Approve, Edit
from nexus.core.user import OWNER
from nexus.errors import ModelUnavailable, StoreUnavailable
from nexus.runtime.reading import read_thread
from nexus.runtime.runner import Event
from nexus.runtime.timeline import timeline_of
from nexus.testing import FakeClock, KeptMemories, ScriptedModel
from tests.graph.minds import CALL, Broken, Remembering, proposal, with_script
from tests.world import MAIL, READ, SEND, MakeWorld, World

ADDRESS = "Ana's address is ana@example.com"


async def events(world: World, request: str, thread: str = "t") -> list[Event]:
    await world.runner.create_thread(thread)
    return [event async for event in world.runner.run(thread, request)]


async def test_remember_keeps_the_persons_words_and_asks_no_model(mind: Remembering):
    told = await events(mind.world, f"Remember that {ADDRESS}.")
    (kept,) = await mind.kept()
    assert (kept.text, kept.kind, kept.author, kept.thread) == (ADDRESS, "fact", "person", "t")
    assert mind.world.model.prompts == []
    assert (await mind.world.view()).answer == f"I will remember: {ADDRESS}"
    assert [event["memories"][0]["text"] for event in told if event["event"] == "remembered"] == [ADDRESS]


async def test_what_follows_a_thing_to_remember_is_done_too(mind: Remembering):
    await mind.world.start(f"Remember that {ADDRESS}. Now mail Ana hello")
    assert len(await mind.kept()) == 1
    assert (await mind.world.pending()).call.arguments == MAIL


async def test_a_memory_of_one_thread_is_shown_in_another_and_marked_as_memory(mind: Remembering):
    await mind.world.start(f"Remember that {ADDRESS}", thread="monday")
    told = await events(mind.world, "Mail Ana hello", thread="friday")
    assert f"(I told you before, for requests like this:\n- {ADDRESS})" in mind.prompts
    (recalled,) = [event for event in told if event["event"] == "recalled"]
    assert [each["text"] for each in recalled["memories"]] == [ADDRESS]


async def test_a_value_from_memory_is_shown_as_such_in_the_approval(mind: Remembering):
    await mind.memories.remember(ADDRESS)
    await mind.world.start("Mail Ana hello")
    approval = await mind.world.pending()
    assert approval.origins == {"/to": "memory", "/subject": "user"}


async def test_the_threads_timeline_says_which_memories_a_request_was_shown(mind: Remembering):
    memory = await mind.memories.remember(ADDRESS)
    await mind.world.start("Mail Ana hello")
    messages = (await mind.world.graph.aget_state(mind.world.config())).values["messages"]
    assert [turn.memories for turn in timeline_of(messages)] == [[memory.id]]


async def test_a_thread_that_is_read_shows_the_memories_texts_until_they_are_forgotten(mind: Remembering):
    memory = await mind.memories.remember(ADDRESS)
    await mind.world.start("Mail Ana hello")
    async with mind.world.open_user(OWNER) as service:
        assert (await read_thread(service, ThreadId("t"))).memories == {memory.id: ADDRESS}
        await mind.memories.forget([memory.id])
        reading = await read_thread(service, ThreadId("t"))
    assert reading.memories == {}
    assert reading.turns[0].memories == [memory.id]


async def test_without_memories_the_prompts_are_the_same_as_without_memory(make_world: MakeWorld):
    without, empty = await make_world(home="a"), await make_world(home="b")
    mind = Remembering(empty, KeptMemories(FakeClock()))
    for world in (without, empty):
        await world.start("Mail Ana hello")
    assert empty.model.prompts == without.model.prompts
    assert isinstance(mind.memories.store, KeptMemories)
    assert mind.memories.store.embedder.texts == [], "nothing is embedded where there is nothing to find"


async def test_what_does_not_matter_for_a_request_is_not_recalled(mind: Remembering):
    await mind.memories.remember("Zoe collects stamps of Norway")
    await mind.world.start("Mail Ana hello")
    assert "stamps" not in mind.prompts


async def test_a_memory_for_other_apps_is_not_recalled(mind: Remembering):
    await mind.memories.remember(ADDRESS, apps=frozenset({"calendar"}))
    await mind.world.start("Mail Ana hello")
    assert ADDRESS not in mind.prompts


async def test_what_is_forgotten_while_a_run_waits_is_gone_from_its_next_step(mind: Remembering):
    memory = await mind.memories.remember("Ana likes mails that begin with Hi")
    mind.world.model.plan = ((READ.slug, {}), (SEND.slug, MAIL))
    mind.world.tools.specs[READ.slug] = replace(READ, hints=frozenset(), is_local=False)
    await mind.world.start("Mail Ana, who likes mails")
    assert "begin with Hi" in mind.prompts
    await mind.memories.forget([memory.id])
    mind.world.model.prompts.clear()
    await mind.world.decide(Approve())
    await mind.world.resume()
    assert mind.world.model.prompts
    assert "begin with Hi" not in mind.prompts
    checkpoint = await mind.world.saver.aget(mind.world.config())
    assert "begin with Hi" not in json.dumps(checkpoint, default=str)


async def test_what_waits_for_a_yes_is_recalled_only_after_it(mind: Remembering):
    await mind.memories.remember("Zoe collects stamps of Norway")
    memory = await mind.memories.remember(ADDRESS, is_pending=True)
    told = await events(mind.world, "Mail Ana hello", thread="one")
    assert ADDRESS not in mind.prompts
    assert not [event for event in told if event["event"] == "recalled"]
    await mind.memories.accept(memory.id)
    await mind.world.start("Mail Ana hello", thread="two")
    assert ADDRESS in mind.prompts


async def test_what_contradicts_replaces_with_history_and_what_is_said_again_is_merged(mind: Remembering):
    for text in (ADDRESS, f"{ADDRESS}.", "The address of Ana is ana@new.example"):
        await mind.memories.remember(text)
    (kept,) = await mind.kept()
    assert kept.text == "The address of Ana is ana@new.example"
    assert [each.text for each in kept.history] == [ADDRESS]


async def test_what_is_pending_replaces_nothing_before_its_yes(mind: Remembering):
    await mind.memories.remember(ADDRESS)
    pending = await mind.memories.remember("Ana's address is evil@example.org", is_pending=True)
    assert {(each.text, each.is_pending) for each in await mind.kept()} == {
        (ADDRESS, False),
        ("Ana's address is evil@example.org", True),
    }
    await mind.memories.accept(pending.id)
    assert [each.text for each in await mind.kept()] == ["Ana's address is evil@example.org"]


async def test_what_a_request_says_for_good_is_proposed_by_the_model_and_kept(make_world: MakeWorld):
    script = [*CALL, *proposal({"kind": "fact", "text": "Her address is ana@example.com"})]
    mind = await with_script(make_world, *script)
    mind.world.change_tool(SEND.slug, returns_own=True)
    await mind.world.start("Mail Ana hello. Her address is ana@example.com")
    await mind.world.decide(Approve())
    await mind.world.resume()
    (kept,) = await mind.kept()
    assert (kept.text, kept.author, kept.is_pending) == ("Her address is ana@example.com", "model", False)


async def test_what_the_model_makes_up_for_memory_is_not_kept(make_world: MakeWorld):
    made_up = {"kind": "fact", "text": "Her address is ana@elsewhere.example"}
    mind = await with_script(make_world, *CALL, *proposal(made_up))
    await mind.world.start("Mail Ana hello. Her address is ana@example.com")
    await mind.world.decide(Approve())
    await mind.world.resume()
    assert await mind.kept() == []


async def test_a_request_that_says_nothing_for_good_costs_no_call_of_the_model(make_world: MakeWorld):
    mind = await with_script(make_world, *CALL, *proposal()[:2])
    await mind.world.start("Mail ana@example.com hello")
    await mind.world.decide(Approve())
    await mind.world.resume()
    assert (await mind.world.view()).ending == "answered"


async def test_what_is_proposed_after_others_words_were_read_waits_for_a_person(make_world: MakeWorld):
    fact = {"kind": "fact", "text": "My boss is Bo"}
    mind = await with_script(make_world, {"tool": READ.slug}, {}, *proposal(fact))
    mind.world.change_tool(READ.slug, returns_own=False)
    await mind.world.start("What is new in my inbox? My boss is Bo")
    (kept,) = await mind.kept()
    assert kept.is_pending


async def test_a_credential_in_a_request_or_a_proposal_is_in_nothing_that_is_learned(make_world: MakeWorld):
    key = "sk-live-4f9aK2xy"
    said = f"Mail ana@example.com hello. My key for the shop is {key}"
    proposed = {"kind": "fact", "text": f"My key for the shop is {key}"}
    mind = await with_script(make_world, *CALL, *proposal(proposed))
    mind.world.change_tool(SEND.slug, returns_own=True)
    await mind.world.start(said)
    await mind.world.decide(Edit({**MAIL, "to": "ana@work.example"}))
    await mind.world.resume()
    assert len(mind.world.effects) == 1
    assert mind.world.model.script == [], "the model was asked what to keep"  # type: ignore[attr-defined]
    assert await mind.kept() == []


async def test_a_procedure_that_fits_the_request_puts_its_tool_first(mind: Remembering):
    await mind.memories.remember("To file a complaint send it to Bo", kind="procedure", tool=SEND.slug)
    mind.world.tools.specs = {slug: mind.world.tools.specs[slug] for slug in (READ.slug, SEND.slug)}
    mind.world.wire()
    told = await events(mind.world, "file a complaint")
    (found,) = [event for event in told if event["event"] == "shortlist"]
    assert [tool["slug"] for tool in found["tools"]] == [SEND.slug, READ.slug]


FAILURES = [StoreUnavailable("The file is locked."), KeyError("what a vendor raises"), None]


@pytest.mark.parametrize("error", FAILURES, ids=["unavailable", "foreign", "never answers"])
async def test_a_store_that_fails_or_never_answers_stops_no_run(
    make_world: MakeWorld, error: Exception | None
):
    script = [*CALL, *proposal({"kind": "fact", "text": "Her address is ana@example.com"})]
    mind = await with_script(make_world, *script)
    assert isinstance(mind.memories.store, Broken)
    mind.world.wire(memory_timeout=0.02)
    await mind.memories.remember("Mail Ana on Mondays", kind="preference")
    assert await mind.memories.are_any()
    mind.memories.store.break_with(error)
    await mind.world.start("Mail Ana hello. Her address is ana@example.com")
    await mind.world.decide(Edit({**MAIL, "to": "ana@work.example"}))
    await mind.world.resume()
    assert (await mind.world.view()).answer == "Done."
    assert len(mind.world.effects) == 1
    assert mind.world.model.script == [], "the model was asked what to keep"  # type: ignore[attr-defined]
    await mind.world.start("Remember that Bo's address is bo@example.com", thread="other")
    assert "could not remember this just now" in ((await mind.world.view("other")).answer or "")


async def test_memories_that_are_shown_stop_no_run_when_their_store_goes_away(mind: Remembering):
    store = Broken(FakeClock())
    mind.memories.store = store
    mind.world.wire(memory_timeout=0.02)
    await mind.memories.remember(ADDRESS)
    await mind.world.start("Mail Ana hello")
    assert ADDRESS in mind.prompts
    store.break_with(None)
    await mind.world.decide(Approve())
    await mind.world.resume()
    assert (await mind.world.view()).answer == "Done."


class Gone(ScriptedModel):
    """A model that cannot be reached, or never answers, once it has said all it was to say."""

    is_silent = False

    async def complete(self, *args: Any, **kwargs: Any) -> Any:
        if not self.script and self.is_silent:
            await asyncio.Event().wait()
        if not self.script:
            raise ModelUnavailable
        return await super().complete(*args, **kwargs)


@pytest.mark.parametrize("trouble", ["gone", "never answers"])
async def test_a_model_that_is_gone_when_asked_what_to_keep_stops_no_run(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, trouble: str
):
    monkeypatch.setattr(remembering, "PROPOSAL_SECONDS", 0.02)
    mind = await with_script(make_world)
    model = Gone([*CALL, *proposal()[:2]], yes=1.0)
    model.is_silent = trouble == "never answers"
    mind.world.model = model  # type: ignore[assignment]
    mind.world.wire()
    await mind.world.start("Mail Ana hello. Her address is ana@example.com")
    await mind.world.decide(Approve())
    await mind.world.resume()
    assert (await mind.world.view()).answer == "Done."


async def test_with_memory_off_a_thing_to_remember_is_a_request_like_any(world: World):
    await world.start("Remember that ana@example.com is Ana's")
    assert world.model.prompts
