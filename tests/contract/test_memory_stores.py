"""What every memory store promises: the fake's promises are those of the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nexus.core.action import ThreadId
from nexus.core.memory import EarlierText, MemoryId
from nexus.errors import ModelMissing, NotFound
from nexus.ports.embeddings import Matrix
from nexus.ports.memory import Which
from nexus.testing import WordEmbedder
from tests.contract.memory_places import THEN, Place, Scattered, memory

UNICODE = [
    "Ärger mit Øystein: \u201cnaïve\u201d façade \u2013 100 %",
    "日本語のメモ、それと한국어",
    "مرحبا بالعالم and שלום",
    "👩‍👩‍👧 an emoji of a family, \U0001d518 outside the first plane, a combining e\u0301",
    'quotes " and \\ and {"json": [1]} and \' OR 1=1 --',
    "a null \x00 byte",
]


def ids(found: Sequence[Any]) -> list[str]:
    return [each.memory.id if hasattr(each, "memory") else each.id for each in found]


FULL = memory(
    "full",
    "Mails to Acme are signed with Ada Lovelace",
    kind="preference",
    author="edit",
    subject="acme mail signed",
    thread=ThreadId("t-1"),
    updated_at=THEN + timedelta(days=2),
    confidence=0.75,
    apps=frozenset({"gmail", "outlook"}),
    tool="GMAIL_SEND",
    is_pending=True,
    expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    history=(EarlierText("Mails are signed with A.", THEN + timedelta(days=1)),),
)


async def test_a_memory_comes_back_as_it_was_put(place: Place):
    store = await place.of()
    await store.put([FULL])
    assert await store.get(FULL.id) == FULL
    assert await store.list() == [FULL]
    assert [found.memory for found in await store.search("how are mails signed?")] == [FULL]


async def test_every_text_of_unicode_comes_back(place: Place):
    store = await place.of()
    await store.put([memory(f"m{number}", text) for number, text in enumerate(UNICODE)])
    assert {each.text for each in await store.list()} == set(UNICODE)
    for number, text in enumerate(UNICODE):
        assert (await store.get(MemoryId(f"m{number}"))).text == text


async def test_the_closest_in_meaning_come_first_with_their_cosine(place: Place):
    store = await place.of()
    await store.put(
        [
            memory("bugs", "file bugs in acme web"),
            memory("signed", "mails are signed Ada"),
            memory("both", "mails about bugs"),
        ]
    )
    found = await store.search("file bugs", limit=2)
    assert ids(found) == ["bugs", "both"]
    query, text = await WordEmbedder().embed(["file bugs", "file bugs in acme web"])
    assert found[0].score == pytest.approx(float(query @ text), abs=1e-3)


async def test_an_unknown_memory_is_not_found(place: Place):
    with pytest.raises(NotFound):
        await (await place.of()).get(MemoryId("nobody"))
    assert await (await place.of()).list() == []
    assert await (await place.of()).search("anything") == []


async def test_a_memory_put_again_is_replaced_whole_and_keeps_its_history(place: Place):
    store = await place.of()
    await store.put([FULL])
    later = replace(
        FULL,
        text="Mails to Acme end with Kind regards",
        apps=frozenset({"outlook"}),
        is_pending=False,
        tool=None,
        history=(EarlierText(FULL.text, THEN + timedelta(days=3)), *FULL.history),
    )
    await store.put([later])
    assert await store.list() == [later]
    assert [found.memory for found in await store.search("kind regards")] == [later]
    assert await store.list(Which(apps=frozenset({"gmail"}))) == []
    assert await store.search("mails", which=Which(apps=frozenset({"gmail"}))) == []
    assert await store.list(Which(tool="GMAIL_SEND")) == []


SOME = [
    memory("everywhere", "alpha one", subject="one", thread=ThreadId("t-1")),
    memory("mail", "alpha two", kind="preference", apps=frozenset({"gmail", "outlook"}), subject="two"),
    memory("bugs", "alpha three", kind="procedure", apps=frozenset({"github"}), tool="GITHUB_NEW"),
    memory("waiting", "alpha four", is_pending=True, thread=ThreadId("t-2")),
]

FILTERS = {
    "all": (Which(), {"everywhere", "mail", "bugs", "waiting"}),
    "one kind": (Which(kinds=frozenset({"procedure"})), {"bugs"}),
    "two kinds": (Which(kinds=frozenset({"procedure", "preference"})), {"bugs", "mail"}),
    "no kind": (Which(kinds=frozenset()), set[str]()),
    "an app": (Which(apps=frozenset({"gmail"})), {"everywhere", "mail", "waiting"}),
    "two apps": (Which(apps=frozenset({"github", "outlook"})), {"everywhere", "mail", "bugs", "waiting"}),
    "no app": (Which(apps=frozenset()), {"everywhere", "waiting"}),
    "a tool": (Which(tool="GITHUB_NEW"), {"bugs"}),
    "a subject": (Which(subject="two"), {"mail"}),
    "a thread": (Which(thread="t-1"), {"everywhere"}),
    "pending": (Which(is_pending=True), {"waiting"}),
    "not pending": (Which(is_pending=False), {"everywhere", "mail", "bugs"}),
    "all together": (Which(kinds=frozenset({"fact"}), apps=frozenset({"x"}), is_pending=True), {"waiting"}),
}


async def test_filters_hold_for_lists_and_for_searches(place: Place):
    store = await place.of()
    await store.put(SOME)
    for name, (which, expected) in FILTERS.items():
        assert set(ids(await store.list(which))) == expected, name
        assert set(ids(await store.search("alpha", which=which))) == expected, name


async def test_the_limit_counts_only_those_that_fit(place: Place):
    store = await place.of()
    close = [memory(f"c{number}", "alpha alpha", is_pending=True) for number in range(30)]
    await store.put([*close, memory("far", "alpha and much else beside it")])
    assert ids(await store.search("alpha", which=Which(is_pending=False), limit=3)) == ["far"]


async def test_a_list_has_the_last_updated_first_and_comes_in_pages(place: Place):
    store = await place.of()
    await store.put([memory(f"m{day}", "x", updated_at=THEN + timedelta(days=day)) for day in range(5)])
    assert ids(await store.list(limit=2)) == ["m4", "m3"]
    assert ids(await store.list(limit=2, offset=2)) == ["m2", "m1"]
    await store.put([memory("b", "x", updated_at=THEN), memory("a", "x", updated_at=THEN)])
    assert ids(await store.list(offset=4)) == ["a", "b", "m0"]


async def test_what_is_deleted_is_gone_and_counted_once(place: Place):
    store = await place.of()
    await store.put(SOME)
    assert await store.delete([MemoryId("mail"), MemoryId("mail"), MemoryId("nobody")]) == 1
    assert await store.delete([MemoryId("mail")]) == 0
    assert await store.delete([]) == 0
    with pytest.raises(NotFound):
        await store.get(MemoryId("mail"))
    assert (
        set(ids(await store.list()))
        == set(ids(await store.search("alpha")))
        == {"everywhere", "bugs", "waiting"}
    )


async def test_users_never_meet(place: Place):
    ada, bob = await place.of("ada"), await place.of("bob")
    await ada.put([memory("same", "alpha is Ada's")])
    await bob.put([memory("same", "alpha is Bob's"), memory("his", "alpha too")])
    assert await bob.delete([MemoryId("same")]) == 1
    assert (await ada.get(MemoryId("same"))).text == "alpha is Ada's"
    assert ids(await ada.list()) == ids(await ada.search("alpha")) == ["same"]
    assert await ada.delete([MemoryId("his")]) == 0
    assert ids(await bob.list()) == ["his"]


async def test_what_has_expired_is_not_returned_and_then_deleted(place: Place):
    store = await place.of()
    short = memory("short", "alpha for an hour", expires_at=place.clock.now() + timedelta(hours=1))
    await store.put([short, memory("long", "alpha for ever")])
    assert set(ids(await store.list())) == {"short", "long"}
    place.clock.advance(timedelta(hours=1))
    assert ids(await store.list()) == ids(await store.search("alpha")) == ["long"]
    with pytest.raises(NotFound):
        await store.get(short.id)
    await store.put([memory("other", "beta")])
    place.clock.advance(-timedelta(hours=1))
    with pytest.raises(NotFound):
        await store.get(short.id)


async def test_memories_are_there_after_a_restart(place: Place):
    before = await place.of()
    await before.put(SOME)
    await before.delete([MemoryId("mail")])
    after = await place.of()
    assert (
        set(ids(await after.list()))
        == set(ids(await after.search("alpha")))
        == {"everywhere", "bugs", "waiting"}
    )


async def test_two_that_are_open_at_once_see_what_the_other_wrote(place: Place):
    one, other = await place.of(), await place.of()
    for number in range(3):
        await one.put([memory(f"one{number}", "alpha")])
        await other.put([memory(f"other{number}", "alpha")])
    await one.delete([MemoryId("other1")])
    expected = {"one0", "one1", "one2", "other0", "other2"}
    for store in (one, other):
        assert set(ids(await store.search("alpha"))) == set(ids(await store.list())) == expected


async def test_many_at_once_lose_nothing(place: Place):
    store = await place.of()
    await asyncio.gather(
        *(store.put([memory(f"m{number}", f"alpha number {number}")]) for number in range(12)),
        *(store.search("alpha") for _ in range(6)),
    )
    await asyncio.gather(*(store.delete([MemoryId(f"m{number}")]) for number in range(0, 12, 2)))
    left = {f"m{number}" for number in range(1, 12, 2)}
    assert set(ids(await store.list())) == set(ids(await store.search("alpha", limit=20))) == left


class Tall(WordEmbedder):
    """Another embedder, with longer vectors."""

    def __init__(self) -> None:
        super().__init__("tall", 300)


@pytest.mark.parametrize("embedder", [WordEmbedder("other words"), Tall()], ids=["same length", "longer"])
async def test_vectors_of_another_embedder_are_never_compared_until_made_anew(
    place: Place, embedder: WordEmbedder
):
    if place.has_one_length and embedder.dimensions != WordEmbedder().dimensions:
        pytest.skip("an index there has vectors of one length, and says so")
    await (await place.of()).put([*SOME, memory("gone", "alpha")])
    store = await place.of(embedder=embedder)
    assert set(ids(await store.list())) == {"everywhere", "mail", "bugs", "waiting", "gone"}
    assert await store.search("alpha") == []
    assert await store.delete([MemoryId("gone")]) == 1
    await store.put([replace(SOME[1], text="alpha two again")])
    told: list[tuple[int, int]] = []
    assert await store.reembed(lambda done, total: told.append((done, total))) == 3
    assert told[-1] == (3, 3)
    assert set(ids(await store.search("alpha"))) == {"everywhere", "mail", "bugs", "waiting"}
    assert len(await store.list()) == 4
    assert await store.reembed() == 0


class Failing(WordEmbedder):
    """Fails once it has embedded a few texts."""

    async def embed(self, texts: Sequence[str]) -> Matrix:
        """One row a text, of the first few."""
        if len(self.texts) + len(texts) > 40:
            raise ModelMissing
        return await super().embed(texts)


async def test_embedding_anew_goes_on_where_it_was_cut_off(place: Place):
    await (await place.of()).put([memory(f"m{number}", f"alpha {number}") for number in range(70)])
    with pytest.raises(ModelMissing):
        await (await place.of(embedder=Failing("other words"))).reembed()
    store = await place.of(embedder=WordEmbedder("other words"))
    found = len(await store.search("alpha", limit=100))
    assert found + await store.reembed() == 70
    assert len(await store.search("alpha", limit=100)) == 70


class Meanwhile(WordEmbedder):
    """Lets something else happen while it embeds for the first time."""

    then: Callable[[], Awaitable[object]] | None = None

    async def embed(self, texts: Sequence[str]) -> Matrix:
        """One row a text, too late."""
        rows = await super().embed(texts)
        if self.then is not None:
            then, self.then = self.then, None
            await then()
        return rows


async def test_embedding_anew_brings_nothing_back_that_was_deleted_or_changed_meanwhile(place: Place):
    before = [memory("gone", "alpha one"), memory("changed", "alpha two"), memory("left", "alpha three")]
    await (await place.of()).put(before)
    embedder = Meanwhile("other words")
    store, other = await place.of(embedder=embedder), await place.of(embedder=embedder)

    async def meanwhile() -> None:
        await other.delete([MemoryId("gone")])
        await other.put([memory("changed", "beta two")])

    embedder.then = meanwhile
    assert await store.reembed() == 1
    assert {each.id: each.text for each in await store.list()} == {
        "changed": "beta two",
        "left": "alpha three",
    }
    (found,) = await store.search("beta two", limit=1)
    assert (found.memory.id, found.score) == ("changed", pytest.approx(1, abs=1e-3))
    assert set(ids(await store.search("alpha"))) == {"changed", "left"}
    assert await store.reembed() == 0


@pytest.fixture
def how_many(place: Place, pytestconfig: pytest.Config) -> int:
    """Ten thousand; with stores that need half a minute for them only under `-m scale`."""
    return 10_000 if place.is_fast or "scale" in str(pytestconfig.option.markexpr).split() else 1_000


@pytest.mark.scale
async def test_thousands_of_memories_are_kept_and_each_is_found(place: Place, how_many: int):
    store = await place.of(embedder=Scattered(dimensions=32))
    many = [
        memory(f"m{number}", f"number {number}", is_pending=number % 2 == 0) for number in range(how_many)
    ]
    for start in range(0, len(many), 500):
        await store.put(many[start : start + 500])
    told = Which(is_pending=False)
    for number in (1, how_many // 2 - 1, how_many - 1):
        assert ids(await store.search(f"number {number}", which=told, limit=1)) == [f"m{number}"]
    assert len(await store.list(limit=20_000)) == how_many
    assert await store.delete([MemoryId(f"m{number}") for number in range(100)]) == 100
    assert len(await store.list(Which(is_pending=True), limit=20_000)) == how_many // 2 - 50
