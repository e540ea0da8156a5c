"""How well memories are found, and how fast: `python -m tests.bench.recall locomo10.zip`.

On LoCoMo (Maharana et al., ACL 2024): ten conversations over months, with questions and the turns that answer
them. It is the one public set of long conversations that is a file of a repository: data/locomo10.zip of
snap-research/locomo (CC BY-NC 4.0: to measure with, never copied here). LongMemEval and MSC have to be had
from a hub. Nothing is tuned on it. What is kept is either every turn, or the observations that the set's
authors drew from the turns, which are like what Nexus keeps. Questions without an answer are left out.

Every system gets the same texts, one store a conversation, and the same embedding model, since LangMem has no
local one. mem0 is left out: it has a chat model rewrite what it keeps.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
import zipfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bm25s
import numpy as np
import Stemmer
from langgraph.store.memory import InMemoryStore

from graphs.memories import Memories
from nexus.core.memory import LONGEST, Memory, MemoryId, checked_text
from nexus.memory.sqlite import SqliteMemories
from nexus.models.cached_embedder import CachedEmbedder
from nexus.models.minilm import MiniLM
from nexus.ports.embeddings import Embedder
from nexus.store.items import open_items
from nexus.testing import FakeClock
from tests.bench.toolselect_peers import Remembering
from tests.contract.memory_places import Scattered

THEN = datetime(2026, 1, 1, tzinfo=UTC)
TOP = 5
UNANSWERABLE = 5
"""LoCoMo's category of questions that have no answer."""

Search = Callable[[str], Awaitable[Sequence[int]]]
"""The places of the best texts for a question, the best first."""


@dataclass(frozen=True)
class Conversation:
    """What there is to find: texts with the turns they are from, and questions with the turns that answer."""

    texts: Sequence[str]
    turns: Sequence[str]
    questions: Sequence[tuple[str, frozenset[str]]]


def conversations(path: Path, units: str) -> list[Conversation]:
    """Those of the set, with every turn or every observation as a text."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".json"))
        return [_conversation(json.loads(archive.read(name)), units) for name in names]


def _conversation(values: Mapping[str, Any], units: str) -> Conversation:
    pairs = _turns(values) if units == "turns" else _observations(values)
    kept = {turn for _, turn in pairs}
    questions = [
        (each["question"], frozenset(each["evidence"]) & kept)
        for each in values["qa"]
        if each["category"] != UNANSWERABLE
    ]
    texts = [checked_text(text[:LONGEST]) for text, _ in pairs]
    return Conversation(texts, [turn for _, turn in pairs], [each for each in questions if each[1]])


def _turns(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    sessions = [values[name] for name in values if name.startswith("session_") and name[8:].isdigit()]
    return [(f"{turn['speaker']}: {turn['text']}", turn["dia_id"]) for each in sessions for turn in each]


def _observations(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [values[name] for name in values if name.endswith("_observation")]
    lines = [line for each in found for of_speaker in each.values() for line in of_speaker]
    return [(text, turn) for text, turn in lines if isinstance(turn, str)]


async def bm25(conversation: Conversation, _stack: AsyncExitStack, _embedder: Embedder) -> Search:
    """Words alone, stemmed, without stop words."""
    stemmer, index = Stemmer.Stemmer("english"), bm25s.BM25()
    index.index(
        bm25s.tokenize(list(conversation.texts), stopwords="en", stemmer=stemmer, show_progress=False),
        show_progress=False,
    )

    async def search(question: str) -> Sequence[int]:
        asked = bm25s.tokenize([question], stopwords="en", stemmer=stemmer, show_progress=False)
        return index.retrieve(asked, k=TOP, show_progress=False)[0][0].tolist()

    return search


async def _kept(texts: Sequence[str], stack: AsyncExitStack, embedder: Embedder) -> Memories:
    folder = Path(stack.enter_context(TemporaryDirectory()))
    items = await stack.enter_async_context(open_items(folder / "store.db"))
    store = await SqliteMemories(items, embedder, FakeClock()).open()
    for start in range(0, len(texts), 500):
        piece = enumerate(texts[start : start + 500], start)
        await store.put(
            [Memory(MemoryId(str(place)), "fact", text, "person", THEN, THEN) for place, text in piece]
        )
    return Memories(store, FakeClock())


async def meaning(conversation: Conversation, stack: AsyncExitStack, embedder: Embedder) -> Search:
    """Nexus's store alone."""
    memories = await _kept(conversation.texts, stack, embedder)

    async def search(question: str) -> Sequence[int]:
        return [int(each.memory.id) for each in await memories.store.search(question, limit=TOP)]

    return search


async def nexus(conversation: Conversation, stack: AsyncExitStack, embedder: Embedder) -> Search:
    """As runs recall: by meaning and by shared words."""
    memories = await _kept(conversation.texts, stack, embedder)

    async def search(question: str) -> Sequence[int]:
        return [int(each.memory.id) for each in await memories.recall(question, limit=TOP)]

    return search


async def langmem(conversation: Conversation, _stack: AsyncExitStack, embedder: Embedder) -> Search:
    """LangMem's search tool as it is, over LangGraph's store with an index."""
    from langmem import create_search_memory_tool  # noqa: PLC0415 - only where it is installed

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        return (await embedder.embed(texts)).tolist()

    store = InMemoryStore(index={"dims": embedder.dimensions, "embed": embed})
    for place, text in enumerate(conversation.texts):
        await store.aput(("memories",), str(place), {"content": text})
    tool = create_search_memory_tool(("memories",), store=store)

    async def search(question: str) -> Sequence[int]:
        found = json.loads(await tool.ainvoke({"query": question, "limit": TOP}))
        return [int(each["key"]) for each in found]

    return search


SYSTEMS = {"BM25": bm25, "meaning alone": meaning, "LangMem": langmem, "Nexus": nexus}


async def quality(path: Path, units: str, embedder: Embedder) -> None:
    """Print the share of the answering turns among the best five, for each system."""
    every = conversations(path, units)
    asked = sum(len(each.questions) for each in every)
    print(f"\nLoCoMo, {units}: {sum(len(each.texts) for each in every)} texts, {asked} questions")
    for name, make in SYSTEMS.items():
        try:
            shares = [share for each in every for share in await _shares(each, make, embedder)]
        except ModuleNotFoundError as error:
            print(f"  {name:14} left out: {error.name} is not installed")
            continue
        print(f"  {name:14} recall@{TOP} {100 * statistics.fmean(shares):5.1f}")


async def _shares(conversation: Conversation, make: Any, embedder: Embedder) -> list[float]:
    async with AsyncExitStack() as stack:
        search: Search = await make(conversation, stack, embedder)
        shares: list[float] = []
        for question, answering in conversation.questions:
            found = {conversation.turns[place] for place in (await search(question))[:TOP]}
            shares.append(len(found & answering) / len(answering))
        return shares


async def speed(count: int = 10_000, times: int = 200) -> None:
    """Print how long a search among so many takes, without the embedding itself."""
    embedder = CachedEmbedder(Scattered(dimensions=384))
    async with AsyncExitStack() as stack:
        texts = [f"something that is remembered, number {number}" for number in range(count)]
        memories = await _kept(texts, stack, embedder)
        questions = [f"number {number}" for number in range(times)]
        for question in questions:  # remembered from here on
            await embedder.embed([question])
        for name, search in (("the store's search", memories.store.search), ("recall", memories.recall)):
            taken: list[float] = []
            for question in questions:
                began = time.perf_counter()
                await search(question)
                taken.append(1000 * (time.perf_counter() - began))
            p50, p95 = np.percentile(taken, [50, 95])
            print(f"{name} among {count}: p50 {p50:.1f} ms, p95 {p95:.1f} ms")


async def main() -> None:
    """Both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("locomo", type=Path, nargs="?", help="data/locomo10.zip of snap-research/locomo")
    given = parser.parse_args()
    await speed()
    if given.locomo is not None:
        embedder = Remembering(MiniLM())
        for units in ("observations", "turns"):
            await quality(given.locomo, units, embedder)


if __name__ == "__main__":
    asyncio.run(main())
