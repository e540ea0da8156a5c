"""A real server over real SQLite files, with a scripted model and recording tools."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.store.sqlite.aio import AsyncSqliteStore
from langgraph_sdk import Auth

from graphs.agent import build
from graphs.memories import Memories
from graphs.parts import Parts
from nexus.api.beside import Http
from nexus.api.server import Server, configured, create_api, listen
from nexus.core.policy import Policy
from nexus.core.tool import JsonSchema, ToolSpec
from nexus.core.user import OWNER
from nexus.errors import NotFound
from nexus.memory.sqlite import SqliteMemories
from nexus.ports.clock import Clock, SystemClock
from nexus.ports.model import ChatMessage, Completion
from nexus.ports.runs import AGENT
from nexus.ports.tools import ToolResult
from nexus.runtime.locks import ThreadLocks
from nexus.runtime.runner import Runner
from nexus.runtime.service import Service
from nexus.runtime.services import Services
from nexus.runtime.toolkits import Toolkits
from nexus.settings import Settings
from nexus.store.approvals import SqliteApprovals
from nexus.store.assistants import SqliteAssistants
from nexus.store.audit import SqliteAudit
from nexus.store.chats import SqliteChats
from nexus.store.checkpoints import open_checkpoints
from nexus.store.database import Database
from nexus.store.items import open_items
from nexus.store.ledger import SqliteLedger
from nexus.store.outcomes import SqliteOutcomes
from nexus.store.owner import Owner
from nexus.store.policies import SqlitePolicies
from nexus.store.reviews import SqliteReviews
from nexus.store.runs import SqliteRuns
from nexus.store.sessions import SqliteSessions
from nexus.store.threads import SqliteThreads
from nexus.store.toolkits import SqliteToolkits
from nexus.store.users import SqliteUsers
from nexus.testing import FixedIndex, RecordingTools, ScriptedModel, WordEmbedder
from nexus.tools.desk.attachments import DeskAttachments
from nexus.tools.preferences import Preferences
from nexus.tools.registry import Registry
from nexus.wiring.graphs import Loaded, graphs_for
from nexus.wiring.notices import notices_over

SEND = ToolSpec(
    "send",
    "desk",
    "Send",
    "Send an e-mail",
    {
        "type": "object",
        "properties": {"to": {"type": "string"}, "subject": {"type": "string", "maxLength": 200}},
        "required": ["to"],
        "additionalProperties": False,
    },
    frozenset({"createHint", "openWorldHint"}),
)
READ = ToolSpec(
    "read",
    "desk",
    "Read",
    "Read the inbox",
    {"type": "object", "properties": {}, "additionalProperties": False},
    frozenset({"readOnlyHint"}),
)


class Script(ScriptedModel):
    """A scripted model that fills what the protocol asks for beside the script: with nothing, or with yes."""

    async def complete(
        self, messages: Sequence[ChatMessage], *, schema: JsonSchema | None = None, **rest: Any
    ) -> Completion:
        line = self.script[0] if self.script else None
        if isinstance(line, dict) and schema:
            line.update({name: "" for name in schema.get("required", ()) if name not in line})
        return await super().complete(messages, schema=schema, **rest)

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float:
        """Sure of everything: what is asked as a question is one."""
        self.prompts.append(list(messages))
        return 1.0


@dataclass
class GatedTools(RecordingTools):
    """Recording tools whose calls wait until the test opens the gate."""

    specs: Any = (SEND, READ)
    gate: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)

    def get(self, slug: str) -> ToolSpec:
        found = next((spec for spec in self.specs if spec.slug == slug), None)
        if found is None:
            raise NotFound(f"There is no tool {slug!r}.")
        return found

    def all(self) -> list[ToolSpec]:
        return list(self.specs)

    async def earlier(self, slug: str) -> list[ToolSpec]:  # noqa: ARG002 - of any tool
        """No version was replaced."""
        return []

    async def freshen(self) -> None:
        pass

    def connected(self) -> frozenset[str]:
        return frozenset(spec.toolkit for spec in self.specs if spec.can_act)

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        self.reached.set()
        await asyncio.to_thread(self.gate.wait)
        return await super().call(spec, arguments, key=key)


@dataclass
class Office:
    """What outlives a restart of the server: the files, the world, the model."""

    home: Path
    model: ScriptedModel = field(default_factory=Script)
    tools: GatedTools = field(default_factory=GatedTools)
    clock: Clock = field(default_factory=SystemClock)
    policy: Policy = field(default_factory=Policy)
    graphs: tuple[Loaded, ...] = ()
    database: type[Database] = Database
    on_checkpoints: Callable[[AsyncSqliteSaver], None] = lambda _: None
    origins: tuple[str, ...] = ()
    auth: Auth | None = None
    http: Http | None = None
    remembers: bool = False

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, host="127.0.0.1", port=0, cors_origins=self.origins)

    @asynccontextmanager
    async def open_services(self) -> AsyncIterator[Services]:
        database, process = self.database(self.home / "nexus.db", self.clock), Owner(self.home / "owners")
        notices = notices_over(database, self.clock, self.settings)
        users = SqliteUsers(database)
        services = Services(
            partial(self._open_user, database, process),
            users,
            notices,
            SqliteAudit(database),
            SqliteSessions(database),
        )
        try:
            yield services
        finally:
            await services.close()
            await database.close()
            process.close()

    @asynccontextmanager
    async def _open_user(self, database: Database, process: Owner, user: str) -> AsyncIterator[Service]:
        index, home = FixedIndex(), self.home if user == OWNER else self.home / "users" / user
        await index.update(self.tools.all())
        async with (
            open_checkpoints(home / "checkpoints.db", on_the_spot=True) as checkpoints,
            open_items(home / "store.db") as items,
        ):
            self.on_checkpoints(checkpoints)
            approvals, ledger = SqliteApprovals(database, user), SqliteLedger(database, process, user)
            ports = (self.model, self.tools, index, approvals, ledger, self.clock, self.policy)
            parts, threads = (
                Parts(
                    *ports,
                    user=user,
                    audit=SqliteAudit(database, user),
                    policies=SqlitePolicies(database, user),
                    memories=await self._memories(items),
                ),
                SqliteThreads(database, user),
            )
            runner = Runner(build(parts, checkpoints), parts, threads, ThreadLocks(home / "locks"))
            toolkits, reviews = await self._toolkits(database, user), SqliteReviews(database, user)
            yield Service(
                self.settings,
                runner,
                threads,
                parts,
                toolkits,
                graphs_for((Loaded(AGENT, None), *self.graphs), runner.graph, checkpoints, items),
                SqliteRuns(database, user),
                SqliteAssistants(database, user),
                SqliteChats(database, user),
                process,
                SqliteOutcomes(database, user),
                reviews=reviews,
                attachments=DeskAttachments(home / "desk"),
            )

    async def _memories(self, items: AsyncSqliteStore) -> Memories | None:
        if not self.remembers:
            return None
        store = await SqliteMemories(items, WordEmbedder(), self.clock).open()
        return Memories(store, self.clock)

    async def _toolkits(self, database: Database, user: str) -> Toolkits:
        own = SqliteToolkits(database, user)
        preferences = Preferences(self.settings, own)
        registry = Registry([self.tools], preferences.off)
        await registry.refresh()
        return Toolkits(
            user, tools=registry, own=own, preferences=preferences, composio=None, refresh=registry.refresh
        )


@contextmanager
def serving(office: Office, prepare: Callable[[FastAPI], None] = lambda _: None) -> Iterator[httpx.Client]:
    """A client of a server that runs in a thread of its own; every answer must be a documented one."""
    app = create_api(office.open_services, office.settings, office.auth, office.http)
    prepare(app)
    listener = listen(office.settings)
    server = Server(configured(app), listener)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    check = Documented(app.openapi())
    try:
        with httpx.Client(
            base_url=server.url, timeout=30, trust_env=False, event_hooks={"response": [check]}
        ) as client:
            yield client
    finally:
        office.tools.gate.set()
        server.should_exit = True
        thread.join()
        listener.close()


class Documented:
    """Refuses every answer that the OpenAPI document does not have, and every error that is no problem."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._routes = [
            (method.upper(), path.split("/"), operation["responses"])
            for path, item in document["paths"].items()
            for method, operation in item.items()
        ]

    def __call__(self, response: httpx.Response) -> None:
        request, status = response.request, str(response.status_code)
        is_page = "text/html" in request.headers.get("accept", "")
        if response.is_error and request.method != "HEAD" and not is_page:
            problem = response.read() and response.json()
            assert response.headers["content-type"] == "application/problem+json"
            assert problem["status"] == response.status_code
            assert problem["title"]
            assert problem["detail"]
        steps = request.url.path.split("/")
        for method, route, responses in self._routes:
            if method == request.method and len(route) == len(steps) and all(map(_fits, route, steps)):
                assert status in responses, f"{method} {'/'.join(route)} does not document {status}"


def _fits(step: str, actual: str) -> bool:
    return step == actual or step.startswith("{")


def new_thread(client: httpx.Client) -> str:
    """The id of a new thread."""
    return client.post("/threads").raise_for_status().json()["thread_id"]


def request(text: str, **more: Any) -> dict[str, Any]:
    """The body of a run that brings a new message."""
    return {"assistant_id": "nexus", "input": {"messages": [{"role": "user", "content": text}]}, **more}


def go_on(**more: Any) -> dict[str, Any]:
    """The body of a run that brings nothing new."""
    return {"assistant_id": "nexus", **more}


def pause(client: httpx.Client, office: Office, **arguments: Any) -> tuple[str, dict[str, Any]]:
    """Run until `send` asks; the thread's id and its approval."""
    sent = arguments or {"to": "a@b.c", "subject": "x"}
    office.model.script.clear()
    office.model.calls(("send", sent), answer="Sent.")
    thread = new_thread(client)
    body = request(f"mail {sent['to'][:100]}")
    ended = client.post(f"/threads/{thread}/runs/wait", json=body).raise_for_status().json()
    assert ended["__interrupt__"]
    return thread, story(client, thread)["approvals"][0]


def story(client: httpx.Client, thread: str) -> dict[str, Any]:
    """The thread as a person reads it."""
    return client.get(f"/threads/{thread}/story").raise_for_status().json()


def settled(client: httpx.Client, thread: str) -> dict[str, Any]:
    """The thread once no run is under way; asking is all the waiting there is."""
    for _ in range(10_000):
        view = story(client, thread)
        if view["status"] != "running":
            return view
    raise AssertionError("the run does not end")
