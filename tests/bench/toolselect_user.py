"""What it is worth to know the user: requests that tools have served, and the apps that are connected."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from nexus.ports.index import Scope
from nexus.tools.index import HybridIndex
from tests.bench.toolselect_data import Query, load_merged, load_set, sample
from tests.bench.toolselect_figures import columns, measure
from tests.bench.toolselect_peers import Remembering, ours

CONNECTED = 8
"""Apps a user has connected: those the request needs, the others drawn from the rest."""

USED = 20
"""Tools of the user who has used only some."""


async def measure_experience(embedder: Remembering, folder: Path) -> None:
    """Held-out requests of MetaTool, with 0 to 5 others that each tool has served.

    Once with experience of every tool, once of `USED` tools, then apart for requests to the others: what
    is learnt about some tools must not push the others out.
    """
    tools, queries = load_set("metatool", most=4000)
    by_tool: dict[str, list[str]] = {}
    for query in queries[::2]:
        by_tool.setdefault(next(iter(query.needed[0])), []).append(query.text)
    held_out = sample(queries[1::2], 600)
    index = HybridIndex(embedder, folder)
    await index.update(tools)
    await index.ready()
    some = random.Random(7).sample(sorted(by_tool), USED)  # noqa: S311 - no secret
    asked = {
        "every tool": (list(by_tool), held_out),
        f"{USED} tools, requests to them": (some, _to(some, held_out, wanted=True)),
        f"{USED} tools, requests to others": (some, _to(some, held_out, wanted=False)),
    }
    for name, (known, wanted) in asked.items():
        print(f"\nmetatool, experience of {name}: {len(wanted)} held-out queries")
        for count in (0, 1, 3, 5):
            scope = Scope(examples={tool: by_tool[tool][:count] for tool in known})
            print(f"  {count} examples a tool      {columns(await measure(ours(index, scope), wanted))}")
    await index.close()


def _to(tools: Sequence[str], queries: Sequence[Query], *, wanted: bool) -> list[Query]:
    return [query for query in queries if any(tool in query.needed[0] for tool in tools) is wanted]


async def measure_scope(embedder: Remembering, folder: Path, half: int | None) -> None:
    """Requests of people with connected apps, over every tool there is."""
    tools = load_merged()
    _, queries = load_set("composio_handmade", half)
    index = HybridIndex(embedder, folder)
    await index.update(tools)
    await index.ready()
    toolkit = {tool.slug: tool.toolkit for tool in tools}
    apps = sorted({tool.toolkit for tool in load_set("composio_handmade")[0]})
    print(f"\ncomposio_handmade, {len(tools)} tools, {CONNECTED} connected apps")
    for kind in ("app", "tail", "implicit", "multi"):
        chosen = [query for query in queries if query.kind == kind]
        print(f"  {kind}: {len(chosen)} queries")
        print(f"    nothing known  {columns(await measure(ours(index), chosen))}")
        rows = [
            await measure(ours(index, Scope(connected=_connected(query, toolkit, apps))), [query])
            for query in chosen
        ]
        means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        print(f"    connected      {columns(means)}")
    await index.close()


def _connected(query: Query, toolkit: dict[str, str], apps: Sequence[str]) -> frozenset[str]:
    needed = {toolkit[min(group)] for group in query.needed}
    others = random.Random(query.text).sample(apps, CONNECTED)  # noqa: S311 - no secret
    return frozenset([*needed, *others][:CONNECTED])
