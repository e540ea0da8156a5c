from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.errors import ModelMissing
from nexus.ports.embeddings import Embedder
from nexus.tools import search_text
from tests.unit.tools_index.counting import WordCounts
from tests.unit.tools_index.indexing import TOOLS, Make, filled, slugs, tool


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
    assert embedder.texts == ["Does what its name says. (tasks add task)"]
    embedder.texts.clear()
    await filled(index, [replace(TOOLS[0], description="Something else."), *TOOLS[1:]])
    assert embedder.texts == ["Something else. (mail send message)"]


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


async def test_the_words_of_an_address_find_nothing(make: Make):
    index = await filled(make(WordCounts(), None), [tool("EXAMPLE_LIST_TRIAGE"), tool("POST_SEND_EMAIL")])
    hits = await index.search("triage@example.com")
    assert hits[0].slug == "POST_SEND_EMAIL"
