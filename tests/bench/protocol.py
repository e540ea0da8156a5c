"""How small models act, and refrain, under different protocols with the same engine, weights and tools.

Run it with `python -m tests.bench.protocol`. Each request is asked three times: with the tools that the data
offers for it, with tools for something else that are the most like the request (`near`), and with others for
something else (`far`); see `tests.bench.protocols.cases`. A protocol is stopped at its first call. With
`--json` each result is kept at once and none is measured twice, so a long run may be done in slices.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from nexus.errors import NexusError
from nexus.models.sources import usual_sources
from nexus.models.weights import KNOWN_MODELS, known_model, pull
from nexus.settings import default_models_dir
from tests.bench.desk_systems import MeteredEngine, Tally
from tests.bench.protocols.action import Action, ActionProtocol, is_valid
from tests.bench.protocols.cases import DATA, Case, Fit, Half, accepts, load_cases
from tests.bench.protocols.langchain import CreateAgent, Native
from tests.bench.protocols.nexus import Nexus
from tests.bench.protocols.plain import ChooseThenFill, FreeText, Union

PROTOCOLS: Mapping[str, ActionProtocol] = {
    "nexus": Nexus(),
    "nexus-no-probabilities": Nexus(probabilities=False),
    "free-text": FreeText(),
    "native": Native(),
    "create_agent": CreateAgent(lenient=False),
    "create_agent+lenient": CreateAgent(lenient=True),
    "union": Union(),
    "union+thought": Union("in JSON"),
    "union+free-thought": Union("free"),
    "choose-fill": ChooseThenFill(),
    "choose-fill+thought": ChooseThenFill("in JSON"),
    "choose-fill+free-thought": ChooseThenFill("free"),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a protocol did in a case."""

    protocol: str
    weights: str
    half: str
    case: str
    fit: Fit
    acted: bool
    valid: bool
    right_tool: bool
    right: bool
    tokens: int
    written: int
    seconds: float
    action: Action

    @property
    def key(self) -> tuple[str, str, str]:
        """What is measured only once."""
        return (self.protocol, self.weights, self.case)


async def measure(name: str, weights: str, half: Half, engine: MeteredEngine, case: Case) -> Result:
    """Let a protocol act on a case, and judge its first call."""
    engine.tally = tally = Tally()
    started = time.monotonic()
    try:
        action = await PROTOCOLS[name](engine, case)
    except NexusError as error:
        action = Action("", said=f"{type(error).__name__}: {error}")
    seconds = time.monotonic() - started
    valid, right_tool = is_valid(action, case), action.tool is not None and action.tool == case.gold
    return Result(
        name,
        weights,
        half,
        case.id,
        case.fit,
        action.tool is not None,
        valid,
        right_tool,
        right_tool and valid and accepts(case, action.arguments or {}),
        tally.computed,
        tally.written,
        round(seconds, 2),
        action,
    )


class Results:
    """Everything measured so far, in a file of one JSON object a line if one is given."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        lines = file.read_text("utf-8").splitlines() if file and file.exists() else []
        self.all = [_from_json(line) for line in lines]

    def has(self, protocol: str, weights: str, case: Case) -> bool:
        """True if this was measured already."""
        return any(result.key == (protocol, weights, case.id) for result in self.all)

    def add(self, result: Result) -> None:
        """Keep one more."""
        self.all.append(result)
        if self._file:
            with self._file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")


def _from_json(line: str) -> Result:
    fields: dict[str, Any] = json.loads(line)
    return Result(action=Action(**fields.pop("action")), **fields)


def table(results: Sequence[Result]) -> str:
    """The figures of each protocol and weights, a line each."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.weights, result.half, result.protocol), []).append(result)
    head = (
        f"{'weights':7} {'half':8} {'protocol':24} {'valid':>9} {'tool':>8} {'right':>12}"
        f" {'near':>12} {'far':>12} {'tokens':>7} {'written':>7} {'s':>6}"
    )
    return "\n".join([head, *(_row(*group, found) for group, found in sorted(groups.items()))])


def _row(weights: str, half: str, protocol: str, results: Sequence[Result]) -> str:
    fits = [each for each in results if each.fit == "fits"]
    acted = [each for each in results if each.acted]
    cells = [
        f"{weights:7} {half:8} {protocol:24}",
        f"{_of(each.valid for each in acted):>9}",
        f"{_of(each.right_tool for each in fits):>8}",
        f"{_of((each.right for each in fits), percent=True):>12}",
        *(
            f"{_of((not each.acted for each in results if each.fit == fit), percent=True):>12}"
            for fit in ("near", "far")
        ),
        f"{_mean(each.tokens for each in results):7.0f}",
        f"{_mean(each.written for each in results):7.0f}",
        f"{_mean(each.seconds for each in results):6.1f}",
    ]
    return " ".join(cells)


def _of(found: Iterable[bool], *, percent: bool = False) -> str:
    every = list(found)
    share = f" {100 * sum(every) / len(every):.0f}%" if percent and every else ""
    return f"{sum(every)}/{len(every)}{share}"


def _mean(values: Iterable[float]) -> float:
    every = list(values)
    return sum(every) / len(every) if every else 0.0


async def bench(arguments: argparse.Namespace) -> None:
    """Measure what was asked for and is not known yet, then show every figure."""
    results = Results(arguments.json)
    deadline = time.monotonic() + 60 * arguments.minutes
    cases = [
        case
        for case in await load_cases(arguments.half, arguments.limit)
        if not arguments.fits or case.fit in arguments.fits
    ]
    for weights in arguments.weights:
        model = known_model(f"qwen2.5-coder-{weights}")
        file = await asyncio.to_thread(
            pull, model, default_models_dir(), usual_sources(ollama_url="http://127.0.0.1:11434")
        )
        engine = MeteredEngine(file)
        try:
            await engine.load()
            for name in arguments.protocols:
                for case in cases:
                    if not results.has(name, weights, case) and time.monotonic() < deadline:
                        results.add(await measure(name, weights, arguments.half, engine, case))
        finally:
            await engine.close()
    print(table(results.all))


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.protocol", description=__doc__)
    sizes = [name.rpartition("-")[2] for name in KNOWN_MODELS]
    parser.add_argument(
        "--protocols", type=_some_of(PROTOCOLS), default=list(PROTOCOLS), help=",".join(PROTOCOLS)
    )
    parser.add_argument("--weights", type=_some_of(sizes), default=sizes, help=",".join(sizes))
    parser.add_argument("--half", choices=get_args(Half), default="held-out")
    parser.add_argument("--fits", type=_some_of(get_args(Fit)), default=[], help=",".join(get_args(Fit)))
    parser.add_argument("--limit", type=int, default=100, help="requests; at most 100")
    parser.add_argument("--minutes", type=float, default=24 * 60.0, help="begin no case after that long")
    parser.add_argument("--json", type=Path, help="a file to keep every result in, and to go on from")
    arguments = parser.parse_args()
    if not DATA.exists():
        parser.exit(0, f"There is no data at {DATA}.\n")
    asyncio.run(bench(arguments))


def _some_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if strange := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(strange)}: known are {', '.join(known)}")
        return names

    return parse


if __name__ == "__main__":
    main()
