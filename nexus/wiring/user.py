"""What is one user's own: tools, approvals, threads, checkpoints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from graphs.agent import build
from graphs.memories import Memories
from graphs.parts import Parts, nobody_has_accounts
from nexus.core.approval import Reminding
from nexus.core.tool import ToolSpec
from nexus.ports.tools import ToolProvider
from nexus.runtime.homes import desk_of, home_of
from nexus.runtime.locks import ThreadLocks
from nexus.runtime.runner import Runner
from nexus.runtime.service import Service
from nexus.runtime.toolkits import Toolkits
from nexus.store.approvals import SqliteApprovals
from nexus.store.assistants import SqliteAssistants
from nexus.store.audit import SqliteAudit
from nexus.store.chats import SqliteChats
from nexus.store.checkpoints import open_checkpoints
from nexus.store.database import make_private_folder
from nexus.store.experience import SqliteExperience
from nexus.store.items import open_items
from nexus.store.ledger import SqliteLedger
from nexus.store.outcomes import SqliteOutcomes
from nexus.store.policies import SqlitePolicies
from nexus.store.results import SqliteResults
from nexus.store.reviews import SqliteReviews
from nexus.store.runs import SqliteRuns
from nexus.store.threads import SqliteThreads
from nexus.store.toolkits import SqliteToolkits
from nexus.tools.desk.attachments import DeskAttachments
from nexus.tools.preferences import Preferences
from nexus.tools.registry import Registry
from nexus.tools.results import ResultShelf
from nexus.wiring.connections import connections_for, webhooks_for
from nexus.wiring.graphs import graphs_for
from nexus.wiring.memories import open_memories
from nexus.wiring.providers import open_servers, providers_for
from nexus.wiring.shared import Shared


@asynccontextmanager
async def open_user(shared: Shared, user: str) -> AsyncGenerator[Service]:
    """The user's running Nexus. Two users' checkpoints are two files: equal thread ids never meet."""
    home = home_of(shared.settings, user)
    await asyncio.to_thread(make_private_folder, home)
    async with AsyncExitStack() as stack:
        own = SqliteToolkits(shared.database, user)
        preferences = Preferences(shared.settings, own)
        results = SqliteResults(shared.database, user)
        shelf = ResultShelf(results)
        servers = await stack.enter_async_context(open_servers(shared, user, preferences))
        providers = providers_for(shared, user, preferences, servers)
        registry = await _registry(shared, user, preferences, shelf, providers)
        opened = open_checkpoints(home / "checkpoints.db", on_the_spot=shared.on_the_spot)
        checkpoints = await stack.enter_async_context(opened)
        items = await stack.enter_async_context(open_items(home / "store.db"))
        memories = await stack.enter_async_context(open_memories(shared, user, items))
        parts = _parts(shared, user, registry, shelf, memories)
        threads = SqliteThreads(shared.database, user, shared.records)
        runner = Runner(build(parts, checkpoints), parts, threads, ThreadLocks(home / "locks"))

        toolkits = Toolkits(
            user,
            tools=registry,
            own=own,
            preferences=preferences,
            composio=shared.composio,
            refresh=registry.refresh,
        )
        yield Service(
            shared.settings,
            runner,
            threads,
            parts,
            toolkits,
            graphs_for(shared.graphs, runner.graph, checkpoints, items),
            SqliteRuns(shared.records, user),
            SqliteAssistants(shared.records, user),
            SqliteChats(shared.records, user),
            shared.process,
            SqliteOutcomes(shared.database, user),
            shared.composio,
            results=results,
            reviews=SqliteReviews(shared.database, user),
            connections=connections_for(shared, registry, toolkits),
            webhooks=webhooks_for(shared),
            attachments=DeskAttachments(desk_of(shared.settings, user)),
            servers=servers,
            refresh=registry.refresh,
        )


@asynccontextmanager
async def open_parts(shared: Shared, user: str) -> AsyncGenerator[Parts]:
    """The user's ports alone, for a graph that somebody else runs."""
    preferences = Preferences(shared.settings, SqliteToolkits(shared.database, user))
    shelf = ResultShelf(SqliteResults(shared.database, user))
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(open_servers(shared, user, preferences))
        providers = providers_for(shared, user, preferences, servers)
        registry = await _registry(shared, user, preferences, shelf, providers)
        items = await stack.enter_async_context(open_items(home_of(shared.settings, user) / "store.db"))
        memories = await stack.enter_async_context(open_memories(shared, user, items))
        yield _parts(shared, user, registry, shelf, memories)


async def _registry(
    shared: Shared,
    user: str,
    preferences: Preferences,
    shelf: ResultShelf,
    providers: Sequence[ToolProvider],
) -> Registry:
    index = shared.index.of(user)

    async def make_findable(tools: Sequence[ToolSpec]) -> None:
        """All but what reads on: that is offered when there is something to read on in."""
        await index.update([tool for tool in tools if tool.slug != shelf.reader])

    registry = Registry([*providers, shelf], preferences.off, make_findable)
    await registry.refresh()
    return registry


def _parts(
    shared: Shared, user: str, registry: Registry, shelf: ResultShelf, memories: Memories | None
) -> Parts:
    composio = shared.composio
    return Parts(
        model=shared.model,
        tools=registry,
        index=shared.index.of(user),
        approvals=SqliteApprovals(shared.database, user),
        ledger=SqliteLedger(shared.database, shared.process, user),
        clock=shared.clock,
        policy=shared.policy,
        budget=shared.budget,
        approval_ttl=shared.settings.approval_ttl,
        reminding=Reminding.after(shared.settings.remind_minutes, shared.settings.remind_times),
        tool_timeout=shared.settings.tool_timeout,
        experience=SqliteExperience(shared.database),
        memories=memories,
        results=shelf,
        audit=SqliteAudit(shared.database, user),
        policies=SqlitePolicies(shared.database, user),
        user=user,
        find_accounts=partial(composio.list_accounts, user) if composio else nobody_has_accounts,
    )
