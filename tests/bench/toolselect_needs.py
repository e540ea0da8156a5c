"""What splitting a request into needs is worth: by its punctuation, and by a model under a grammar."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from string import Template
from typing import Any, Final

from graphs.needs import merged, needs_in
from graphs.writing import Writer
from nexus.errors import OutputCut, OutputInvalid
from nexus.models.embedded import EmbeddedModel
from nexus.models.engine import EmbeddedEngine
from nexus.ports.model import ChatMessage
from nexus.tools.index import HybridIndex
from tests.bench.toolselect_data import Query, load_set, sample
from tests.bench.toolselect_figures import columns, measure
from tests.bench.toolselect_peers import DEPTH, Remembering, Search

MOST_NEEDS = 4
NEED_TOKENS = 160

_PROMPT = Template(
    """\
Split the request into the separate things that have to be done, in order: one to four. Write each as a \
short phrase that can be understood alone, with the app or service it is about. Leave out names, numbers \
and texts. One thing stays one phrase.

Request: Look up the invoice of Berg Ltd in my mail and put its total of 310 euros into the budget sheet
{"needs": ["search e-mails for an invoice", "add a row to a spreadsheet"]}

Request: Tell Eva that I am late
{"needs": ["send a message to a person"]}

Request: I am going to Oslo next week. How warm will it be there, what does a flight cost, and can you \
block the days in my calendar?
{"needs": ["get the weather forecast of a city", "search flight prices", "create a calendar event"]}

Request: $request"""
)
_NEEDS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "needs": {
            "type": "array",
            "items": {"type": "string", "minLength": 3, "maxLength": 100},
            "minItems": 1,
            "maxItems": MOST_NEEDS,
        }
    },
    "required": ["needs"],
    "additionalProperties": False,
}


async def measure_needs(
    weights: Path, names: Sequence[str], most: int, embedder: Remembering, folder: Path
) -> None:
    """Print recall with and without splitting, for requests that need several tools and for others."""
    model = EmbeddedModel(EmbeddedEngine(weights, num_ctx=2048), name=weights.stem)
    print(f"\nsplitting by {weights.stem}")
    for name in names:
        tools, queries = load_set(name)
        index = HybridIndex(embedder, folder / name)
        await index.update(tools)
        await index.ready()
        for several in (True, False):
            chosen = sample([query for query in queries if (len(query.needed) > 1) is several], most)
            if chosen:
                print(f"{name}: {len(chosen)} requests for {'several tools' if several else 'one tool'}")
                await _compare(index, chosen, model)
        await index.close()
    await model.close()


async def _compare(index: HybridIndex, queries: Sequence[Query], model: EmbeddedModel) -> None:
    needs: dict[str, list[str]] = {}
    started = time.perf_counter()
    for query in queries:
        needs[query.text] = await _needs_by_model(Writer(model), query.text)
    seconds = (time.perf_counter() - started) / len(queries)
    ways: dict[str, Callable[[str], Sequence[str]]] = {
        "the request": lambda text: [text],
        "and its pieces": lambda text: [text, *needs_in(text)],
        "and the model's needs": lambda text: [text, *_several(needs[text])],
        "and those, if in pieces": lambda text: [text, *(_several(needs[text]) if needs_in(text) else ())],
        "the model's needs alone": lambda text: needs[text],
    }
    for way, split in ways.items():
        print(f"  {way:26}{columns(await measure(_searching(index, split), queries))}", flush=True)
    compound = sum(bool(needs_in(query.text)) for query in queries)
    print(f"  {seconds:.1f} s a request; {compound} of {len(queries)} look compound", flush=True)


def _several(needs: Sequence[str]) -> Sequence[str]:
    return needs if len(needs) > 1 else ()


def _searching(index: HybridIndex, split: Callable[[str], Sequence[str]]) -> Search:
    async def search(text: str) -> Sequence[str]:
        lists = [await index.search(need, limit=DEPTH) for need in split(text)]
        return [hit.slug for hit in merged(lists, DEPTH)]

    return search


async def _needs_by_model(write: Writer, request: str) -> list[str]:
    """The atomic needs of a request as the model reads it; by its punctuation if the model fails."""
    prompt = [ChatMessage("user", _PROMPT.substitute(request=request))]
    try:
        return list((await write(prompt, _NEEDS, NEED_TOKENS))["needs"])
    except (OutputCut, OutputInvalid):
        return needs_in(request)
