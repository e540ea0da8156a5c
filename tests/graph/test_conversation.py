"""A long thread fits into the prompt, and no id, address or result of it is lost."""

from __future__ import annotations

import json

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from graphs.conversation import OUTLINE, SAID, outline
from nexus.core.action import ThreadId
from nexus.core.user import OWNER
from nexus.runtime.runner import finish
from nexus.store.results import SqliteResults
from nexus.tools.results import ResultShelf
from tests.world import READ, MakeWorld, World

FIRST = "What is new in my inbox?"
LETTERS = json.dumps([{"mail_id": f"mail-{number}", "from": f"p{number}@example.com"} for number in range(9)])


async def long_thread(make_world: MakeWorld, runs: int, **parts: object) -> World:
    """A thread in which the inbox was read once, and then much was asked."""
    world = await make_world(plan=((READ.slug, {}),), **parts)
    world.tools.result = LETTERS
    await world.start(FIRST)
    world.model.plan = ()
    for number in range(runs):
        await finish(world.runner.run("t", f"What is number {number}?"))
    return world


def last_prompt(world: World) -> str:
    return "\n".join(message.content for message in world.model.prompts[-1])


async def test_in_a_short_thread_all_is_shown_as_it_was_said(make_world: MakeWorld):
    world = await long_thread(make_world, runs=SAID // 2)
    assert "Earlier in this conversation" not in last_prompt(world)
    assert f"\n{FIRST}\n" in last_prompt(world)


async def test_what_is_too_old_to_be_shown_stands_in_short_with_its_ids_and_addresses(make_world: MakeWorld):
    world = await long_thread(make_world, runs=8)
    prompt = last_prompt(world)
    assert f"- {FIRST} -> post_read()" in prompt
    assert "mail-0" in prompt
    assert "mail-7" in prompt, "the beginning of the result does not have it"
    assert "What is number 6?" in prompt


async def test_a_later_request_can_use_an_id_of_the_oldest_result(make_world: MakeWorld):
    world = await long_thread(make_world, runs=8)
    assert "What is new" in last_prompt(world)
    world.model.plan = (("post_send", {"to": "p8@example.com", "subject": "hello"}),)
    await finish(world.runner.run("t", "Mail the last of them hello"))
    assert (await world.pending()).origins["/to"] == f"tool:{READ.slug}"


async def test_the_whole_conversation_is_kept_for_reading_on_and_the_model_told_how(make_world: MakeWorld):
    world = await make_world()
    store = SqliteResults(world.database, OWNER)
    shelf = ResultShelf(store)
    world.tools.result = LETTERS
    world.model.plan = ((READ.slug, {}),)
    world.wire(results=shelf)
    world.tools.specs[shelf.reader] = (await shelf.tools())[0]
    await world.start(FIRST)
    world.model.plan = ()
    for number in range(5):
        await finish(world.runner.run("t", f"What is number {number}?"))
    assert "results_read shows each" in last_prompt(world)
    state = (await world.graph.aget_state(world.config())).values
    assert state["found"] == [shelf.reader]
    kept = await store.get("r1", thread=ThreadId("t"))
    assert FIRST in kept.text
    assert LETTERS in kept.text


def test_the_outline_is_bounded_and_drops_what_the_goal_is_not_about():
    messages: list[AnyMessage] = []
    for number in range(200):
        call = {"name": "app_find", "args": {"query": f"thing {number}"}, "id": f"c{number}"}
        about = "the zebra of Rome" if number == 3 else f"thing {number}"
        messages += [
            HumanMessage(f"Find {about}"),
            AIMessage("", tool_calls=[call]),
            ToolMessage(f"thing-{number}", tool_call_id=f"c{number}", name="app_find"),
            AIMessage("Found."),
        ]
    text = outline(messages, "Feed the zebra")
    assert len(text) < OUTLINE + len(text.splitlines())
    assert "zebra" in text
    assert "thing 199" in text.splitlines()[0], "the latest comes first"


async def test_a_prompt_that_is_still_too_long_loses_the_outline_only_in_part(make_world: MakeWorld):
    world = await long_thread(make_world, runs=8)
    prompt = world.model.prompts[-1]
    (old,) = [each for each in prompt if each.content.startswith("Earlier in this")]
    shortened = old.shortened(150)  # type: ignore[attr-defined]
    assert shortened.content.startswith("Earlier in this conversation")
    assert len(shortened.content) < len(old.content)
