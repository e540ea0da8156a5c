"""What an index over many tools costs: `python -m tests.bench.toolselect --speed 40000`."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nexus.core.tool import ToolSpec
from nexus.models.minilm import MiniLM
from nexus.ports.embeddings import Embedder, Matrix
from nexus.tools import search_text
from nexus.tools.index import HybridIndex
from nexus.tools.vectors import VectorCache
from tests.bench.toolselect_data import enlarged, load_catalogue, load_set
from tests.bench.toolselect_peers import DEPTH

CHANGED = 100
LOADS = 3
EMBEDDED = 2_048
"""Vectors that are really built, to tell how long all take; for the rest any vector of length one will do."""


class Timed:
    """An embedder that notes how long each call took, in milliseconds."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.name = embedder.name
        self.dimensions = embedder.dimensions
        self.taken: list[float] = []

    async def embed(self, texts: Sequence[str]) -> Matrix:
        started = time.perf_counter()
        vectors = await self._embedder.embed(texts)
        self.taken.append(1000 * (time.perf_counter() - started))
        return vectors


async def time_index(size: int) -> None:
    """Print the time to build, to load, to take in changes and to answer."""
    tools = enlarged(load_catalogue(), size)
    queries = [query.text for query in load_set("composio_handmade")[1]]
    embedder = MiniLM()
    await embedder.embed(["load the model"])
    print(f"\ntimings over {len(tools)} tools, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        await _time_build(tools, queries, embedder, Path(folder))
        _fill_up(tools, embedder, Path(folder))
        await _time_use(tools, queries, embedder, Path(folder))


async def _time_build(
    tools: Sequence[ToolSpec], queries: Sequence[str], embedder: Embedder, folder: Path
) -> None:
    enough = asyncio.Event()

    def progress(done: int, _: int) -> None:
        if done >= EMBEDDED:
            enough.set()

    index = HybridIndex(embedder, folder, on_progress=progress)
    _line("findable by words", await _seconds(index.update(tools)))
    started = time.perf_counter()
    await enough.wait()
    each = (time.perf_counter() - started) / EMBEDDED
    _line("vectors", f"{1 / each:8.0f} a second, so {each * len(tools):.0f} s for all, in the background")
    _line("query, while vectors are built", await _per_query(index, queries[:20], Timed(embedder)))
    await index.close()


def _fill_up(tools: Sequence[ToolSpec], embedder: Embedder, folder: Path) -> None:
    """Vectors for every tool that has none, without the minutes they take."""
    cache = VectorCache(embedder, folder)
    keys = [search_text.dense_key(tool) for tool in tools]
    absent = [key for key in keys if key not in cache]
    random = np.random.default_rng(7).normal(size=(len(absent), embedder.dimensions)).astype(np.float32)
    cache.add(absent, random / np.linalg.norm(random, axis=1, keepdims=True))
    cache.store(keys)


async def _time_use(
    tools: Sequence[ToolSpec], queries: Sequence[str], embedder: Embedder, folder: Path
) -> None:
    for _ in range(LOADS):
        await _time_load(HybridIndex(embedder, folder), tools)
    timed = Timed(embedder)
    index = HybridIndex(timed, folder)
    await _updated(index, tools)
    _line("query", await _per_query(index, queries, timed))
    _line("nothing changed", await _seconds(_updated(index, tools)))
    changed = [replace(tool, description=f"Now {tool.description}") for tool in tools[:CHANGED]]
    _line(f"{CHANGED} tools changed", await _seconds(_updated(index, [*changed, *tools[CHANGED:]])))
    await index.close()


async def _time_load(index: HybridIndex, tools: Sequence[ToolSpec]) -> None:
    _line("loaded, all findable", await _seconds(index.update(tools)))
    _line("and the first pass made", await _seconds(index.ready()))
    await index.close()


def _line(what: str, figure: str) -> None:
    print(f"  {what:32}{figure}", flush=True)


async def _updated(index: HybridIndex, tools: Sequence[ToolSpec]) -> None:
    await index.update(tools)
    await index.ready()


async def _seconds(work: Awaitable[None]) -> str:
    started, used = time.perf_counter(), time.process_time()
    await work
    return f"{time.perf_counter() - started:8.2f} s, {time.process_time() - used:.2f} s of processor time"


async def _per_query(index: HybridIndex, queries: Sequence[str], timed: Timed) -> str:
    await index.search(queries[0], limit=DEPTH)
    taken: list[float] = []
    timed.taken.clear()
    used = time.process_time()
    for query in queries:
        started = time.perf_counter()
        await index.search(query, limit=DEPTH)
        taken.append(1000 * (time.perf_counter() - started))
    used = 1000 * (time.process_time() - used) / len(queries)
    return (
        f"{statistics.median(taken):8.2f} ms p50, {sorted(taken)[int(0.95 * len(taken))]:.2f} ms p95, "
        f"{used:.2f} ms of processor time; "
        f"the request's own vectors {statistics.median(timed.taken or [0.0]):.2f} ms p50"
    )
