"""The real program over a scripted model and recording tools, so that a test can type at it.

Its home holds `script.json` (what the model will say; used up line by line, across processes) and
`calls.jsonl` (what the tools really got). With a file `real-desk` in it, the tools are those of the desk.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from graphs.agent import build
from graphs.parts import Parts
from nexus import errors
from nexus.cli.program import Entry, program
from nexus.core.policy import Policy
from nexus.core.tool import JsonSchema, ToolSpec
from nexus.core.user import OWNER
from nexus.ports.clock import SystemClock
from nexus.ports.model import ChatMessage, Completion
from nexus.ports.runs import AGENT
from nexus.ports.tools import ToolProvider
from nexus.runtime.locks import ThreadLocks
from nexus.runtime.runner import Runner
from nexus.runtime.service import Service
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
from nexus.store.runs import SqliteRuns
from nexus.store.threads import SqliteThreads
from nexus.store.toolkits import SqliteToolkits
from nexus.testing import FixedIndex, RecordingTools, ScriptedModel
from nexus.tools.desk import desk_provider
from nexus.tools.index import HybridIndex
from nexus.tools.preferences import Preferences
from nexus.tools.registry import Registry
from nexus.wiring.audit import open_audit
from nexus.wiring.graphs import Loaded, graphs_for
from nexus.wiring.memories import open_own_memories
from nexus.wiring.notices import open_notices
from nexus.wiring.users import open_users

SEND = ToolSpec(
    "desk_send",
    "desk",
    "Send an e-mail",
    "Send an e-mail to somebody.",
    {
        "type": "object",
        "properties": {
            "to": {"type": "string", "description": "the address"},
            "subject": {"type": "string"},
            "copies": {"type": "integer", "minimum": 1},
            "urgent": {"type": "boolean"},
        },
        "required": ["to"],
        "additionalProperties": False,
    },
    frozenset({"createHint", "openWorldHint"}),
)
READ = ToolSpec(
    "desk_read",
    "desk",
    "Read the inbox",
    "Read the inbox.",
    {"type": "object", "properties": {}, "additionalProperties": False},
    frozenset({"readOnlyHint"}),
)
LOSE = ToolSpec(
    "desk_lose",
    "desk",
    "Post a letter",
    "Post a letter that gets lost.",
    {"type": "object", "properties": {}, "additionalProperties": False},
    frozenset({"createHint"}),
)
FORBIDDEN = ToolSpec(
    "desk_forbidden",
    "desk",
    "Burn the archive",
    "Burn the archive.",
    {"type": "object", "properties": {}, "additionalProperties": False},
    frozenset({"destructiveHint"}),
)


class FileModel:
    """A scripted model whose script lies in a file: the next process goes on where this one stopped."""

    name = "scripted"
    context_tokens = 8192

    def __init__(self, home: Path) -> None:
        self._script = home / "script.json"
        self._hanging = home / "hanging"

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int = 512,
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """The next line; `{"raise": NAME}` is an error of that class, `{"hang": true}` never ends."""
        line, *rest = json.loads(self._script.read_text())
        self._script.write_text(json.dumps(rest))
        if "hang" in line:
            self._hanging.touch()
            await asyncio.Event().wait()
        one = getattr(errors, line["raise"])() if "raise" in line else line
        return await ScriptedModel([one]).complete(
            messages, schema=schema, max_tokens=max_tokens, on_text=on_text
        )

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float | None:  # noqa: ARG002
        """Reads every question as one; what is no question in its form is not asked about."""
        return 1.0

    async def close(self) -> None:
        """Nothing to free."""


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncIterator[Service]:
    """Real stores, real graph; model and tools that do what the test says."""
    home = settings.home
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        database = Database(home / "nexus.db", clock)
        stack.push_async_callback(database.close)
        owner = Owner(home / "owners")
        stack.callback(owner.close)
        checkpoints = await stack.enter_async_context(open_checkpoints(home / "checkpoints.db"))
        index = HybridIndex(None, None) if _has_desk(settings) else FixedIndex()
        own = SqliteToolkits(database, OWNER)
        preferences = Preferences(settings, own)
        tools = Registry([_provider(settings)], preferences.off, index.update)
        await tools.refresh()
        parts = Parts(
            FileModel(home),
            tools,
            index,
            SqliteApprovals(database),
            SqliteLedger(database, owner),
            clock,
            policy=Policy(("desk_forbidden",), settings.ask, settings.policy),
            audit=SqliteAudit(database),
            policies=SqlitePolicies(database, OWNER),
        )
        threads = SqliteThreads(database)
        runner = Runner(build(parts, checkpoints), parts, threads, ThreadLocks(home / "locks"))
        toolkits = Toolkits(
            OWNER, tools=tools, own=own, preferences=preferences, composio=None, refresh=tools.refresh
        )
        items = await stack.enter_async_context(open_items(home / "store.db"))
        yield Service(
            settings,
            runner,
            threads,
            parts,
            toolkits,
            graphs_for((Loaded(AGENT, None),), runner.graph, checkpoints, items),
            SqliteRuns(database),
            SqliteAssistants(database),
            SqliteChats(database),
            owner,
            SqliteOutcomes(database, OWNER),
        )


def _has_desk(settings: Settings) -> bool:
    return (settings.home / "real-desk").exists()


def _provider(settings: Settings) -> ToolProvider:
    """Recording tools; or the real desk, for a test that wants real files."""
    if _has_desk(settings):
        return desk_provider(settings.desk, SystemClock())
    return RecordingTools([SEND, READ, LOSE, FORBIDDEN], behaviour=_behaviour(settings.home))


def _behaviour(home: Path) -> Callable[[ToolSpec, Mapping[str, Any]], str]:
    def behave(spec: ToolSpec, arguments: Mapping[str, Any]) -> str:
        with (home / "calls.jsonl").open("a") as file:
            file.write(json.dumps([spec.slug, dict(arguments)]) + "\n")
        if spec.slug == "desk_lose":
            raise errors.OutcomeUnknown("The post office did not answer.")
        return (
            "Two letters: the review moved to \x1b[31mFriday\x1b[0m." if spec.slug == "desk_read" else "Sent."
        )

    return behave


def serve(settings: Settings) -> None:
    """Say what would be served."""
    print(f"serving {settings.host}:{settings.port}")


if __name__ == "__main__":
    program(
        obj=Entry(
            open_service=open_service,
            serve=serve,
            open_users=open_users,
            open_audit=open_audit,
            open_notices=open_notices,
            open_memories=open_own_memories,
        )
    )
