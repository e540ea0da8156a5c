"""What splitting a request into needs is worth: by its punctuation, by a model under a grammar, by people."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from graphs.needs import merged, needs_by_model, needs_in
from graphs.tool_select import POOL
from graphs.writing import Writer
from nexus.models.embedded import EmbeddedModel
from nexus.models.engine import EmbeddedEngine
from nexus.tools.index import HybridIndex
from tests.bench.toolselect_data import Query, load_set, sample
from tests.bench.toolselect_figures import columns, measure
from tests.bench.toolselect_peers import DEPTH, Remembering, Search

Split = Callable[[Query], Sequence[str]]
"""What is searched for: the first text, then others; a tool counts by the first and by that it fits best."""


async def measure_needs(
    weights: Path | None, names: Sequence[str], most: int, embedder: Remembering, folder: Path
) -> None:
    """Print recall with and without splitting, for requests that need several tools and for others."""
    model = EmbeddedModel(EmbeddedEngine(weights, num_ctx=2048), name=weights.stem) if weights else None
    for name in names:
        tools, queries = load_set(name)
        index = HybridIndex(embedder, folder / name)
        await index.update(tools)
        await index.ready()
        for several in (True, False):
            chosen = sample([query for query in queries if (len(query.needed) > 1) is several], most)
            if chosen:
                print(f"\n{name}: {len(chosen)} requests for {'several tools' if several else 'one tool'}")
                await _compare(index, chosen, model)
        await index.close()
    if model is not None:
        await model.close()


async def _compare(index: HybridIndex, queries: Sequence[Query], model: EmbeddedModel | None) -> None:
    ways: dict[str, Split] = {
        "the request": lambda query: [query.text],
        "and its pieces": lambda query: [query.text, *needs_in(query.text)],
    }
    if any(query.steps for query in queries):
        ways["and the steps people wrote"] = lambda query: [query.text, *query.steps]
    if model is not None:
        needs = await _needs_of(queries, model)
        ways["and the model's needs"] = lambda query: [query.text, *needs[query.text]]
        ways["the model's needs alone"] = lambda query: needs[query.text]
    for way, split in ways.items():
        print(f"  {way:28}{columns(await measure_split(index, split, queries))}", flush=True)
    compound = sum(bool(needs_in(query.text)) for query in queries)
    print(f"  {compound} of {len(queries)} look compound", flush=True)


async def measure_split(index: HybridIndex, split: Split, queries: Sequence[Query]) -> list[float]:
    """Recall and nDCG of the shortlist, as the tool-select node makes it of the pieces."""
    by_text = {query.text: query for query in queries}
    return await measure(_searching(index, lambda text: split(by_text[text])), queries)


async def _needs_of(queries: Sequence[Query], model: EmbeddedModel) -> dict[str, list[str]]:
    started = time.perf_counter()
    needs = {query.text: await needs_by_model(Writer(model), query.text) for query in queries}
    print(f"  {(time.perf_counter() - started) / len(queries):.1f} s a request for the model to split it")
    return needs


def _searching(index: HybridIndex, split: Callable[[str], Sequence[str]]) -> Search:
    async def search(text: str) -> Sequence[str]:
        whole, *needs = [await index.search(need, limit=POOL) for need in split(text)]
        return [hit.slug for hit in merged(whole, needs, DEPTH)]

    return search
