"""Recall and nDCG of a search, in percent."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from tests.bench.toolselect_data import Query
from tests.bench.toolselect_peers import Search


async def measure(search: Search, queries: Sequence[Query]) -> list[float]:
    """Recall at 1, 5, 10 and 20 and nDCG at 10, in percent."""
    rows = [figures(await search(query.text), query) for query in queries]
    return [100 * statistics.fmean(column) for column in zip(*rows, strict=True)]


def figures(found: Sequence[str], query: Query) -> list[float]:
    """Recall at 1, 5, 10 and 20 and nDCG at 10 of one query."""
    place = {slug: rank for rank, slug in enumerate(found)}
    ranks = [min((place[slug] for slug in group if slug in place), default=10**6) for group in query.needed]
    gain = sum(1 / math.log2(rank + 2) for rank in ranks if rank < 10)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(len(ranks), 10)))
    return [*(sum(rank < depth for rank in ranks) / len(ranks) for depth in (1, 5, 10, 20)), gain / ideal]


def columns(row: Sequence[float]) -> str:
    """Figures under the head of the table."""
    return "".join(f"{value:8.1f}" for value in row[:-1]) + f"{row[-1]:9.1f}"
