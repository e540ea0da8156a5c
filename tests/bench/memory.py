"""What is done in a second conversation of what was said in a first, with memory on and off.

Run it with `python -m tests.bench.memory`. Each of the scenarios (`tests.bench.memory_scenarios`) has a home
of its own and a fresh desk for each conversation; Nexus is closed between the two, and the clock goes on by a
week. A scenario is done if the files of the desk, or the answer, say so; every approval is given, and so is
the yes to memories that wait for one. Another user of the same server has been told the same, with a canary
in it: every prompt is searched for that. With memory off, what is only to be remembered is not even said.

It can run in slices: `--json FILE --resume --seconds 240` goes on where the file ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from langgraph.store.sqlite.aio import AsyncSqliteStore

from graphs.memories import Memories
from nexus.core.approval import Approval
from nexus.core.decision import Approve, Decision, Edit
from nexus.core.tool import JsonSchema
from nexus.errors import NexusError
from nexus.memory.sqlite import SqliteMemories
from nexus.models.minilm import MiniLM
from nexus.models.sources import usual_sources
from nexus.models.weights import known_model, pull
from nexus.ports.model import ChatMessage, Completion
from nexus.ports.tools import ToolProvider
from nexus.runtime.runner import Runner
from nexus.settings import default_models_dir
from nexus.store.items import open_items
from nexus.testing import FakeClock
from tests.bench.desk_systems import TASK_SECONDS, CheckedModel, MeteredEngine, open_runner, serve_request
from tests.bench.memory_scenarios import SCENARIOS, Scenario
from tests.model.desk_tasks import lay_desk

CANARY = "canary-5d1f"
WEEK = timedelta(days=7)
_STRIDE = 7  # shares no factor with the number of scenarios
_TRACING = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2", "LANGCHAIN_TRACING")


@dataclass(frozen=True, slots=True)
class Result:
    """How a scenario went."""

    scenario: str
    memory: bool
    why_not: str | None
    kept: list[str]
    leaks: int
    seconds: float
    asked: int
    story: list[str]


class WatchedModel(CheckedModel):
    """The product's model; keeps what it is shown."""

    def __init__(self, engine: MeteredEngine) -> None:
        super().__init__(engine, name=engine.file.name)
        self.prompts: list[str] = []

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int = 512,
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """As the product's."""
        self.prompts += [message.content for message in messages]
        return await super().complete(messages, schema=schema, max_tokens=max_tokens, on_text=on_text)

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float | None:
        """As the product's."""
        self.prompts += [message.content for message in messages]
        return await super().probability_of_yes(messages)


class Bench:
    """The scenarios on one engine."""

    def __init__(self, engine: MeteredEngine, cache_dir: Path) -> None:
        self._engine = engine
        self._embedder = MiniLM()
        self._cache_dir = cache_dir

    async def run(self, scenario: Scenario, *, memory: bool) -> Result:
        """Both conversations, and what the second left."""
        with tempfile.TemporaryDirectory() as folder:
            root, home = Path(folder) / "desk", Path(folder) / "home"
            home.mkdir()
            model, started = WatchedModel(self._engine), time.monotonic()
            self._engine.tally.asked = 0
            story: list[str] = []
            kept: list[str] = []
            try:
                await self._other_user(scenario, home)
                async with asyncio.timeout(TASK_SECONDS * (1 + len(scenario.said))):
                    kept = await self._first(scenario, model, root, home, memory=memory)
                    why_not, story = await self._second(scenario, model, root, home, memory=memory)
            except (TimeoutError, NexusError) as error:
                why_not = f"{type(error).__name__}: {error}"
        leaks = sum(CANARY in prompt for prompt in model.prompts)
        seconds = time.monotonic() - started
        return Result(scenario.id, memory, why_not, kept, leaks, seconds, self._engine.tally.asked, story)

    async def _other_user(self, scenario: Scenario, home: Path) -> None:
        """Another user's memories, in the file where the server keeps them; closest to the very request."""
        (home / "users").mkdir()
        async with open_items(home / "users" / "ben.db") as items:
            store = await SqliteMemories(items, self._embedder, FakeClock()).open()
            for text in (scenario.request, scenario.other):
                await Memories(store, FakeClock()).remember(f"{text} {CANARY}")

    async def _first(
        self, scenario: Scenario, model: WatchedModel, root: Path, home: Path, *, memory: bool
    ) -> list[str]:
        clock = FakeClock()
        clock.advance(-WEEK)
        provider, _ = lay_desk(root)

        def decide(approval: Approval) -> Decision:
            if scenario.change is None:
                return Approve()
            return Edit(scenario.change(approval.call.arguments))

        async with open_items(home / "store.db") as items:
            memories = await self._memories(items, clock) if memory else None
            async with self._runner(home, provider, model, memories, clock) as runner:
                for request in scenario.said:
                    if (
                        memory
                        or scenario.change
                        or not request.lower().startswith(("remember", "keep", "please"))
                    ):
                        await serve_request(runner, request, decide)
            if memories is None:
                return []
            for each in await memories.store.list():
                # What waits for a yes gets it: the person looks through the inbox.
                await memories.accept(each.id)
            return [each.text for each in await memories.store.list()]

    async def _second(
        self, scenario: Scenario, model: WatchedModel, root: Path, home: Path, *, memory: bool
    ) -> tuple[str | None, list[str]]:
        clock, again = FakeClock(), root.with_name("desk-later")
        # A fresh desk: what is needed stands on none.
        provider, before = lay_desk(again)
        async with open_items(home / "store.db") as items:
            memories = await self._memories(items, clock) if memory else None
            async with self._runner(home, provider, model, memories, clock) as runner:
                view = await serve_request(runner, scenario.request, lambda _: Approve())
        story = [
            f"{step.tool} {json.dumps(step.arguments)}" if step.kind == "call" else f"  {step.text}"
            for step in view.steps
        ]
        return scenario.check(before, again, view.answer), story

    async def _memories(self, items: AsyncSqliteStore, clock: FakeClock) -> Memories:
        return Memories(await SqliteMemories(items, self._embedder, clock).open(), clock)

    def _runner(
        self,
        home: Path,
        provider: ToolProvider,
        model: WatchedModel,
        memories: Memories | None,
        clock: FakeClock,
    ) -> AbstractAsyncContextManager[Runner]:
        return open_runner(
            home,
            provider,
            model,
            embedder=self._embedder,
            cache_dir=self._cache_dir,
            memories=memories,
            clock=clock,
        )


async def bench(arguments: argparse.Namespace) -> int:
    """Run what was asked for; the number of leaks."""
    results: list[Result] = []
    if arguments.resume and arguments.json.exists():
        lines = arguments.json.read_text(encoding="utf-8").splitlines()
        results = [Result(**json.loads(line)) for line in lines]
    had = {(each.scenario, each.memory) for each in results}
    wanted = [each for each in SCENARIOS if not arguments.scenarios or each.id in arguments.scenarios]
    # Whatever it is cut off at, both columns have the same scenarios, of all sorts.
    wanted.sort(key=lambda each: SCENARIOS.index(each) * _STRIDE % len(SCENARIOS))
    todo = [(each, on) for each in wanted for on in arguments.memory if (each.id, on) not in had]
    ends = time.monotonic() + arguments.seconds
    file = pull(
        known_model(f"qwen2.5-coder-{arguments.weights}"),
        default_models_dir(),
        usual_sources(ollama_url="http://127.0.0.1:11434"),
    )
    engine = MeteredEngine(file)
    try:
        await engine.load()
        with tempfile.TemporaryDirectory() as cache:
            running = Bench(engine, Path(cache))
            for scenario, memory in todo:
                if time.monotonic() >= ends:
                    break
                result = await running.run(scenario, memory=memory)
                results.append(result)
                print(line_of(result, verbose=arguments.verbose), flush=True)
                if arguments.json:
                    with arguments.json.open("a", encoding="utf-8") as out:
                        out.write(json.dumps(asdict(result)) + "\n")
    finally:
        await engine.close()
    for memory in (True, False):
        print(summary([each for each in results if each.memory == memory], memory=memory))
    return sum(each.leaks for each in results)


def line_of(result: Result, *, verbose: bool) -> str:
    """One scenario."""
    head = f"{'on ' if result.memory else 'off'} {'done' if result.why_not is None else 'NOT '}"
    told = f"{head} {result.scenario} {result.seconds:.0f} s" + (
        f": {result.why_not}" if result.why_not else ""
    )
    return "\n".join([told, *(f"    {each}" for each in [*result.kept, *result.story])]) if verbose else told


def summary(results: Sequence[Result], *, memory: bool) -> str:
    """The share that was done."""
    done = sum(each.why_not is None for each in results)
    seconds = sorted(each.seconds for each in results)
    middle = seconds[len(seconds) // 2] if seconds else 0.0
    leaks = sum(each.leaks for each in results)
    return (
        f"memory {'on' if memory else 'off'}: {done} of {len(results)} done, {leaks} prompts with the other"
        f" user's words, {middle:.0f} s at the median"
    )


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description=__doc__)
    parser.add_argument("--weights", default="1.5b", help="0.5b or 1.5b")
    parser.add_argument("--memory", default="on,off", type=_switches, help="on, off or both")
    parser.add_argument(
        "--scenarios", default=[], type=lambda text: text.split(","), help="ids; all by default"
    )
    parser.add_argument("--verbose", action="store_true", help="show memories and calls")
    parser.add_argument("--json", type=Path, help="a file to keep everything in")
    parser.add_argument("--resume", action="store_true", help="keep what --json FILE holds, run the rest")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no scenario after that time")
    arguments = parser.parse_args()
    if arguments.resume and not arguments.json:
        parser.error("--resume needs --json FILE")
    os.environ.update({"TZ": "UTC", **dict.fromkeys(_TRACING, "false")})
    time.tzset()
    sys.exit(1 if asyncio.run(bench(arguments)) else 0)


def _names(text: str) -> list[str]:
    return text.split(",")


def _switches(text: str) -> list[bool]:
    return [each == "on" for each in text.split(",")]


if __name__ == "__main__":
    main()
