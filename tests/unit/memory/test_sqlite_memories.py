from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nexus.core.memory import Memory, MemoryId, to_json
from nexus.errors import NotFound, StoreUnavailable
from nexus.memory.sealing import Seal, Sealed, Unsealed
from nexus.memory.sqlite import NAMESPACE, SqliteMemories
from nexus.ports.embeddings import Matrix
from nexus.store.items import open_items
from nexus.testing import FakeClock, WordEmbedder

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def memory(number: int, text: str) -> Memory:
    at = NOW + timedelta(minutes=number)
    return Memory(MemoryId(f"m{number}"), "fact", text, "person", at, at)


@asynccontextmanager
async def opened(
    folder: Path, embedder: WordEmbedder | None = None, clock: FakeClock | None = None
) -> AsyncGenerator[SqliteMemories]:
    async with open_items(folder / "store.db") as items:
        yield await SqliteMemories(items, embedder or WordEmbedder(), clock or FakeClock()).open()


async def files_with(text: str, folder: Path) -> str:
    """Looked for by another process: this one would drop SQLite's locks by closing the files."""
    search = await asyncio.create_subprocess_exec(
        "grep", "-rlF", text, folder, stdout=asyncio.subprocess.PIPE
    )
    return (await search.communicate())[0].decode()


async def test_memories_are_there_after_a_restart_and_found_without_embedding_them_again(tmp_path: Path):
    async with opened(tmp_path) as store:
        await store.put([memory(1, "Ana likes tea"), memory(2, "Bo likes chess")])
    again = WordEmbedder()
    async with opened(tmp_path, again) as store:
        (found,) = await store.search("who likes chess", limit=1)
        assert found.memory == memory(2, "Bo likes chess")
    assert again.texts == ["who likes chess"]


async def test_a_vector_of_another_model_is_never_compared(tmp_path: Path):
    async with opened(tmp_path) as store:
        await store.put([memory(1, "Ana likes tea")])
    async with opened(tmp_path, WordEmbedder("other", 64)) as store:
        assert await store.search("tea") == []
        assert await store.list() == [memory(1, "Ana likes tea")]
        assert await store.reembed() == 1
        assert [each.memory.id for each in await store.search("tea")] == ["m1"]


class BreaksOff(WordEmbedder):
    """Fails from the third batch on."""

    async def embed(self, texts: Sequence[str]) -> Matrix:
        if len(self.texts) >= 64:
            raise asyncio.CancelledError
        return await super().embed(texts)


async def test_embedding_anew_goes_on_where_it_was_cut_off(tmp_path: Path):
    async with opened(tmp_path) as store:
        await store.put([memory(number, f"thing {number}") for number in range(100)])
    told: list[tuple[int, int]] = []
    async with opened(tmp_path, BreaksOff("new")) as store:
        with pytest.raises(asyncio.CancelledError):
            await store.reembed(lambda done, total: told.append((done, total)))
    assert told == [(32, 100), (64, 100)]
    async with opened(tmp_path, WordEmbedder("new")) as store:
        assert await store.reembed() == 36
        assert await store.reembed() == 0


class Grown(WordEmbedder):
    """Says 256, gives 300: the model behind a name was exchanged."""

    async def embed(self, texts: Sequence[str]) -> Matrix:
        return np.zeros((len(texts), 300), np.float32)


async def test_vectors_of_another_length_than_the_embedder_says_are_refused(tmp_path: Path):
    async with opened(tmp_path, Grown()) as store:
        with pytest.raises(StoreUnavailable, match="300 dimensions"):
            await store.put([memory(1, "Ana likes tea")])
        assert await store.list() == []


async def test_what_the_store_of_items_deletes_or_changes_is_gone_or_new_here_too(tmp_path: Path):
    async with open_items(tmp_path / "store.db") as items:
        store = await SqliteMemories(items, WordEmbedder(), FakeClock()).open()
        await store.put([memory(1, "Ana likes tea"), memory(2, "Bo likes chess")])
        await items.adelete(NAMESPACE, "m1")
        await items.aput(NAMESPACE, "m2", to_json(memory(2, "Bo likes go")))
        with pytest.raises(NotFound):
            await store.get(MemoryId("m1"))
        assert await store.list() == [memory(2, "Bo likes go")]
        assert await store.search("chess") == [], "its vector was that of another text"


BAD: dict[str, dict[str, Any]] = {
    "no memory": {"text": "canary"},
    "another kind": to_json(memory(1, "canary")) | {"kind": "canary"},
    "sealed by nobody": {"sealed": 5},
    "cut off": {"sealed": "sealed:1:canary"},
    "short": {"sealed": "sealed:1:AAAA"},
    "another key": {"sealed": Sealed(b"o" * 32, "ada").close("canary", "another key")},
}


@pytest.mark.parametrize("seal", [Unsealed(), Sealed(b"k" * 32, "ada")], ids=["open", "sealed"])
async def test_an_item_that_is_no_memory_is_skipped_named_without_what_it_says_and_can_be_deleted(
    tmp_path: Path, seal: Seal, caplog: pytest.LogCaptureFixture
):
    async with open_items(tmp_path / "store.db") as items:
        for key, value in BAD.items():
            await items.aput(NAMESPACE, key, value)
        await items.aput(NAMESPACE, "m1", to_json(memory(1, "Ana likes tea")))
        store = await SqliteMemories(items, WordEmbedder(), FakeClock(), seal).open()
        assert await store.list() == [memory(1, "Ana likes tea")]
        await store.put([memory(2, "Bo likes chess")])
        assert [each.memory.id for each in await store.search("chess", limit=1)] == ["m2"]
        for key in BAD:
            assert repr(key) in caplog.text
            with pytest.raises(StoreUnavailable if key == "another key" else (NotFound, StoreUnavailable)):
                await store.get(MemoryId(key))
        assert "canary" not in caplog.text
        assert await store.delete([MemoryId(key) for key in BAD]) == len(BAD)
        assert {item.key for item in await items.asearch(NAMESPACE)} == {"m1", "m2"}
        with pytest.raises(NotFound):
            await store.get(MemoryId("another key"))


async def test_with_another_key_than_theirs_memories_are_neither_hidden_nor_added_to_but_can_be_deleted(
    tmp_path: Path,
):
    async with open_items(tmp_path / "store.db") as items:
        one, other = (Sealed(key * 32, "ada") for key in (b"k", b"o"))
        await (await SqliteMemories(items, WordEmbedder(), FakeClock(), one).open()).put([memory(1, "x")])
        store = await SqliteMemories(items, WordEmbedder(), FakeClock(), other).open()
        for asked in (store.list(), store.search("x"), store.put([memory(2, "y")])):
            with pytest.raises(StoreUnavailable, match="NEXUS_ENCRYPTION_KEY"):
                await asked
        assert await store.delete([MemoryId("m1"), MemoryId("m2")]) == 1
        assert await store.list() == []


async def test_two_processes_see_what_the_other_writes(tmp_path: Path):
    async with opened(tmp_path) as one, opened(tmp_path) as other:
        assert await other.list() == []
        await one.put([memory(1, "Ana likes tea")])
        assert [each.memory.id for each in await other.search("tea")] == ["m1"]
        await other.delete([MemoryId("m1")])
        assert await one.search("tea") == []


async def test_what_is_forgotten_stands_in_no_file_any_more(tmp_path: Path):
    secret = "zebra-4711"
    async with opened(tmp_path) as store:
        await store.put([memory(1, f"The word is {secret}")])
        await store.put([replace(memory(1, f"The word is not {secret}"), subject=secret)])
        assert await files_with(secret, tmp_path)
        assert await store.delete([MemoryId("m1"), MemoryId("gone")]) == 1
        assert not await files_with(secret, tmp_path)


async def test_what_has_expired_is_never_shown_and_deleted_at_the_next_write(tmp_path: Path):
    clock = FakeClock(NOW)
    async with opened(tmp_path, clock=clock) as store:
        await store.put([replace(memory(1, "Ana likes tea"), expires_at=NOW + timedelta(hours=1))])
        clock.advance(timedelta(hours=2))
        assert await store.list() == []
        assert await store.search("tea") == []
        await store.put([memory(2, "Bo likes chess")])
        assert not await files_with("Ana likes tea", tmp_path)


async def test_a_cancelled_write_is_a_cancel_and_locks_nobody_out(tmp_path: Path):
    async with open_items(tmp_path / "store.db") as items, opened(tmp_path) as other:
        store = await SqliteMemories(items, WordEmbedder(), FakeClock()).open()
        chance = random.Random(4)  # noqa: S311 - nothing secret
        for number in range(100):
            is_put = number % 5 > 0
            work = store.put([memory(number, "x")]) if is_put else store.delete([MemoryId(f"m{number - 1}")])
            writing = asyncio.create_task(work)
            await asyncio.wait({writing}, timeout=chance.uniform(0, 0.002))
            was_running = writing.cancel()
            (ended,) = await asyncio.gather(writing, return_exceptions=True)
            assert isinstance(ended, asyncio.CancelledError) is was_running
        await items.aput(("mine",), "key", {"a": 1})
        await other.put([memory(8, "Ana likes tea")])
        await store.put([memory(9, "Bo likes chess")])
        assert {"m8", "m9"} <= {each.id for each in await store.list()}


async def test_a_transaction_that_somebody_left_open_is_given_up(tmp_path: Path):
    async with open_items(tmp_path / "store.db") as items, opened(tmp_path) as other:
        store = await SqliteMemories(items, WordEmbedder(), FakeClock()).open()
        await items.conn.execute("BEGIN IMMEDIATE")
        await store.put([memory(1, "Ana likes tea")])
        await other.put([memory(2, "Bo likes chess")])
        assert {each.id for each in await store.list()} == {"m1", "m2"}
