"""Nexus and `langchain.agents.create_agent` on the same small model, engine, tools and tasks.

Run it with `python -m tests.bench.desk`. A task is done if the files of the desk say so
(`tests.model.desk_tasks`); every approval that Nexus asks for is given, and the peer needs none. In a third
of the tasks an API error is planted, with the same words for every system. A run that hits a limit of steps
or time is judged by what it did until then; one that fails is not done.

It can run in slices: `--json FILE --resume --seconds 240` goes on where the file ends, for about that long.
The first request of each system in a slice is a greeting that is not counted: instructions and tools that
stay in the prompt cache from task to task are there then, however the slices are cut.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nexus.errors import NexusError
from nexus.models.sources import usual_sources
from nexus.models.weights import KNOWN_MODELS, known_model, pull
from nexus.settings import default_models_dir
from tests.bench.desk_results import Result, Results, line_of, ratios, summary
from tests.bench.desk_systems import TASK_SECONDS, MeteredEngine, Nexus, Peer, Run, System, Tally
from tests.bench.faults import FaultyProvider
from tests.model.desk_checks import nothing
from tests.model.desk_tasks import DESK_TASKS, lay_desk
from tests.model.tasks.task import DeskTask

SYSTEMS = ("nexus", "create_agent", "create_agent+lenient")
_GREETING = DeskTask("greeting", "Hello", 0, nothing())
_TRACING = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2", "LANGCHAIN_TRACING")


async def measure(name: str, system: System, weights: str, engine: MeteredEngine, task: DeskTask) -> Result:
    """Let a system do a task on a fresh desk, and judge the desk."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "desk"
        desk, before = lay_desk(root)
        provider = FaultyProvider(desk, task.fault)
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
        system=name,
        weights=weights,
        task=task.id,
        steps=task.steps,
        planted=task.fault is not None,
        struck=provider.refused,
        calls=len(provider.calls),
        why_not=why_not,
        ending=run.ending,
        seconds=seconds,
        tally=tally,
        answer=run.answer,
        story=run.story,
    )


class Bench:
    """What is to be run, and for how long.

    Args:
        results: What was found so far, and takes what is found.
        seconds: No task is begun after that time; None: no limit.
        verbose: Show every call and its result.
    """

    def __init__(self, results: Results, *, seconds: float | None, verbose: bool) -> None:
        self._results = results
        self._ends = None if seconds is None else time.monotonic() + seconds
        self._verbose = verbose

    async def run(self, weights: str, systems: Mapping[str, System], tasks: Sequence[DeskTask]) -> None:
        """Every system on one engine, one after the other, on what it has not run yet."""
        todo = [
            (name, task)
            for name in systems
            for task in tasks
            if not self._results.has((name, weights, task.id))
        ]
        if not todo or self._is_over():
            return
        engine = MeteredEngine(_file_of(weights))
        try:
            await engine.load()
            greeted: set[str] = set()
            for name, task in todo:
                if self._is_over():
                    return
                if name not in greeted:
                    await measure(name, systems[name], weights, engine, _GREETING)
                    greeted.add(name)
                result = await measure(name, systems[name], weights, engine, task)
                self._results.add(result)
                print(line_of(result, verbose=self._verbose), flush=True)
        finally:
            await engine.close()

    def _is_over(self) -> bool:
        return self._ends is not None and time.monotonic() >= self._ends


def print_figures(results: Results) -> None:
    """The figures of each system, and Nexus beside each peer."""
    groups = results.groups()
    for group in groups.values():
        print(summary(group))
    for (weights, system), theirs in groups.items():
        if system != "nexus" and (weights, "nexus") in groups:
            print(ratios(groups[weights, "nexus"], theirs))


def _file_of(weights: str) -> Path:
    model = known_model(f"qwen2.5-coder-{weights}")
    return pull(model, default_models_dir(), usual_sources(ollama_url="http://127.0.0.1:11434"))


async def bench(arguments: argparse.Namespace) -> None:
    """Run what was asked for."""
    tasks = [task for task in DESK_TASKS if not arguments.tasks or task.id in arguments.tasks]
    results = Results(arguments.json, resume=arguments.resume)
    running = Bench(results, seconds=arguments.seconds, verbose=arguments.verbose)
    with tempfile.TemporaryDirectory() as cache:
        known: Mapping[str, System] = {
            "nexus": Nexus(Path(cache)),
            "create_agent": Peer(lenient=False),
            "create_agent+lenient": Peer(lenient=True),
        }
        for weights in arguments.weights:
            await running.run(weights, {name: known[name] for name in arguments.systems}, tasks)
    print_figures(results)


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
    parser.add_argument(
        "--resume", action="store_true", help="keep what --json FILE holds, run what is missing"
    )
    parser.add_argument("--seconds", type=float, help="begin no task after that time")
    arguments = parser.parse_args()
    if arguments.resume and not arguments.json:
        parser.error("--resume needs --json FILE")
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
