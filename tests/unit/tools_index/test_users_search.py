"""Search in several sentences, and for one user: their apps, those they name, what they have done."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nexus.ports.embeddings import Embedder
from nexus.ports.index import Scope
from nexus.tools.index import HybridIndex
from tests.unit.tools_index.counting import WordCounts
from tests.unit.tools_index.indexing import NAMES, TOOLS, Make, filled, slugs, tool


async def score_of(index: HybridIndex, slug: str, query: str) -> float:
    return next(hit.score for hit in await index.search(query) if hit.slug == slug)


@pytest.mark.parametrize("embedder", [WordCounts, lambda: None])
async def test_a_tool_that_fits_one_sentence_is_not_drowned_by_the_others(
    make: Make, embedder: Callable[[], Embedder | None]
):
    photos = tool("PHOTOS_EDIT", "Crop the wide picture of a garden.")
    index = await filled(make(embedder()), [*TOOLS, photos])
    asked = "Crop the wide picture of the garden, crop the garden, crop the picture"
    in_one = await score_of(index, "FILES_DELETE_FILE", f"{asked} and delete a file")
    assert await score_of(index, "FILES_DELETE_FILE", f"{asked}. And delete a file.") > in_one + 0.2


MANY = [tool(f"{app}_SEND_MESSAGE_{number}") for app in ("CHAT", "POST", "RADIO") for number in range(8)]


async def apps_found(index: HybridIndex, query: str, connected: set[str] | None, limit: int = 8) -> list[str]:
    scope = Scope(connected=None if connected is None else frozenset(connected))
    return [hit.slug.partition("_")[0] for hit in await index.search(query, limit=limit, scope=scope)]


@pytest.mark.parametrize("embedder", [WordCounts, lambda: None])
async def test_tools_of_connected_apps_come_first_and_leave_room_for_others(
    make: Make, embedder: Callable[[], Embedder | None]
):
    index = await filled(make(embedder()), MANY)
    assert await apps_found(index, "send a message", None) != await apps_found(
        index, "send a message", {"radio"}
    )
    found = await apps_found(index, "send a message", {"radio"})
    assert found[:6] == ["RADIO"] * 6
    assert found[6:]
    assert "RADIO" not in found[6:]


async def test_others_take_the_places_that_connected_apps_do_not_fill(make: Make):
    index = await filled(make(WordCounts()), MANY)
    found = await apps_found(index, "send a message", {"radio"}, limit=20)
    assert found[:8] == ["RADIO"] * 8
    assert len(found) == 20
    assert len(await apps_found(index, "send a message", {"nothing of this"})) == 8


async def test_an_app_that_is_named_comes_first_though_it_is_not_connected(make: Make):
    index = await filled(make(WordCounts()), MANY)
    assert (await apps_found(index, "send a message with chat", {"radio"}))[0] == "CHAT"


@pytest.mark.parametrize("connected", [{"chat", "post", "radio"}, set[str](), {"nothing of this"}])
async def test_nothing_changes_where_all_apps_are_connected_or_none_is(make: Make, connected: set[str]):
    index = await filled(make(WordCounts()), MANY)
    for asked in ("send a message", "send a message with chat"):
        scope = Scope(connected=frozenset(connected))
        assert await index.search(asked, scope=scope) == await index.search(asked)


@pytest.mark.parametrize("embedder", [WordCounts, lambda: None])
async def test_scores_fall_though_connected_apps_come_before_better_tools(
    make: Make, embedder: Callable[[], Embedder | None]
):
    index = await filled(make(embedder()), [*MANY, tool("LAMP_POST_NOTHING")])
    hits = await index.search("send message 3", scope=Scope(connected=frozenset({"lamp", "radio"})))
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 1.0


async def test_connected_apps_take_the_places_that_others_do_not_fill(make: Make):
    index = await filled(make(WordCounts()), [*MANY, tool("LAMP_SEND_LIGHT")])
    found = await apps_found(index, "send a message", {"chat", "post", "radio"}, limit=20)
    assert len(found) == 20
    assert found.index("LAMP") == 19


async def test_a_first_pass_over_many_vectors_finds_what_reading_all_of_them_finds(
    make: Make, monkeypatch: pytest.MonkeyPatch
):
    many = [tool(f"{verb}_{thing}_{n}") for verb in ("SEND", "READ") for thing in NAMES for n in range(300)]
    exact = await filled(make(WordCounts(), None), many)
    monkeypatch.setattr("nexus.tools.first_pass.WORTH_IT", 1)
    monkeypatch.setattr("nexus.tools.first_pass._DIRECTIONS", 32)
    monkeypatch.setattr("nexus.tools.fusion.REFINED", 300)
    quick = await filled(make(WordCounts(), None), many)
    for scope in (Scope(), Scope(connected=frozenset({"read"}))):
        for asked in ("send a message", "READ_FILES_DELETE_FILE_77", "write a note. Then list messages 12"):
            found = [hit.score for hit in await quick.search(asked, limit=20, scope=scope)]
            wanted = [hit.score for hit in await exact.search(asked, limit=20, scope=scope)]
            assert found == pytest.approx(wanted, abs=0.01)


async def test_the_first_pass_is_made_again_when_tools_change(make: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nexus.tools.first_pass.WORTH_IT", 1)
    index = await filled(make(WordCounts()))
    await filled(index, [*TOOLS[2:], tool("TASKS_ADD_TASK"), tool("LAMP_SWITCH_ON")])
    assert (await slugs(index, "switch on the lamp"))[0] == "LAMP_SWITCH_ON"
    assert len(await slugs(index, "switch on the lamp")) == 5


async def test_an_app_that_is_named_has_the_advantage(make: Make):
    tools = [tool("RADIO_SEND", "Send a message."), tool("CHAT_PUT", "Post a message, now.")]
    index = await filled(make(None), tools)
    assert (await slugs(index, "send a message"))[0] == "RADIO_SEND"
    assert (await slugs(index, "post a message in chat now"))[0] == "CHAT_PUT"


async def test_a_request_is_pulled_to_the_tool_that_served_one_like_it(make: Make):
    index = await filled(make(WordCounts()))
    asked = "tell the crew about lunch"
    assert (await slugs(index, asked))[0] != "NOTES_WRITE_NOTE"
    scope = Scope(examples={"NOTES_WRITE_NOTE": ["tell the crew about dinner"], "GONE": ["lunch"]})
    assert (await index.search(asked, scope=scope))[0].slug == "NOTES_WRITE_NOTE"


async def test_what_one_user_did_is_nothing_to_another(make: Make):
    index = await filled(make(WordCounts()))
    asked = "tell the crew about lunch"
    before = await index.search(asked)
    await index.search(asked, scope=Scope(examples={"NOTES_WRITE_NOTE": ["tell the crew about dinner"]}))
    assert await index.search(asked) == before


async def test_examples_are_embedded_once(make: Make):
    embedder = WordCounts()
    index = await filled(make(embedder))
    embedder.texts.clear()
    scope = Scope(examples={"MAIL_SEND_MESSAGE": ["one", "two"], "NOTES_WRITE_NOTE": ["one"]})
    for _ in range(2):
        await index.search("message", scope=scope)
    assert embedder.texts == ["message", "one", "two", "message"]


async def test_examples_without_vectors_change_nothing(make: Make):
    index = await filled(make(None))
    scope = Scope(examples={"MAIL_SEND_MESSAGE": ["delete the file"]})
    assert await index.search("delete the file", scope=scope) == await index.search("delete the file")


async def test_a_name_that_is_also_a_common_word_is_no_name(make: Make):
    """`make` is used by other tools too, `radio` by its own: only the one counts as an app that is named."""
    making = [tool(f"NOTES_PUT_{number}", "Make a note, or make another.") for number in range(9)]
    others = [tool("MAKE_RUN", "Start a scenario."), tool("RADIO_RUN", "Start a channel.")]
    index = await filled(make(None), [*making, *others])
    found = await slugs(index, "make a note", 9)
    assert "MAKE_RUN" not in found
    connected = Scope(connected=frozenset({"notes"}))
    assert (await index.search("run radio", scope=connected))[0].slug == "RADIO_RUN"
    first = await index.search("run make", scope=connected)
    assert first[0].slug.startswith("NOTES")
