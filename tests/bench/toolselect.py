"""Recall and speed of the tool index beside plain alternatives: `python -m tests.bench.toolselect`."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bm25s
import numpy as np

from nexus.core.tool import ToolSpec
from nexus.models.minilm import MiniLM
from nexus.ports.embeddings import Embedder, Matrix
from nexus.tools import search_text
from nexus.tools.index import HybridIndex

SETS = ("metatool", "bfcl_nonlive", "sealtools", "stabletoolbench", "toollinkos", "composio_handmade")
DEPTH = 20
POOL = 100
MOST_QUERIES = 1000
Search = Callable[[str], Awaitable[Sequence[str]]]
"""The slugs found for a query, best first."""


@dataclass(frozen=True)
class Query:
    """A request and, for each tool it needs, the slugs that satisfy it."""

    text: str
    needed: tuple[frozenset[str], ...]


def shared_folder() -> Path:
    """Where the data to measure with lies: NEXUS_SHARED, or `shared` beside the checkout."""
    return Path(os.environ.get("NEXUS_SHARED") or Path(__file__).resolve().parents[3] / "shared")


def load_set(name: str, half: int | None = None) -> tuple[list[ToolSpec], list[Query]]:
    """The tools and at most 1,000 queries of a data set; of one half of its queries if asked."""
    data = json.loads((shared_folder() / "data" / "toolselect" / f"{name}.json").read_text("utf-8"))
    queries = data["queries"]
    if len(queries) > MOST_QUERIES:
        queries = random.Random(7).sample(queries, MOST_QUERIES)  # noqa: S311 - the sample of earlier figures
    parsed = [Query(query["q"], _needed(query)) for query in queries]
    return [_spec(tool) for tool in data["tools"]], parsed if half is None else parsed[half::2]


def load_catalogue() -> list[ToolSpec]:
    """The tools of the real catalogue, for timings."""
    lines = (shared_folder() / "data" / "composio" / "catalog.jsonl").read_text("utf-8").splitlines()
    tools = [json.loads(line) for line in lines]
    return [_spec({**tool, "id": tool["slug"], "parameters": tool.get("input_parameters")}) for tool in tools]


def _needed(query: dict[str, Any]) -> tuple[frozenset[str], ...]:
    groups = query.get("gold_any") or [[slug] for slug in query["gold"]]
    return tuple(dict.fromkeys(frozenset(group) for group in groups))


def _spec(tool: dict[str, Any]) -> ToolSpec:
    return ToolSpec(
        slug=tool["id"],
        toolkit=tool.get("toolkit") or "",
        title=tool["name"],
        description=tool.get("description") or "",
        parameters=tool.get("parameters") or {"type": "object"},
    )


class Remembering:
    """An embedder that embeds each text once, so that every engine of a run shares the vectors."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Matrix] = {}

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    async def embed(self, texts: Sequence[str]) -> Matrix:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, await self._embedder.embed(new), strict=True))
        return np.array([self._known[text] for text in texts], np.float32)


def words_alone(tools: Sequence[ToolSpec]) -> Search:
    """bm25s as its README shows it, over `name: description`."""
    index = bm25s.BM25()
    documents = [f"{tool.title}: {tool.description}" for tool in tools]
    index.index(bm25s.tokenize(documents, stopwords="en", show_progress=False), show_progress=False)

    async def search(query: str) -> Sequence[str]:
        tokens: Any = bm25s.tokenize(query, stopwords="en", show_progress=False)
        if not tokens.ids[0]:
            return ()
        found, scores = index.retrieve(tokens, k=min(POOL, len(tools)), show_progress=False)
        return [tools[place].slug for place, score in zip(found[0], scores[0], strict=True) if score > 0]

    return search


async def meaning_alone(tools: Sequence[ToolSpec], embedder: Embedder) -> Search:
    """MiniLM's cosine alone, over the texts our index embeds."""
    matrix = await embedder.embed([search_text.dense_text(tool) for tool in tools])

    async def search(query: str) -> Sequence[str]:
        scores = matrix @ (await embedder.embed([query]))[0]
        return [tools[place].slug for place in np.argsort(-scores, kind="stable")[:POOL]]

    return search


def reciprocal_ranks(searches: Sequence[Search]) -> Search:
    """The usual fusion of ranked lists, k = 60."""

    async def search(query: str) -> Sequence[str]:
        scores: dict[str, float] = {}
        for each in searches:
            for rank, slug in enumerate(await each(query), start=1):
                scores[slug] = scores.get(slug, 0.0) + 1 / (60 + rank)
        return sorted(scores, key=lambda slug: -scores[slug])

    return search


def ours(index: HybridIndex) -> Search:
    """Our index, through its public interface."""

    async def search(query: str) -> Sequence[str]:
        return [hit.slug for hit in await index.search(query, limit=DEPTH)]

    return search


async def measure(search: Search, queries: Sequence[Query]) -> list[float]:
    """Recall at 1, 5, 10 and 20 and nDCG at 10, in percent."""
    rows = [_figures(await search(query.text), query) for query in queries]
    return [100 * statistics.fmean(column) for column in zip(*rows, strict=True)]


def _figures(found: Sequence[str], query: Query) -> list[float]:
    place = {slug: rank for rank, slug in enumerate(found)}
    ranks = [min((place[slug] for slug in group if slug in place), default=10**6) for group in query.needed]
    gain = sum(1 / math.log2(rank + 2) for rank in ranks if rank < 10)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(len(ranks), 10)))
    return [*(sum(rank < depth for rank in ranks) / len(ranks) for depth in (1, 5, 10, 20)), gain / ideal]


async def compare(name: str, embedder: Embedder, half: int | None) -> None:
    """Print the figures of every engine on one data set, and how ours relates to the best other."""
    tools, queries = load_set(name, half)
    with tempfile.TemporaryDirectory() as folder:
        index = HybridIndex(embedder, Path(folder))
        await index.update(tools)
        words_only = await measure(ours(index), queries)
        await index.ready()
        words, meaning = words_alone(tools), await meaning_alone(tools, embedder)
        peers = {
            "BM25 (bm25s, README)": await measure(words, queries),
            "MiniLM alone": await measure(meaning, queries),
            "RRF of both": await measure(reciprocal_ranks([words, meaning]), queries),
        }
        figures = await measure(ours(index), queries)
        await index.close()
    print(f"\n{name}: {len(tools)} tools, {len(queries)} queries")
    print(f"  {'':24}{'R@1':>8}{'R@5':>8}{'R@10':>8}{'R@20':>8}{'nDCG@10':>9}{'ours/it (nDCG)':>16}")
    rows = {**peers, "ours, before vectors": words_only, "ours": figures}
    for engine, row in rows.items():
        print(f"  {engine:24}{_columns(row)}{figures[-1] / row[-1]:15.2f}x")


def _columns(row: Sequence[float]) -> str:
    return "".join(f"{value:8.1f}" for value in row[:-1]) + f"{row[-1]:9.1f}"


async def time_catalogue(copies: int) -> None:
    """Print what the whole catalogue costs: build, incremental update, load, query."""
    tools = _enlarged(load_catalogue(), copies)
    queries = [query.text for query in load_set("composio_handmade")[1]]
    embedder = MiniLM()
    await embedder.embed(["load the model"])
    print(f"\ntimings over {len(tools)} tools, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        first = HybridIndex(embedder, Path(folder))
        print(f"  findable by words      {await _seconds(first.update(tools)):8.2f} s")
        print(f"  query, words alone     {await _milliseconds(first, queries)}")
        print(f"  vectors built          {await _seconds(first.ready()):8.2f} s")
        print(f"  nothing changed        {await _seconds(first.update(tools)):8.2f} s")
        changed = [replace(tools[0], description="Something else entirely."), *tools[1:]]
        print(f"  one tool changed       {await _seconds(_updated(first, changed)):8.2f} s")
        await first.close()
        second = HybridIndex(embedder, Path(folder))
        print(f"  loaded from its cache  {await _seconds(_updated(second, changed)):8.2f} s")
        print(f"  query                  {await _milliseconds(second, queries)}")
        await second.close()


def _enlarged(tools: list[ToolSpec], copies: int) -> list[ToolSpec]:
    return [
        replace(tool, slug=f"{tool.slug}_{copy}" if copy else tool.slug)
        for copy in range(copies)
        for tool in tools
    ]


async def _updated(index: HybridIndex, tools: Sequence[ToolSpec]) -> None:
    await index.update(tools)
    await index.ready()


async def _seconds(work: Awaitable[None]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def _milliseconds(index: HybridIndex, queries: Sequence[str]) -> str:
    taken: list[float] = []
    for query in queries:
        started = time.perf_counter()
        await index.search(query, limit=DEPTH)
        taken.append(1000 * (time.perf_counter() - started))
    taken.sort()
    return f"{statistics.median(taken):8.2f} ms p50, {taken[int(0.95 * len(taken))]:.2f} ms p95"


async def main() -> None:
    """Parse the command line and print everything asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default=",".join(SETS), help="data sets to compare on, comma-separated")
    parser.add_argument("--half", type=int, choices=(0, 1), help="only every other query, from this one on")
    parser.add_argument("--copies", type=int, default=1, help="catalogue size of the timings, in catalogues")
    parser.add_argument("--no-timings", action="store_true", help="skip the timings over the catalogue")
    options = parser.parse_args()
    embedder = Remembering(MiniLM())
    for name in filter(None, options.sets.split(",")):
        await compare(name, embedder, options.half)
    if not options.no_timings:
        await time_catalogue(options.copies)


if __name__ == "__main__":
    asyncio.run(main())
