"""The data sets that tool selection is measured with, read where they lie."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nexus.core.tool import ToolSpec

SETS = ("metatool", "bfcl_nonlive", "sealtools", "stabletoolbench", "toollinkos", "composio_handmade")
MOST_QUERIES = 1000


@dataclass(frozen=True)
class Query:
    """A request and, for each tool it needs, the slugs that satisfy it; its steps, if a person wrote them."""

    text: str
    needed: tuple[frozenset[str], ...]
    kind: str = ""
    steps: tuple[str, ...] = ()


def shared_folder() -> Path:
    """Where the data to measure with lies: NEXUS_SHARED, or `shared` beside the checkout."""
    return Path(os.environ.get("NEXUS_SHARED") or Path(__file__).resolve().parents[3] / "shared")


def load_set(
    name: str, half: int | None = None, *, most: int = MOST_QUERIES
) -> tuple[list[ToolSpec], list[Query]]:
    """The tools and at most `most` queries of a data set; of one half of these if asked."""
    data = json.loads((shared_folder() / "data" / "toolselect" / f"{name}.json").read_text("utf-8"))
    queries = sample(data["queries"], most)
    parsed = [_query(query) for query in queries]
    chosen = [query for query in parsed if half is None or _half_of(query.text) == half]
    return [_spec(tool) for tool in data["tools"]], chosen


def sample(queries: list[Any], most: int) -> list[Any]:
    """At most so many of them, always the same ones."""
    return queries if len(queries) <= most else random.Random(7).sample(queries, most)  # noqa: S311 - no secret


def load_catalogue() -> list[ToolSpec]:
    """The tools of the real catalogue."""
    lines = (shared_folder() / "data" / "composio" / "catalog.jsonl").read_text("utf-8").splitlines()
    tools = [json.loads(line) for line in lines]
    return [_spec({**tool, "id": tool["slug"], "parameters": tool.get("input_parameters")}) for tool in tools]


def load_merged() -> list[ToolSpec]:
    """The tools of every set and of the catalogue; of two with one slug the longer described."""
    merged: dict[str, ToolSpec] = {}
    for tool in [*(tool for name in SETS for tool in load_set(name)[0]), *load_catalogue()]:
        if tool.slug not in merged or len(tool.description) > len(merged[tool.slug].description):
            merged[tool.slug] = tool
    return list(merged.values())


def enlarged(tools: Sequence[ToolSpec], size: int) -> list[ToolSpec]:
    """`size` tools, varied from these; for timings only."""
    return [_variant(tools[number % len(tools)], number // len(tools)) for number in range(size)]


def _variant(tool: ToolSpec, copy: int) -> ToolSpec:
    if copy == 0:
        return tool
    return replace(tool, slug=f"{tool.slug}_{copy}", description=f"Variant {copy}. {tool.description}")


def _half_of(text: str) -> int:
    """Which half a query belongs to, 0 to choose constants on and 1 to check them: by its text alone."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[0] & 1


def _query(query: dict[str, Any]) -> Query:
    return Query(query["q"], _needed(query), query.get("kind", ""), tuple(query.get("steps", ())))


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
