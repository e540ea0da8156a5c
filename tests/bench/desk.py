"""Nexus and `langchain.agents.create_agent` on the same small model, engine, tools and tasks.

Run it with `python -m tests.bench.desk`. A task is done if the files of the desk say so
(`tests.model.desk_tasks`); every approval that Nexus asks for is given, and the peer needs none. A run that
hits a limit of steps or time is judged by what it did until then; one that fails is not done.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nexus.errors import NexusError
from nexus.models.sources import usual_sources
from nexus.models.weights import KNOWN_MODELS, known_model, pull
from nexus.settings import default_models_dir
from tests.bench.desk_systems import TASK_SECONDS, MeteredEngine, Nexus, Peer, Run, System, Tally
from tests.model.desk_tasks import DESK_TASKS, DeskTask, lay_desk

SYSTEMS = ("nexus", "create_agent", "create_agent+lenient")
_KINDS = ((1, "one step"), (2, "two steps"), (0, "nothing to do"))
_TRACING = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2", "LANGCHAIN_TRACING")


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the bench."""

    system: str
    weights: str
    task: str
    steps: int
    why_not: str | None
    ending: str
    seconds: float
    tally: Tally
    answer: str
    story: Sequence[str]


async def measure(name: str, system: System, weights: str, engine: MeteredEngine, task: DeskTask) -> Result:
    """Let a system do a task on a fresh desk, and judge the desk."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "desk"
        provider, before = lay_desk(root)
        engine.tally = tally = Tally()
        started = time.monotonic()
        failure: str | None = None
        try:
            async with asyncio.timeout(TASK_SECONDS):
                run = await system(engine, provider, task.request, Path(folder) / "home")
        except TimeoutError:
            run = Run("", f"{TASK_SECONDS:g} s")
        except NexusError as error:
            run = Run("", type(error).__name__)
            failure = str(error)
        seconds = time.monotonic() - started
        why_not = failure or task.check(before, root, run.answer)
    return Result(
        name, weights, task.id, task.steps, why_not, run.ending, seconds, tally, run.answer, run.story
    )


def line_of(result: Result, *, verbose: bool) -> str:
    """One result in words; with `verbose`, what was done on the way."""
    tally = result.tally
    head = (
        f"{'done' if result.why_not is None else '-   '} {result.system:21} {result.weights} {result.task:18}"
        f" {result.seconds:6.1f} s  valid {tally.valid}/{tally.attempted}"
        f"  prompt {tally.computed:,} computed of {tally.prompt:,}  written {tally.written:,}"
        f"  {result.ending}"
    )
    if not verbose:
        return head
    return "\n".join([head, *(f"       {line[:200]}" for line in _details(result))])


def _details(result: Result) -> Sequence[str]:
    why = [f"not done: {result.why_not}"] if result.why_not else []
    told = [line.replace("\n", " / ") for line in result.story]
    return [*told, f"-> {result.answer!r}", *why]


def summary(results: Sequence[Result]) -> str:
    """The figures of one system with one model."""
    first, total = results[0], total_of(results)
    count = len(results)
    kinds = ", ".join(
        f"{words} {done_of([each for each in results if each.steps == steps])}" for steps, words in _KINDS
    )
    share = f"{100 * total.valid / total.attempted:.1f} %" if total.attempted else "none"
    return (
        f"== {first.system}, {first.weights}: {done_of(results)} tasks done ({kinds})\n"
        f"   schema-valid model steps {total.valid} of {total.attempted} ({share})\n"
        f"   a task: prompt tokens {total.computed / count:,.0f} computed,"
        f" {total.prompt / count:,.0f} in all; written {total.written / count:,.0f};"
        f" {sum(each.seconds for each in results) / count:.1f} s"
    )


def ratios(ours: Sequence[Result], theirs: Sequence[Result]) -> str:
    """Nexus against a peer with the same model, over the same tasks."""
    done, other_done = (sum(each.why_not is None for each in results) for results in (ours, theirs))
    mine, other = total_of(ours), total_of(theirs)
    figures = [
        ("tasks done", done, other_done),
        ("prompt tokens computed", mine.computed, other.computed),
        ("prompt tokens in all", mine.prompt, other.prompt),
        ("tokens written", mine.written, other.written),
    ]
    parts = [f"{words} {_ratio(one, another)} ({one:,} : {another:,})" for words, one, another in figures]
    return f"nexus / {theirs[0].system}, {ours[0].weights}: " + ", ".join(parts)


def _ratio(one: int, another: int) -> str:
    return f"{one / another:.2f}" if another else "-"


def done_of(results: Sequence[Result]) -> str:
    """How many are done, of how many."""
    return f"{sum(each.why_not is None for each in results)} of {len(results)}"


def total_of(results: Sequence[Result]) -> Tally:
    """All tallies together."""
    return sum((each.tally for each in results), Tally())


async def bench_weights(
    weights: str, systems: Mapping[str, System], tasks: Sequence[DeskTask], report: Report
) -> None:
    """Every system on one engine, one after the other."""
    model = known_model(f"qwen2.5-coder-{weights}")
    file = pull(model, default_models_dir(), usual_sources(ollama_url="http://127.0.0.1:11434"))
    engine = MeteredEngine(file)
    groups: dict[str, list[Result]] = {}
    try:
        await engine.load()
        for name, system in systems.items():
            groups[name] = []
            for task in tasks:
                result = await measure(name, system, weights, engine, task)
                groups[name].append(result)
                report.add(result)
            report.say(summary(groups[name]))
    finally:
        await engine.close()
    ours = groups.pop("nexus", None)
    for theirs in groups.values() if ours else ():
        report.conclude(ratios(ours or (), theirs))


class Report:
    """What was found so far: on the screen line by line, and in a file that is whole after every task."""

    def __init__(self, file: Path | None, *, verbose: bool) -> None:
        self._file = file
        self._verbose = verbose
        self._results: list[Result] = []
        self._conclusions: list[str] = []

    def add(self, result: Result) -> None:
        """One more result."""
        self._results.append(result)
        self.say(line_of(result, verbose=self._verbose))
        self._save()

    def conclude(self, words: str) -> None:
        """Something to say at the end."""
        self._conclusions.append(words)
        self._save()

    def say(self, words: str) -> None:
        """Print it now."""
        print(words, flush=True)

    def end(self) -> None:
        """Print the conclusions."""
        for words in self._conclusions:
            self.say(words)

    def _save(self) -> None:
        if self._file:
            found = {"results": [asdict(each) for each in self._results], "ratios": self._conclusions}
            self._file.write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")


async def bench(arguments: argparse.Namespace) -> None:
    """Run what was asked for."""
    tasks = [task for task in DESK_TASKS if not arguments.tasks or task.id in arguments.tasks]
    report = Report(arguments.json, verbose=arguments.verbose)
    with tempfile.TemporaryDirectory() as cache:
        known: Mapping[str, System] = {
            "nexus": Nexus(Path(cache)),
            "create_agent": Peer(lenient=False),
            "create_agent+lenient": Peer(lenient=True),
        }
        for weights in arguments.weights:
            await bench_weights(weights, {name: known[name] for name in arguments.systems}, tasks, report)
    report.end()


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.desk", description=__doc__)
    sizes = [name.rpartition("-")[2] for name in KNOWN_MODELS]
    ids = [task.id for task in DESK_TASKS]
    parser.add_argument("--weights", type=_some_of(sizes), default=sizes, help="0.5b,1.5b")
    parser.add_argument("--systems", type=_some_of(SYSTEMS), default=SYSTEMS, help=",".join(SYSTEMS))
    parser.add_argument("--tasks", type=_some_of(ids), default=[], help="ids of tasks; all by default")
    parser.add_argument("--verbose", action="store_true", help="show every call and its result")
    parser.add_argument("--json", type=Path, help="a file to keep everything in")
    arguments = parser.parse_args()
    # The desk's local time is UTC, and nothing is told to a tracing service.
    os.environ.update({"TZ": "UTC", **dict.fromkeys(_TRACING, "false")})
    time.tzset()
    asyncio.run(bench(arguments))


def _some_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if strange := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(strange)}: known are {', '.join(known)}")
        return names

    return parse


if __name__ == "__main__":
    main()
