"""Tool selection measured beside plain alternatives: `python -m tests.bench.toolselect`."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nexus.core.tool import ToolSpec
from nexus.models.minilm import MiniLM
from nexus.tools.index import HybridIndex
from tests.bench.toolselect_data import SETS, Query, load_merged, load_set, sample, shared_folder
from tests.bench.toolselect_figures import columns, measure
from tests.bench.toolselect_needs import measure_needs
from tests.bench.toolselect_peers import (
    Remembering,
    Search,
    bigtool,
    meaning_alone,
    ours,
    reciprocal_ranks,
    tuned_words,
    words_alone,
)
from tests.bench.toolselect_recall import first_pass_recall
from tests.bench.toolselect_speed import time_index
from tests.bench.toolselect_user import measure_experience, measure_scope

__all__ = ["SETS", "Query", "load_set", "measure", "ours", "shared_folder"]

OURS = "Nexus"
FEW = 100
"""Queries of each set that an exact search is made for too."""


async def engines(tools: Sequence[ToolSpec], embedder: Remembering) -> dict[str, Search]:
    """Every other way to search these tools."""
    plain, tuned = words_alone(tools), tuned_words(tools)
    meaning = await meaning_alone(tools, embedder)
    return {
        "BM25 (bm25s, README)": plain,
        "BM25 (split, stemmed)": tuned,
        "MiniLM alone": meaning,
        "RRF(README BM25, MiniLM)": reciprocal_ranks([plain, meaning]),
        "RRF(split BM25, MiniLM)": reciprocal_ranks([tuned, meaning]),
        "langgraph-bigtool": await bigtool(tools, embedder),
    }


async def compare(
    tools: Sequence[ToolSpec], sets: dict[str, list[Query]], embedder: Remembering, folder: Path
) -> None:
    """Print the figures of every engine over one catalogue, for each set of queries."""
    peers = await engines(tools, embedder)
    index = HybridIndex(embedder, folder)
    await index.update(tools)
    await index.ready()
    for name, queries in sets.items():
        await embedder.embed([query.text for query in queries])
        embedder.keep()
        print(f"\n{name}: {len(tools)} tools, {len(queries)} queries")
        print(f"  {'':26}{'R@1':>8}{'R@5':>8}{'R@10':>8}{'R@20':>8}{'nDCG@10':>9}")
        rows = {engine: await measure(search, queries) for engine, search in peers.items()}
        mine = await measure(ours(index), queries)
        for engine, row in {**rows, OURS: mine}.items():
            print(f"  {engine:26}{columns(row)}")
        ahead = [value - max(row[place] for row in rows.values()) for place, value in enumerate(mine)]
        print(f"  {'ahead of the best other':26}{columns(ahead)}", flush=True)
    await index.close()


async def alone(names: Sequence[str], asked: argparse.Namespace, embedder: Remembering, folder: Path) -> None:
    """Each set over its own tools."""
    for name in names:
        tools, queries = load_set(name, asked.half)
        await compare(tools, {name: sample(queries, asked.queries)}, embedder, folder / name)


async def together(
    names: Sequence[str], asked: argparse.Namespace, embedder: Remembering, folder: Path
) -> None:
    """Each set over the tools of all sets and of the whole catalogue."""
    sets = {name: sample(load_set(name, asked.half)[1], asked.queries) for name in names}
    tools = load_merged()
    await compare(tools, sets, embedder, folder)
    queries = [query.text for name in names for query in sets[name][:FEW]]
    same = await first_pass_recall(tools, queries, embedder)
    print(f"\nfirst pass: {same:.2f} % of the best 20 are those of an exact search, {len(queries)} queries")


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default=",".join(SETS), help="data sets to compare on, comma-separated")
    parser.add_argument(
        "--half", type=int, choices=(0, 1), help="only the queries of this half: 0 to choose on, 1 to check"
    )
    parser.add_argument("--queries", type=int, default=1000, help="at most so many queries of each set")
    parser.add_argument("--merged", action="store_true", help="all tools in one catalogue instead of alone")
    parser.add_argument("--speed", type=int, metavar="TOOLS", help="instead: timings over so many tools")
    parser.add_argument("--experience", action="store_true", help="instead: what approved requests are worth")
    parser.add_argument("--scope", action="store_true", help="instead: what connected apps are worth")
    parser.add_argument("--decompose", action="store_true", help="instead: what splitting requests is worth")
    parser.add_argument("--weights", type=Path, metavar="GGUF", help="with --decompose: also by this model")
    parser.add_argument("--vectors", type=Path, help="a .npz file to share vectors between runs")
    return parser.parse_args()


async def main() -> None:
    """Print everything asked for."""
    options = parsed()
    if options.speed:
        await time_index(options.speed)
        return
    embedder = Remembering(MiniLM(), options.vectors)
    names = [name for name in options.sets.split(",") if name]
    with tempfile.TemporaryDirectory() as folder:
        if options.experience:
            await measure_experience(embedder, Path(folder))
        elif options.scope:
            await measure_scope(embedder, Path(folder), options.half)
        elif options.decompose:
            await measure_needs(options.weights, names, options.queries, embedder, Path(folder))
        elif options.merged:
            await together(names, options, embedder, Path(folder))
        else:
            await alone(names, options, embedder, Path(folder))
    embedder.keep()


if __name__ == "__main__":
    asyncio.run(main())
