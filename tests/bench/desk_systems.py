"""What the desk bench compares and its tests run: Nexus and `create_agent`, over one metered engine."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

from jsonschema import Draft202012Validator

from graphs.agent import build
from graphs.memories import Memories
from graphs.parts import Parts
from nexus.core.approval import Approval
from nexus.core.budget import Budget
from nexus.core.decision import Approve, Decision
from nexus.core.tool import JsonSchema
from nexus.errors import OutputCut, OutputInvalid
from nexus.models.embedded import EmbeddedModel
from nexus.models.engine import EmbeddedEngine, OnEvent
from nexus.models.minilm import MiniLM
from nexus.ports.embeddings import Embedder
from nexus.ports.model import ChatMessage, Completion
from nexus.ports.tools import ToolProvider
from nexus.runtime.locks import ThreadLocks
from nexus.runtime.runner import Runner, finish
from nexus.runtime.view import ThreadView
from nexus.store.approvals import SqliteApprovals
from nexus.store.checkpoints import open_checkpoints
from nexus.store.database import Database
from nexus.store.ledger import SqliteLedger
from nexus.store.owner import Owner
from nexus.store.threads import SqliteThreads
from nexus.testing import FakeClock
from nexus.tools.index import HybridIndex
from nexus.tools.registry import Registry
from tests.model.desk_tasks import ZONE

NUM_CTX = 8192
TASK_SECONDS = 120.0
"""Seconds a system has for a task; Nexus and the peer took 9 to 23 on two cores."""

MOST_DECISIONS = 20


@dataclass(slots=True)
class Tally:
    """What the model was asked and what came back.

    Attributes:
        asked: Times the engine was asked, by whomever and for whatever.
        attempted: Model steps that had to fit a schema; for a peer, tool calls it tried to make.
        valid: How many of them did.
        cut: How many of the others were cut off by their length limit.
        prompt: Tokens of all prompts.
        cached: How many of those were reused.
        written: Tokens of all answers.
    """

    asked: int = 0
    attempted: int = 0
    valid: int = 0
    cut: int = 0
    prompt: int = 0
    cached: int = 0
    written: int = 0

    @property
    def computed(self) -> int:
        """Prompt tokens that were not reused."""
        return self.prompt - self.cached

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def note(self, fits: bool) -> None:  # noqa: FBT001 - a callback
        """Count one attempt."""
        self.attempted += 1
        self.valid += fits

    def count(self, usage: Mapping[str, Any]) -> None:
        """Add one call of the engine."""
        self.asked += 1
        self.prompt += usage.get("prompt_tokens", 0)
        self.cached += (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        self.written += usage.get("completion_tokens", 0)


class MeteredEngine(EmbeddedEngine):
    """The engine, counting the tokens of every finished call whoever made it."""

    def __init__(self, file: Path, *, num_ctx: int = NUM_CTX) -> None:
        # Every core, whatever else runs just now: figures of two runs have to compare.
        super().__init__(file, num_ctx=num_ctx, threads=os.cpu_count())
        self.tally = Tally()

    async def load(self) -> None:
        """Load the weights now, so that no run waits for them."""
        await EmbeddedModel(self, name=self.file.name).probability_of_yes([ChatMessage("user", "Ready?")])

    async def chat(self, request: Mapping[str, Any], on_event: OnEvent, *, seconds: float) -> None:
        """As the engine does."""
        usage: dict[str, Any] = {}

        def watch(event: Mapping[str, Any]) -> bool:
            usage.update(event.get("usage") or {})
            return on_event(event)

        try:
            await super().chat(request, watch, seconds=seconds)
        finally:
            self.tally.count(usage)


class CheckedModel(EmbeddedModel):
    """The product's model, whose constrained answers are validated once more and counted."""

    def __init__(self, engine: MeteredEngine, *, name: str) -> None:
        super().__init__(engine, name=name)
        self._metered = engine

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int = 512,
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """As the product's."""
        tally = self._metered.tally
        try:
            done = await super().complete(messages, schema=schema, max_tokens=max_tokens, on_text=on_text)
        except (OutputCut, OutputInvalid) as error:
            tally.note(fits=False)
            tally.cut += isinstance(error, OutputCut)
            raise
        if schema is not None:
            tally.note(fits=Draft202012Validator(dict(schema)).is_valid(json.loads(done.text)))
        return done


@asynccontextmanager
async def open_runner(
    home: Path,
    provider: ToolProvider,
    model: EmbeddedModel,
    *,
    embedder: Embedder,
    cache_dir: Path,
    budget: Budget | None = None,
    memories: Memories | None = None,
    clock: FakeClock | None = None,
) -> AsyncGenerator[Runner]:
    """The whole of Nexus over a desk: real stores in `home`, the real index, the clock of the tasks."""
    async with AsyncExitStack() as stack:
        clock = clock or FakeClock()
        database = Database(home / "nexus.db", clock)
        stack.push_async_callback(database.close)
        owner = Owner(home / "owners")
        stack.callback(owner.close)
        registry = Registry([provider])
        await registry.refresh()
        index = HybridIndex(embedder, cache_dir)
        stack.push_async_callback(index.close)
        await index.update(registry.all())
        await index.ready()
        ledger = SqliteLedger(database, owner)
        approvals = SqliteApprovals(database)
        ports = (model, registry, index, approvals, ledger, clock)
        parts = Parts(*ports, budget=budget or Budget(), memories=memories)
        checkpoints = await stack.enter_async_context(open_checkpoints(home / "checkpoints.db"))
        yield Runner(build(parts, checkpoints), parts, SqliteThreads(database), ThreadLocks(home / "locks"))


async def serve_request(runner: Runner, request: str, decide: Callable[[Approval], Decision]) -> ThreadView:
    """Run a request in a new thread and decide on every approval it pauses for; the thread at its end."""
    thread = await runner.create_thread()
    await finish(runner.run(thread.id, request))
    for _ in range(MOST_DECISIONS):
        view = await runner.view(thread.id)
        if not view.approvals:
            return view
        for approval in view.approvals:
            await runner.decide(approval.id, decide(approval), actor="test")
        await finish(runner.resume(thread.id))
    return await runner.view(thread.id)


@dataclass(frozen=True, slots=True)
class Run:
    """How a system's run of a task went."""

    answer: str
    ending: str
    story: Sequence[str] = ()


class System(Protocol):
    """Something that serves requests on a desk."""

    async def __call__(
        self, engine: MeteredEngine, provider: ToolProvider, request: str, home: Path, /
    ) -> Run:
        """Serve one request."""
        ...


@dataclass(frozen=True, slots=True)
class Nexus:
    """The product; the tool vectors are built once in `cache_dir`."""

    cache_dir: Path
    embedder: Embedder = field(default_factory=MiniLM)

    async def __call__(self, engine: MeteredEngine, provider: ToolProvider, request: str, home: Path) -> Run:
        """Serve one request, approving everything."""
        model = CheckedModel(engine, name=engine.file.name)
        async with open_runner(
            home, provider, model, embedder=self.embedder, cache_dir=self.cache_dir
        ) as runner:
            view = await serve_request(runner, request, lambda _: Approve())
        story = [
            f"{step.tool} {json.dumps(step.arguments)}" if step.kind == "call" else f"  {step.text}"
            for step in view.steps
            if step.kind in ("call", "result")
        ]
        return Run(view.answer, view.ending or view.status, story)


@dataclass(frozen=True, slots=True)
class Peer:
    """`create_agent`, as it is or with a parser that takes calls written as text."""

    lenient: bool

    async def __call__(self, engine: MeteredEngine, provider: ToolProvider, request: str, home: Path) -> Run:  # noqa: ARG002
        """Serve one request."""
        from tests.bench.peer import run_peer  # noqa: PLC0415 - tests of Nexus alone need no langchain

        done = await run_peer(
            engine,
            provider,
            request,
            now=FakeClock().now().astimezone(ZONE),
            lenient=self.lenient,
            seconds=TASK_SECONDS,
            on_attempt=engine.tally.note,
        )
        return Run(done.answer, done.ending, done.story)
