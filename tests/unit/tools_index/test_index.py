from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.core.tool import ToolSpec
from nexus.errors import ModelMissing
from nexus.ports.embeddings import Embedder
from nexus.ports.index import Scope
from nexus.tools import search_text
from nexus.tools.index import HybridIndex
from tests.unit.tools_index.counting import WordCounts

NAMES = (
    "MAIL_SEND_MESSAGE",
    "MAIL_LIST_MESSAGES",
    "CALENDAR_CREATE_EVENT",
    "NOTES_WRITE_NOTE",
    "FILES_DELETE_FILE",
)
Make = Callable[..., HybridIndex]


def tool(slug: str, description: str = "Does what its name says.") -> ToolSpec:
    return ToolSpec(slug, slug.partition("_")[0].lower(), slug, description, {"type": "object"})


TOOLS = [tool(name) for name in NAMES]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Indexes over one cache folder, closed at the end."""
    made: list[HybridIndex] = []

    def build(embedder: Embedder | None, folder: Path | None = tmp_path, **options: object) -> HybridIndex:
        made.append(HybridIndex(embedder, folder, **options))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for index in made:
        await index.close()


async def slugs(index: HybridIndex, query: str, limit: int = 15) -> list[str]:
    return [hit.slug for hit in await index.search(query, limit=limit)]


def vectors_file(folder: Path) -> Path:
    (file,) = folder.glob("vectors-*")
    return file


def words_file(folder: Path) -> Path:
    (file,) = folder.glob("words*")
    return file


def suffixes(folder: Path) -> set[str]:
    return {file.suffix for file in folder.iterdir()}


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def occupied(folder: Path) -> Path:
    """A path for a folder where a file already is."""
    path = folder / "occupied"
    path.write_text("a file")
    return path


async def filled(index: HybridIndex, tools: list[ToolSpec] = TOOLS) -> HybridIndex:
    await index.update(tools)
    await index.ready()
    return index


async def test_words_of_the_name_find_the_tool(make: Make):
    index = await filled(make(WordCounts()))
    assert (await slugs(index, "send a message"))[0] == "MAIL_SEND_MESSAGE"


async def test_the_best_tool_scores_one_and_the_others_less(make: Make):
    scores = [hit.score for hit in await (await filled(make(WordCounts()))).search("create an event")]
    assert scores[0] == 1.0
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score < 1 for score in scores[1:])


async def test_with_vectors_every_tool_has_a_rank(make: Make):
    assert len(await slugs(await filled(make(WordCounts())), "zebra crossing")) == len(TOOLS)


@pytest.mark.parametrize("query", ["", "   ", "?!", "\n\t"])
async def test_an_empty_query_finds_nothing(make: Make, query: str):
    assert await slugs(await filled(make(WordCounts())), query) == []


@pytest.mark.parametrize(("limit", "found"), [(0, 0), (-1, 0), (2, 2), (99, len(TOOLS))])
async def test_no_more_than_limit_are_found(make: Make, limit: int, found: int):
    assert len(await slugs(await filled(make(WordCounts())), "message", limit)) == found


async def test_an_index_without_tools_finds_nothing(make: Make):
    assert await slugs(make(WordCounts()), "anything") == []
    assert await slugs(await filled(make(WordCounts()), []), "anything") == []


async def test_a_single_tool_is_found(make: Make):
    assert await slugs(await filled(make(WordCounts()), TOOLS[:1]), "send") == ["MAIL_SEND_MESSAGE"]
    assert await slugs(await filled(make(None), TOOLS[:1]), "send") == ["MAIL_SEND_MESSAGE"]


async def test_unicode_finds_unicode(make: Make):
    tools = [*TOOLS, tool("WETTER_KÖLN", "Das Wetter in Köln 🌦"), tool("発送", "荷物を送る")]
    index = await filled(make(None), tools)
    assert await slugs(index, "wetter KOLN") == ["WETTER_KÖLN"]
    assert await slugs(index, "発送") == ["発送"]
    assert await slugs(index, "🌦 \ud800") == []


async def test_without_an_embedder_words_alone_are_searched(make: Make):
    index = await filled(make(None))
    assert await slugs(index, "delete the file") == ["FILES_DELETE_FILE"]
    assert await slugs(index, "zebra crossing") == []


async def test_until_vectors_are_ready_words_alone_are_searched(make: Make):
    embedder = WordCounts()
    embedder.may_embed.clear()
    index = make(embedder)
    await index.update(TOOLS)
    assert await slugs(index, "delete the file") == ["FILES_DELETE_FILE"]
    embedder.may_embed.set()
    await index.ready()
    assert len(await slugs(index, "delete the file")) == len(TOOLS)


async def test_a_large_catalogue_is_searched_by_words_without_waiting_for_its_vectors(
    make: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("nexus.tools.index._WORTH_WAITING", len(TOOLS) - 1)
    monkeypatch.setattr("nexus.tools.index._PATIENCE", None)  # it would wait for ever
    embedder = WordCounts()
    embedder.may_embed.clear()
    index = make(embedder)
    await index.update(TOOLS)
    assert await slugs(index, "delete the file") == ["FILES_DELETE_FILE"]
    embedder.may_embed.set()


async def test_a_missing_model_leaves_words_and_says_so(make: Make):
    embedder = WordCounts()
    embedder.is_missing = True
    index = make(embedder)
    await index.update(TOOLS)
    with pytest.raises(ModelMissing):
        await index.ready()
    assert isinstance(index.failure, ModelMissing)
    assert await slugs(index, "delete the file") == ["FILES_DELETE_FILE"]


async def test_a_model_that_goes_missing_later_leaves_words(make: Make):
    embedder = WordCounts()
    index = await filled(make(embedder))
    embedder.is_missing = True
    assert await slugs(index, "delete the file") == ["FILES_DELETE_FILE"]
    assert isinstance(index.failure, ModelMissing)


async def test_only_new_and_changed_tools_are_embedded(make: Make):
    embedder = WordCounts()
    index = await filled(make(embedder))
    embedder.texts.clear()
    await filled(index, [*TOOLS[1:], tool("TASKS_ADD_TASK")])
    assert embedder.texts == ["tasks add task. Does what its name says."]
    embedder.texts.clear()
    await filled(index, [replace(TOOLS[0], description="Something else."), *TOOLS[1:]])
    assert embedder.texts == ["mail send message. Something else."]


async def test_tools_that_are_gone_are_not_found(make: Make):
    index = await filled(make(WordCounts()))
    await filled(index, TOOLS[1:])
    assert "MAIL_SEND_MESSAGE" not in await slugs(index, "send a message")


async def test_a_changed_description_is_found_by_its_new_words(make: Make):
    index = await filled(make(None))
    await index.update([*TOOLS[1:], tool("MAIL_SEND_MESSAGE", "Puts a letter into a bottle.")])
    assert await slugs(index, "bottle") == ["MAIL_SEND_MESSAGE"]


async def test_vectors_outlive_the_process(make: Make):
    before = await filled(make(WordCounts()))
    embedder = WordCounts()
    after = await filled(make(embedder))
    assert embedder.texts == []
    assert await after.search("write it down") == await before.search("write it down")


async def test_vectors_of_another_model_are_not_used(make: Make):
    await filled(make(WordCounts()))
    other = WordCounts("another model")
    await filled(make(other))
    assert len(other.texts) == len(TOOLS)


async def test_without_a_folder_vectors_are_kept_in_memory(make: Make, tmp_path: Path):
    index = await filled(make(WordCounts(), None))
    assert len(await slugs(index, "message")) == len(TOOLS)
    assert is_empty(tmp_path)


async def test_a_folder_that_cannot_be_written_costs_only_the_cache(make: Make, tmp_path: Path):
    index = await filled(make(WordCounts(), occupied(tmp_path)))
    assert len(await slugs(index, "message")) == len(TOOLS)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"not a matrix",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:100] + b"\xff" * (len(whole) - 100),
        lambda whole: whole[:200] + b"\0" * (len(whole) - 200),
        lambda whole: whole.replace(b"vectors 1", b"vectors 2"),
    ],
    ids=["empty", "foreign", "cut", "noise", "zeros", "layout"],
)
async def test_damaged_vectors_are_built_again(make: Make, tmp_path: Path, damage: Callable[[bytes], bytes]):
    expected = await (await filled(make(WordCounts()))).search("write it down")
    file = vectors_file(tmp_path)
    file.write_bytes(damage(file.read_bytes()))
    embedder = WordCounts()
    index = await filled(make(embedder))
    assert embedder.texts
    assert await index.search("write it down") == expected
    again = WordCounts()
    await filled(make(again))
    assert again.texts == []


async def test_a_start_reads_the_words_of_the_texts_from_its_cache(
    make: Make, monkeypatch: pytest.MonkeyPatch
):
    expected = await (await filled(make(None))).search("write a note")
    read: list[str] = []
    text = search_text.lexical_text
    monkeypatch.setattr(search_text, "lexical_text", lambda spec: (read.append(spec.slug), text(spec))[1])
    assert await (await filled(make(None))).search("write a note") == expected
    assert read == []
    changed = replace(TOOLS[0], description="Something else.")
    index = await filled(make(None), [changed, *reversed(TOOLS[1:]), tool("TASKS_ADD_TASK")])
    assert read == ["MAIL_SEND_MESSAGE", "TASKS_ADD_TASK"]
    assert await slugs(index, "something else") == ["MAIL_SEND_MESSAGE"]
    assert (await slugs(index, "write a note"))[0] == "NOTES_WRITE_NOTE"


async def test_damaged_words_are_made_again(make: Make, tmp_path: Path):
    expected = await (await filled(make(None))).search("write a note")
    file = words_file(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert await (await filled(make(None))).search("write a note") == expected
    assert file.read_bytes() == whole


async def test_no_temporary_file_stays_behind(make: Make, tmp_path: Path):
    await filled(make(WordCounts()))
    assert suffixes(tmp_path) == {".bin"}


async def test_vectors_nobody_wants_are_dropped_once_they_outnumber_the_others(make: Make, tmp_path: Path):
    index = await filled(make(WordCounts()))
    file = vectors_file(tmp_path)
    size = len(file.read_bytes())
    await filled(index, [tool("TASKS_ADD_TASK")])
    assert len(file.read_bytes()) < size


async def test_vectors_that_come_when_all_tools_are_gone_do_no_harm(make: Make):
    embedder = WordCounts()
    embedder.may_embed.clear()
    index = make(embedder)
    await index.update(TOOLS)
    await embedder.was_asked.wait()
    await index.update([])
    embedder.may_embed.set()
    await index.ready()
    assert await slugs(index, "message") == []
    await filled(index)
    assert len(await slugs(index, "message")) == len(TOOLS)


async def test_progress_is_reported_up_to_the_last_tool(make: Make):
    reports: list[tuple[int, int]] = []
    many = [tool(f"APP_ACTION_{number}") for number in range(600)]
    await filled(make(WordCounts(), on_progress=lambda done, total: reports.append((done, total))), many)
    assert reports[-1] == (600, 600)
    assert len(reports) > 1
    assert reports == sorted(reports)


async def test_tools_that_come_while_vectors_are_built_get_theirs(make: Make):
    embedder = WordCounts()
    embedder.may_embed.clear()
    index = make(embedder)
    await index.update(TOOLS[:2])
    await index.update(TOOLS)
    embedder.may_embed.set()
    await index.ready()
    assert len(embedder.texts) == len(set(embedder.texts)) == len(TOOLS)
    assert len(await slugs(index, "message")) == len(TOOLS)


async def test_a_search_sees_one_state_while_tools_change(make: Make):
    index = await filled(make(WordCounts()))
    states = (TOOLS, [tool(f"OTHER_MESSAGE_{number}") for number in range(300)])

    async def change() -> None:
        for turn in range(10):
            await index.update(states[turn % 2])

    async def look() -> None:
        while not changing.done():
            found = set(await slugs(index, "message", 1000))
            assert any(found <= {spec.slug for spec in state} for state in states)

    changing = asyncio.create_task(change())
    await asyncio.gather(changing, *(look() for _ in range(4)))
    await index.ready()


async def test_closing_stops_the_build_and_keeps_what_is_built(make: Make):
    embedder = WordCounts()
    many = [tool(f"APP_ACTION_{number}") for number in range(600)]
    reported = asyncio.Event()

    def hold(*_: int) -> None:
        embedder.may_embed.clear()
        reported.set()

    index = make(embedder, on_progress=hold)
    await index.update(many)
    await reported.wait()
    await index.close()
    built = len(embedder.texts)
    assert 0 < built < len(many)
    later = WordCounts()
    await filled(make(later), many)
    assert len(later.texts) == len(many) - built


@pytest.mark.parametrize("embedder", [WordCounts, lambda: None])
async def test_many_searches_at_once_agree(make: Make, embedder: Callable[[], Embedder | None]):
    index = await filled(make(embedder()))
    searches: list[Awaitable[object]] = [index.search("list messages") for _ in range(20)]
    first, *others = await asyncio.gather(*searches)
    assert all(other == first for other in others)


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
