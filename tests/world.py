"""A whole Nexus for tests: the real graph, runner and stores, a planned model, a tool that acts on a file."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, Self, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.memory import InMemoryStore

from graphs.agent import build
from graphs.parts import Parts
from graphs.state import FIND_TOOLS
from nexus.core.action import ThreadId
from nexus.core.approval import Approval
from nexus.core.budget import Budget
from nexus.core.decision import Decision
from nexus.core.policy import Policy
from nexus.core.tool import ToolSpec
from nexus.core.user import OWNER
from nexus.errors import NotFound
from nexus.ports.clock import Clock
from nexus.ports.runs import AGENT
from nexus.ports.tools import ToolResult
from nexus.runtime.all_runs import AllRuns
from nexus.runtime.locks import ThreadLocks
from nexus.runtime.notices import Notices
from nexus.runtime.recovery import recover_all
from nexus.runtime.runner import Event, Runner, finish
from nexus.runtime.service import Service
from nexus.runtime.services import Services
from nexus.runtime.toolkits import Toolkits
from nexus.runtime.view import ThreadView
from nexus.settings import Settings
from nexus.store.approvals import SqliteApprovals
from nexus.store.assistants import SqliteAssistants
from nexus.store.audit import SqliteAudit
from nexus.store.chats import SqliteChats
from nexus.store.checkpoints import open_checkpoints
from nexus.store.database import Database
from nexus.store.experience import SqliteExperience
from nexus.store.ledger import SqliteLedger
from nexus.store.outcomes import SqliteOutcomes
from nexus.store.owner import Owner
from nexus.store.policies import SqlitePolicies
from nexus.store.runs import SqliteRuns
from nexus.store.sessions import SqliteSessions
from nexus.store.threads import SqliteThreads
from nexus.store.toolkits import SqliteToolkits
from nexus.store.users import SqliteUsers
from nexus.testing import FakeClock, FixedIndex
from nexus.tools.preferences import Preferences
from nexus.tools.registry import Registry
from nexus.wiring.graphs import Loaded, graphs_for
from tests.planned_model import MAIL, READ, REMOVE, SEND, Plan, PlannedModel

_NO_NOTICES = cast("Notices", None)
"""Nobody is told of what these tests do."""


class Sabotage(Protocol):
    """What else happens around a call; may raise instead of letting it act."""

    async def __call__(self, spec: ToolSpec, arguments: Mapping[str, Any], *, acted: bool) -> None:
        """Called before (`acted` is False) and after the effect."""
        ...


async def _nothing(spec: ToolSpec, arguments: Mapping[str, Any], *, acted: bool) -> None:
    """No sabotage."""


@dataclass
class Post:
    """The tools port over tools whose one effect is a line in a file, on disk before the call returns."""

    outbox: Path
    specs: dict[str, ToolSpec] = field(default_factory=lambda: {s.slug: s for s in (SEND, READ, REMOVE)})
    sabotage: Sabotage = _nothing
    result: str = "ok"

    def all(self) -> Sequence[ToolSpec]:
        """The tools that are enabled now."""
        return list(self.specs.values())

    async def earlier(self, slug: str) -> list[ToolSpec]:  # noqa: ARG002 - of any tool
        """No version was replaced."""
        return []

    async def freshen(self) -> None:
        """They never change."""

    def connected(self) -> frozenset[str]:
        """The toolkits that can act now."""
        return frozenset(spec.toolkit for spec in self.specs.values() if spec.can_act)

    def get(self, slug: str) -> ToolSpec:
        """The tool of that name."""
        if slug not in self.specs:
            raise NotFound(f"There is no tool {slug!r}.")
        return self.specs[slug]

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """Act."""
        await self.sabotage(spec, arguments, acted=False)
        if not spec.is_read_only:
            line = json.dumps({"tool": spec.slug, "arguments": dict(arguments), "key": key}) + "\n"
            handle = os.open(self.outbox, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, line.encode())
                os.fsync(handle)
            finally:
                os.close(handle)
        await self.sabotage(spec, arguments, acted=True)
        return ToolResult(self.result, reference=key)

    @property
    def effects(self) -> list[dict[str, Any]]:
        """What was done, in order."""
        if not self.outbox.exists():
            return []
        return [json.loads(line) for line in self.outbox.read_text().splitlines()]


class World:
    """One process's Nexus over the files in `home`; several may share a home, and one may be opened again."""

    database: Database
    owner: Owner
    approvals: SqliteApprovals
    ledger: SqliteLedger
    threads: SqliteThreads
    audit: SqliteAudit
    policies: SqlitePolicies
    experience: SqliteExperience
    saver: AsyncSqliteSaver
    parts: Parts
    graph: CompiledStateGraph[Any, Any, Any, Any]
    runner: Runner

    def __init__(
        self,
        home: Path,
        *,
        plan: Plan = ((SEND.slug, MAIL),),
        clock: Clock | None = None,
        database: type[Database] = Database,
        **parts: Any,
    ) -> None:
        self.home = home
        self.clock = FakeClock() if clock is None else clock
        self.model = PlannedModel(plan)
        self.tools = Post(home.parent / "outbox.jsonl")
        self._database_class = database
        self._settings: dict[str, Any] = {"policy": Policy(), "budget": Budget(), **parts}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the files."""
        self.database = self._database_class(self.home / "nexus.db", self.clock)
        self._stack.push_async_callback(self.database.close)
        self.owner = Owner(self.home / "owners")
        self._stack.callback(self.owner.close)
        self.approvals, self.threads = SqliteApprovals(self.database), SqliteThreads(self.database)
        self.ledger = SqliteLedger(self.database, self.owner)
        self.policies = SqlitePolicies(self.database, OWNER)
        self.audit = SqliteAudit(self.database, OWNER)
        self.experience = SqliteExperience(self.database)
        self.saver = await self._stack.enter_async_context(
            open_checkpoints(self.home / "checkpoints.db", on_the_spot=True)
        )
        self.wire()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close them, as a process that ends in good order does."""
        await self._stack.aclose()

    def wire(self, **changes: Any) -> None:
        """Put the parts together, with other settings if given."""
        self._settings |= changes
        index = FixedIndex([spec.slug for spec in self.tools.all()])
        settings = {
            "experience": self.experience,
            "audit": self.audit,
            "policies": self.policies,
            **self._settings,
        }
        self.parts = Parts(self.model, self.tools, index, self.approvals, self.ledger, self.clock, **settings)
        self.graph = build(self.parts, self.saver)
        self.runner = Runner(self.graph, self.parts, self.threads, ThreadLocks(self.home / "locks"))

    async def restart(self) -> Self:
        """End in good order and open the same files again."""
        await self._stack.aclose()
        self._stack = AsyncExitStack()
        return await self.__aenter__()

    @property
    def effects(self) -> list[dict[str, Any]]:
        """What was done to the outside world."""
        return self.tools.effects

    def advance(self, delta: timedelta) -> None:
        """Turn the clock, if it is one that can be turned."""
        assert isinstance(self.clock, FakeClock)
        self.clock.advance(delta)

    async def start(self, request: str = "Mail ana@example.com", thread: str = "t") -> Event:
        """A new thread, run until it pauses or ends."""
        await self.runner.create_thread(thread)
        return await finish(self.runner.run(thread, request))

    async def resume(self, thread: str = "t") -> Event:
        """Continue a thread."""
        return await finish(self.runner.resume(thread))

    async def view(self, thread: str = "t") -> ThreadView:
        """A thread as it stands."""
        return await self.runner.view(thread)

    async def pending(self, thread: str = "t") -> Approval:
        """The one approval a thread waits for."""
        (approval,) = (await self.view(thread)).approvals
        return approval

    async def decide(self, decision: Decision, *, thread: str = "t", **more: Any) -> Approval:
        """Decide on the one approval a thread waits for."""
        return await self.runner.decide((await self.pending(thread)).id, decision, actor="test", **more)

    async def answered(self, thread: str = "t") -> str:
        """The last thing the model was told about a call."""
        steps = (await self.view(thread)).steps
        return [step.text for step in steps if step.kind == "result" and step.tool != FIND_TOOLS][-1]

    async def boot(self) -> None:
        """What a server does at its start, until what it goes on with has stopped."""
        services, every = (
            Services(
                self.open_user,
                SqliteUsers(self.database),
                _NO_NOTICES,
                SqliteAudit(self.database),
                SqliteSessions(self.database),
            ),
            AllRuns(),
        )
        await recover_all(services, every)
        await all_stopped(services, every)
        await every.close(grace=60)
        await services.close()

    @asynccontextmanager
    async def open_user(self, user: str) -> AsyncIterator[Service]:
        """The world as a server has it."""
        settings, own = Settings(home=self.home), SqliteToolkits(self.database, user)
        preferences, registry = Preferences(settings, own), Registry([])
        toolkits = Toolkits(
            user, tools=registry, own=own, preferences=preferences, composio=None, refresh=registry.refresh
        )
        yield Service(
            settings,
            self.runner,
            self.threads,
            self.parts,
            toolkits,
            graphs_for((Loaded(AGENT, None),), self.graph, self.saver, InMemoryStore()),
            SqliteRuns(self.database, user),
            SqliteAssistants(self.database, user),
            SqliteChats(self.database, user),
            self.owner,
            SqliteOutcomes(self.database, user),
        )

    def config(self, thread: str = "t", **configurable: Any) -> RunnableConfig:
        """For the routes that go around the runner."""
        return {"configurable": {"thread_id": ThreadId(thread), **configurable}}

    def change_tool(self, slug: str, **facts: Any) -> None:
        """The provider changes a tool."""
        self.tools.specs[slug] = replace(self.tools.specs[slug], **facts)


async def all_stopped(services: Services, every: AllRuns) -> None:
    """Wait until no run of the owner's is under way any more."""
    service = await services.of(OWNER)
    while left := await service.runs.open():
        for run in left:
            stream = every.of(service).stream_of(run.id)
            assert stream is not None
            await stream.settled()


class MakeWorld(Protocol):
    """Opens worlds that are closed at the end of the test; the same home unless another is named."""

    async def __call__(self, *, home: str = "home", **settings: Any) -> World:
        """A world over `tmp_path / home`."""
        ...
