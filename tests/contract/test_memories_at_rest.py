"""What the files of a memory store hold: nothing of what was forgotten, nothing to read if there is a key."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.core.action import ThreadId
from nexus.core.memory import EarlierText, MemoryId
from nexus.errors import NotFound, StoreUnavailable
from nexus.memory.sealing import Sealed, Unsealed
from nexus.ports.memory import Which
from nexus.testing import WordEmbedder
from tests.contract.memory_places import THEN, Place, Scattered, memory

KEY, OTHER_KEY = b"k" * 32, b"o" * 32

# In a process of its own: this one would drop SQLite's locks by closing the files.
SEARCH = """
import json, sys
from pathlib import Path
import numpy as np
asked = json.load(sys.stdin)
vector = np.array(asked["vector"], np.float32)[:8]
found = set()
for path in Path(asked["folder"]).rglob("*"):
    try:
        raw = path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:  # a journal of SQLite's, which went meanwhile
        continue
    found |= {word for word in asked["words"] if word.encode() in raw}
    for shift in range(4):
        cut = raw[shift:]
        numbers = np.nan_to_num(np.frombuffer(cut[: len(cut) // 4 * 4], np.float32))
        if len(numbers) < 8:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(numbers, 8)
        if (abs(windows - vector) < 1e-5).all(1).any():
            found.add("the vector")
print(json.dumps(sorted(found)))
"""


async def found_in(folder: Path, words: Sequence[str], text: str = "") -> set[str]:
    """Which of the words any file holds, and whether one holds the vector of a text."""
    vector = (await Scattered(dimensions=32).embed([text]))[0].tolist()
    asked = {"folder": str(folder), "words": words, "vector": vector}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SEARCH, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await process.communicate(json.dumps(asked).encode())
    return set(json.loads(answer))


async def test_no_file_holds_anything_of_what_was_forgotten(place: Place):
    if place.files is None:
        pytest.skip("its files are not ours")
    store = await place.of(embedder=Scattered(dimensions=32))
    await store.put([memory(f"m{number}", f"something else {number}") for number in range(50)])
    first = memory(
        "secret", "the zebracanary likes oysters", subject="zebrasubject", apps=frozenset({"zebraapp"})
    )
    await store.put([first])
    later = replace(first, text="the heronpetrel likes oysters", history=(EarlierText(first.text, THEN),))
    await store.put([later])
    words = ["zebracanary", "heronpetrel", "zebrasubject", "zebraapp"]
    assert await found_in(place.files, words, later.text) == {*words, "the vector"}
    assert await store.delete([first.id]) == 1
    assert await found_in(place.files, words, later.text) == set()
    assert len(await store.list()) == 50
    assert (await store.search("something else 7", limit=1))[0].memory.id == "m7"


SECRET = memory(
    "secret",
    "the zebracanary likes oysters",
    subject="heronsubject",
    thread=ThreadId("egretthread"),
    apps=frozenset({"storkapp"}),
    tool="IBIS_TOOL",
    history=(EarlierText("the cranecanary ate", THEN),),
)
WORDS = ["zebracanary", "oysters", "heronsubject", "egretthread", "storkapp", "IBIS_TOOL", "cranecanary"]


async def test_with_a_key_nothing_can_be_read_where_memories_are_kept(place: Place):
    store = await place.of(seal=Sealed(KEY, "ada"))
    await store.put([SECRET])
    if place.files is not None:
        assert await found_in(place.files, WORDS) == set()
    assert not [word for word in WORDS if word.encode() in place.sent()]
    again = await place.of(seal=Sealed(KEY, "ada"))
    assert await again.list() == [SECRET]
    which = Which(
        subject="heronsubject", thread="egretthread", apps=frozenset({"storkapp"}), tool="IBIS_TOOL"
    )
    assert [found.memory for found in await again.search("zebracanary", which=which)] == [SECRET]
    assert await again.list(replace(which, subject="other")) == []


async def test_without_its_key_a_sealed_memory_is_not_returned_as_something_else(place: Place):
    if place.is_fake:
        pytest.skip("the fake writes nothing down")
    await (await place.of(seal=Sealed(KEY, "ada"))).put([SECRET])
    for seal in (Sealed(OTHER_KEY, "ada"), Unsealed()):
        store = await place.of(seal=seal)
        with pytest.raises(StoreUnavailable, match="NEXUS_ENCRYPTION_KEY"):
            await store.get(SECRET.id)
        with pytest.raises(StoreUnavailable, match="NEXUS_ENCRYPTION_KEY"):
            await store.list()


async def test_one_that_is_sealed_with_another_key_hides_no_other_and_can_be_deleted(place: Place):
    if place.is_fake:
        pytest.skip("the fake writes nothing down")
    await (await place.of()).put([memory("open", "the heron likes oysters")])
    await (await place.of(seal=Sealed(OTHER_KEY, "ada"))).put([SECRET])
    store = await place.of(seal=Sealed(KEY, "ada"))
    assert [each.id for each in await store.list()] == ["open"]
    await store.reembed()
    assert [each.memory.id for each in await store.search("oysters")] == ["open"]
    with pytest.raises(StoreUnavailable, match="NEXUS_ENCRYPTION_KEY"):
        await store.get(SECRET.id)
    assert await store.delete([SECRET.id]) == 1
    with pytest.raises(NotFound):
        await store.get(SECRET.id)


async def test_those_sealed_with_another_key_take_no_places_of_others_and_stop_no_embedding(place: Place):
    if place.is_fake:
        pytest.skip("the fake writes nothing down")
    await (await place.of()).put([memory("farther", "oysters and tea")])
    await (await place.of(seal=Sealed(OTHER_KEY, "ada"))).put(
        [
            *(memory(f"locked{number}", "the heron likes oysters") for number in range(3)),
            memory("wish", "the heron likes oysters", kind="preference"),
        ]
    )
    store = await place.of(seal=Sealed(KEY, "ada"))
    await store.put([memory("far", "the heron likes oysters and tea")])
    await store.reembed()
    for limit in (1, 2, 5):
        near = await store.search("the heron likes oysters", limit=limit)
        assert [each.memory.id for each in near] == ["far", "farther"][:limit]
    wishes = Which(kinds=frozenset({"preference"}))
    assert await store.search("oysters", which=wishes) == await store.list(wishes) == []
    anew = await place.of(seal=Sealed(KEY, "ada"), embedder=WordEmbedder("new words"))
    assert [await anew.reembed() for _ in range(2)] == [2, 0]


async def test_what_was_written_before_there_was_a_key_stays_readable_and_is_sealed_when_written_again(
    place: Place,
):
    await (await place.of()).put([SECRET])
    store = await place.of(seal=Sealed(KEY, "ada"))
    assert await store.list() == [SECRET]
    await store.put(await store.list())
    assert await store.get(MemoryId("secret")) == SECRET
