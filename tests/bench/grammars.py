"""How many schemas of real tools become grammars, and how long it takes: `python -m tests.bench.grammars`.

Each schema of the catalogue in `../shared` is simplified as a run does it, then made a grammar of two kinds:
llama.cpp's own, which is also what Ollama makes of its `format` field, and the one that the embedded engine
follows: that is handed to the engine, which writes one token under it (`--every N`: only for each N-th).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import xllamacpp

from nexus.core.simple_schema import SimpleSchema, simplified
from nexus.core.tool import JsonSchema, ToolSpec
from nexus.errors import ModelUnavailable, OutputCut, OutputInvalid
from nexus.models.embedded import EmbeddedModel
from nexus.models.engine import EmbeddedEngine
from nexus.ports.model import ChatMessage
from nexus.settings import default_models_dir
from tests.bench.toolselect_data import load_catalogue

WEIGHTS = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.grammars", description=__doc__)
    parser.add_argument("--weights", type=Path, default=default_models_dir() / WEIGHTS)
    parser.add_argument("--every", type=int, default=1, help="hand every N-th grammar to the engine")
    given = parser.parse_args()
    tools = [tool for tool in load_catalogue() if tool.parameters.get("properties")]
    print(f"{len(tools):,} tools with parameters, {_described(tools):,} of them with descriptions")
    simple = _simplify(tools)
    _convert(tools, simple)
    asyncio.run(_follow(tools[:: given.every], simple[:: given.every], given.weights))


def _described(tools: Sequence[ToolSpec]) -> int:
    return sum('"description"' in json.dumps(tool.parameters) for tool in tools)


def _simplify(tools: Sequence[ToolSpec]) -> list[SimpleSchema]:
    simple, taken = _timed(lambda tool: simplified(tool.parameters), tools)
    losing = sum(bool(each.lost) for each in simple)
    lost = Counter(line.rpartition(": ")[2] for each in simple for line in each.lost)
    print(f"simplified: all, {taken}; {losing:,} lost something the model cannot say:")
    print(f"  {dict(lost.most_common(8))}")
    return simple


def _convert(tools: Sequence[ToolSpec], simple: Sequence[SimpleSchema]) -> None:
    refused: list[str] = []

    def convert(number: int) -> None:
        try:
            library: Any = xllamacpp
            library.json_schema_to_grammar(dict(simple[number].schema))
        except (RuntimeError, ValueError) as error:
            refused.append(f"{tools[number].slug}: {error}")

    _, taken = _timed(convert, range(len(simple)))
    print(f"llama.cpp's grammar: {len(simple) - len(refused):,} of {len(simple):,}, {taken}")
    for line in refused[:5]:
        print(f"  {line[:160]}")


async def _follow(tools: Sequence[ToolSpec], simple: Sequence[SimpleSchema], weights: Path) -> None:
    model = EmbeddedModel(EmbeddedEngine(weights, num_ctx=2048), name=weights.stem)
    await model.probability_of_yes([ChatMessage("user", "Ready?")])
    taken: list[float] = []
    refused: list[str] = []
    for tool, each in zip(tools, simple, strict=True):
        started = time.perf_counter()
        if not await _is_followed(model, each.schema):
            refused.append(tool.slug)
        taken.append(time.perf_counter() - started)
    followed = len(tools) - len(refused)
    print(f"the engine's grammar: {followed:,} of {len(tools):,}, {_spread(taken)}, a token included")
    print("".join(f"  {slug}\n" for slug in refused[:5]), end="")
    await model.close()


async def _is_followed(model: EmbeddedModel, schema: JsonSchema) -> bool:
    try:
        await model.complete([ChatMessage("user", "JSON:")], schema=schema, max_tokens=1)
    except OutputCut:
        return True  # it began to write
    except (OutputInvalid, ModelUnavailable):
        return False
    return True


def _timed(work: Callable[[Any], Any], items: Sequence[Any]) -> tuple[list[Any], str]:
    """The results, and how long one took."""
    results: list[Any] = []
    taken: list[float] = []
    for item in items:
        started = time.perf_counter()
        results.append(work(item))
        taken.append(time.perf_counter() - started)
    return results, _spread(taken)


def _spread(taken: Sequence[float]) -> str:
    return f"median {1000 * statistics.median(taken):.2f} ms, longest {1000 * max(taken):.0f} ms"


if __name__ == "__main__":
    main()
