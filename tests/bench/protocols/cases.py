"""Cases of the protocol bench: requests with a fitting tool, and the same ones with tools that do not fit."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nexus.core.tool import ToolSpec
from nexus.models.minilm import MiniLM
from nexus.ports.embeddings import Matrix

DATA = Path(__file__).parents[4] / "shared" / "data" / "toolselect" / "bfcl_nonlive.json"

SAME_PURPOSE = 0.5
"""Cosine of two tools' texts (MiniLM) from which on they may serve the same purpose: such tools are never
offered as ones that do not fit. Read off 40 pairs: at 0.5 to 0.55 all differed in purpose."""

Half = Literal["dev", "held-out"]
Fit = Literal["fits", "near", "far"]
"""fits: the tools offered with the request in the data. near: tools for something else that are the most like
the request; far: tools for something else, without regard to the request."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request and the tools that are offered for it.

    Attributes:
        id: The place of the request in the data, and what is offered with it.
        gold: The tool that serves it; None if no offered tool does.
        accepted: For each argument of `gold`, the values that are right; `""` among them: may be left out.
    """

    id: str
    fit: Fit
    request: str
    tools: Sequence[ToolSpec]
    gold: str | None
    accepted: Mapping[str, Sequence[Any]]


async def load_cases(half: Half, limit: int, *, data: Path = DATA) -> list[Case]:
    """For each of `limit` requests of a half of the data (dev: even places), one case of each `Fit`.

    The requests are those with one needed call and known arguments, those that offer several tools and those
    that offer one by turns, in an order that mixes subjects; a larger limit only adds cases. Where the data
    has another tool of the same name than the one that the arguments are for, nobody could be right.
    """
    content = json.loads(await asyncio.to_thread(data.read_text, "utf-8"))
    specs = {tool["id"]: _spec(tool) for tool in content["tools"]}
    queries = [
        (place, query)
        for place, query in enumerate(content["queries"])
        if "args" in query and query["args"].keys() <= _names(specs[query["gold"][0]])
    ]
    misfits = await _misfits([query for _, query in queries], specs)
    cases = [
        (place, len(query["offered"]) > 1, _cases(place, query, offered, specs))
        for (place, query), offered in zip(queries, misfits, strict=True)
        if place % 2 == (half == "held-out")
    ]
    several = [found for _, many, found in cases if many]
    single = [found for _, many, found in cases if not many]
    by_turns = [found for pair in zip(_mixed(several), _mixed(single), strict=False) for found in pair]
    return [case for found in by_turns[:limit] for case in found]


def _names(spec: ToolSpec) -> Collection[str]:
    return spec.parameters.get("properties", {}).keys()


def _mixed(found: Sequence[list[Case]]) -> list[list[Case]]:
    return sorted(found, key=lambda cases: hashlib.sha256(cases[0].request.encode()).digest())


def _cases(
    place: int, query: Mapping[str, Any], misfits: Mapping[Fit, Sequence[str]], specs: Mapping[str, ToolSpec]
) -> list[Case]:
    offered: Mapping[Fit, Sequence[str]] = {"fits": query["offered"], **misfits}
    return [
        Case(
            id=f"{place}-{fit}",
            fit=fit,
            request=query["q"],
            tools=[specs[tool] for tool in tools],
            gold=specs[query["gold"][0]].slug if fit == "fits" else None,
            accepted=query["args"] if fit == "fits" else {},
        )
        for fit, tools in offered.items()
    ]


async def _misfits(
    queries: Sequence[Mapping[str, Any]], specs: Mapping[str, ToolSpec]
) -> list[dict[Fit, Sequence[str]]]:
    """For each query, offers of others without a tool like one of its own: the nearest, and a far one."""
    embedder = MiniLM()
    ids = list(dict.fromkeys(tool for query in queries for tool in query["offered"]))
    tools = await embedder.embed([purpose(specs[tool]) for tool in ids])
    requests = await embedder.embed([query["q"] for query in queries])
    rows = {tool: row for row, tool in enumerate(ids)}
    return [_misfits_of(number, queries, tools, requests[number], rows) for number in range(len(queries))]


def _misfits_of(
    number: int, queries: Sequence[Mapping[str, Any]], tools: Matrix, request: Any, rows: Mapping[str, int]
) -> dict[Fit, Sequence[str]]:
    own = tools[[rows[tool] for tool in queries[number]["offered"]]]
    alike: Any = (tools @ own.T).max(axis=1) >= SAME_PURPOSE
    likeness: Any = tools @ request
    several = len(queries[number]["offered"]) > 1
    strange = [
        query["offered"]
        for query in queries
        if (len(query["offered"]) > 1) == several and not any(alike[rows[tool]] for tool in query["offered"])
    ]
    near = max(strange, key=lambda offered: max(likeness[rows[tool]] for tool in offered))
    return {"near": near, "far": strange[(number * 37) % len(strange)]}


def purpose(spec: ToolSpec) -> str:
    """What is compared to tell whether two tools may serve the same purpose."""
    return f"{_words(spec.slug)}. {spec.description}"


def _spec(tool: Mapping[str, Any]) -> ToolSpec:
    slug = re.sub(r"\W", "_", tool["name"])
    parameters = tool.get("parameters") or {"type": "object", "properties": {}}
    return ToolSpec(slug, slug.split("_")[0], _words(slug).capitalize(), tool["description"], parameters)


def _words(slug: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_+", " ", slug).lower()


def accepts(case: Case, arguments: Mapping[str, Any]) -> bool:
    """True if every argument is one of the accepted ones, and none is missing (as BFCL's AST check)."""
    return all(name in case.accepted for name in arguments) and all(
        any(_same(arguments[name], value) for value in values) if name in arguments else _may_lack(values)
        for name, values in case.accepted.items()
    )


def _may_lack(values: Sequence[Any]) -> bool:
    return "" in values or None in values


def _same(given: Any, accepted: Any) -> bool:
    if isinstance(given, bool) or isinstance(accepted, bool):
        return given is accepted
    if isinstance(given, int | float) and isinstance(accepted, int | float):
        return bool(np.isclose(given, accepted, rtol=0, atol=1e-6))
    if isinstance(given, Mapping) and isinstance(accepted, Mapping):
        return all(
            any(_same(given[key], value) for value in _options(values))
            if key in given
            else _may_lack(_options(values))
            for key, values in accepted.items()
        ) and all(key in accepted for key in given)
    if isinstance(given, list) and isinstance(accepted, list):
        return len(given) == len(accepted) and all(map(_same, given, accepted))
    return _plain(given) == _plain(accepted)


def _options(values: Any) -> Sequence[Any]:
    return values if isinstance(values, list) else [values]


def _plain(value: Any) -> Any:
    """A text without what BFCL's check does not regard: case, blanks and some punctuation."""
    return re.sub(r"[ ,./\-_*^()'\"]", "", value.lower()) if isinstance(value, str) else value
