"""What a run remembers, and what it is reminded of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from graphs.memories import Memories
from nexus.core.action import ThreadId
from nexus.core.decision import Approve, Edit
from nexus.core.memory import Memory
from nexus.core.policy import Policy
from nexus.core.user import OWNER
from nexus.errors import StoreUnavailable
from nexus.runtime.reading import read_thread
from nexus.runtime.runner import Event
from nexus.runtime.timeline import timeline_of
from nexus.settings_policy import Rule
from nexus.testing import FakeClock, KeptMemories, ScriptedModel
from tests.world import MAIL, READ, SEND, MakeWorld, World

ADDRESS = "Ana's address is ana@example.com"


class Remembering:
    """A world with memory, and what is in it."""

    def __init__(self, world: World, store: KeptMemories) -> None:
        self.world = world
        self.memories = Memories(store, world.clock)
        world.wire(memories=self.memories)

    async def kept(self) -> list[Memory]:
        return list(await self.memories.store.list())

    @property
    def prompts(self) -> str:
        return "\n".join(message.content for prompt in self.world.model.prompts for message in prompt)


@pytest.fixture(name="mind")
async def _mind(make_world: MakeWorld) -> Remembering:
    return Remembering(await make_world(), KeptMemories(FakeClock()))


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


async def test_what_another_person_edits_is_not_learned(make_world: MakeWorld):
    rule = Rule(verdict="ask", tool=SEND.slug, approvers=("ben",))
    mind = Remembering(await make_world(policy=Policy(rules=(rule,))), KeptMemories(FakeClock()))
    await mind.world.start("Mail ana@example.com hello")
    edit = Edit({**MAIL, "to": "ana@work.example"})
    await mind.world.runner.decide((await mind.world.pending()).id, edit, actor="api:ben")
    await mind.world.resume()
    assert len(mind.world.effects) == 1
    assert await mind.kept() == []


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


def proposal(*memories: dict[str, str]) -> list[dict[str, Any]]:
    return [{"tool": "final_answer"}, {"answer": "Done."}, {"memories": list(memories)}]


async def with_script(make_world: MakeWorld, *lines: dict[str, Any]) -> Remembering:
    world = await make_world()
    world.model = ScriptedModel([*lines], yes=1.0)  # type: ignore[assignment]
    return Remembering(world, KeptMemories(FakeClock()))


CALL: list[dict[str, Any]] = [{"tool": SEND.slug}, MAIL]


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


async def test_an_edit_of_a_value_is_learned_for_requests_like_it(mind: Remembering):
    await mind.world.start("Mail ana@example.com hello")
    await mind.world.decide(Edit({**MAIL, "to": "ana@work.example"}))
    await mind.world.resume()
    (kept,) = await mind.kept()
    assert kept.text == 'For "Mail ana@example.com hello": Send an e-mail with to ana@work.example'
    assert (kept.kind, kept.author, kept.tool, kept.apps) == ("procedure", "edit", SEND.slug, {"post"})


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
    schema = {
        **SEND.parameters,
        "properties": {**SEND.parameters["properties"], "folder": {"type": "string"}},
    }
    mind.world.change_tool(SEND.slug, parameters=schema)
    mind.world.model.plan = ((SEND.slug, {**MAIL, "folder": "team"}),)
    for thread in ("one", "two"):
        await mind.world.start("Mail ana@example.com hello from folder team", thread=thread)
        await mind.world.decide(Approve(), thread=thread)
        await mind.world.resume(thread)
    (kept,) = await mind.kept()
    assert (kept.text, kept.author) == ("Send an e-mail: folder is usually team", "call")


async def test_a_procedure_that_fits_the_request_puts_its_tool_first(mind: Remembering):
    await mind.memories.remember("To file a complaint send it to Bo", kind="procedure", tool=SEND.slug)
    mind.world.tools.specs = {slug: mind.world.tools.specs[slug] for slug in (READ.slug, SEND.slug)}
    mind.world.wire()
    told = await events(mind.world, "file a complaint")
    (found,) = [event for event in told if event["event"] == "shortlist"]
    assert [tool["slug"] for tool in found["tools"]] == [SEND.slug, READ.slug]


class Unreadable(KeptMemories):
    """Memories whose store is not to be had just now."""

    async def list(self, *_: Any, **__: Any) -> list[Memory]:
        raise StoreUnavailable("The file is locked.")

    async def put(self, *_: Any) -> None:
        raise StoreUnavailable("The file is locked.")


async def test_a_store_that_cannot_be_read_stops_no_run(make_world: MakeWorld):
    world = await make_world()
    Remembering(world, Unreadable(FakeClock()))
    await world.start("Mail ana@example.com hello")
    await world.decide(Edit({**MAIL, "to": "ana@work.example"}))
    await world.resume()
    assert (await world.view()).answer == "Done."


async def test_with_memory_off_a_thing_to_remember_is_a_request_like_any(world: World):
    await world.start("Remember that ana@example.com is Ana's")
    assert world.model.prompts
