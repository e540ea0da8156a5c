"""The composition root: the only module that knows every concrete class."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from graphs.agent import build
from graphs.parts import Parts
from graphs.state import State
from nexus.api.server import create_api, run_api
from nexus.core.budget import Budget
from nexus.core.policy import Policy
from nexus.models.minilm import MiniLM
from nexus.models.selection import build_model, choice_of
from nexus.ports.clock import SystemClock
from nexus.runtime.locks import ThreadLocks
from nexus.runtime.runner import Runner
from nexus.runtime.service import Service
from nexus.settings import Settings, load_settings
from nexus.store.approvals import SqliteApprovals
from nexus.store.checkpoints import open_checkpoints
from nexus.store.database import Database, make_private_folder
from nexus.store.experience import SqliteExperience
from nexus.store.ledger import SqliteLedger
from nexus.store.owner import Owner
from nexus.store.threads import SqliteThreads
from nexus.tools.desk import desk_provider
from nexus.tools.index import HybridIndex
from nexus.tools.registry import Registry

# LangChain sends runs to LangSmith when the environment says so; nothing leaves this machine from Nexus.
_TRACING = ("LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING")


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncGenerator[Service]:
    """A running Nexus for `settings`; everything it holds is let go at the end."""
    async with AsyncExitStack() as stack:
        database = Database(settings.home / "nexus.db", SystemClock())
        stack.push_async_callback(database.close)
        parts = await stack.enter_async_context(open_parts(settings, database))
        checkpoints = await stack.enter_async_context(open_checkpoints(settings.home / "checkpoints.db"))
        threads = SqliteThreads(database)
        runner = Runner(build(parts, checkpoints), parts, threads, ThreadLocks(settings.home / "locks"))
        yield Service(settings=settings, runner=runner, threads=threads, parts=parts)


@asynccontextmanager
async def open_parts(settings: Settings, database: Database) -> AsyncGenerator[Parts]:
    """The ports, made of what the settings choose."""
    for name in _TRACING:
        os.environ[name] = "false"
    async with AsyncExitStack() as stack:
        # In threads: `langgraph dev` refuses file-system calls in the event loop.
        await asyncio.to_thread(make_private_folder, settings.home)
        clock = SystemClock()
        owner = await asyncio.to_thread(Owner, settings.home / "owners")
        stack.callback(owner.close)
        model = build_model(
            await choice_of(settings.model, ollama_url=settings.ollama_url),
            num_ctx=settings.num_ctx,
            models_dir=settings.models_dir,
            ollama_url=settings.ollama_url,
            allow_remote_model=settings.allow_remote_model,
            request_timeout=settings.model_timeout,
        )
        stack.push_async_callback(model.close)
        registry = Registry([desk_provider(settings.desk, clock)], frozenset(settings.disable))
        await registry.refresh()
        index = HybridIndex(MiniLM(), settings.home / "index")
        stack.push_async_callback(index.close)
        await index.update(registry.all())
        yield Parts(
            model=model,
            tools=registry,
            index=index,
            approvals=SqliteApprovals(database),
            ledger=SqliteLedger(database, owner),
            clock=clock,
            policy=Policy(deny=settings.deny, ask=settings.ask),
            budget=Budget(steps=settings.max_steps),
            approval_ttl=settings.approval_ttl,
            tool_timeout=settings.tool_timeout,
            experience=SqliteExperience(database),
        )


def serve(settings: Settings) -> None:
    """Serve HTTP until told to stop."""
    run_api(create_api(lambda: open_service(settings), settings), settings)


class _Studio:
    """The one set of ports that every graph of a development server shares; opened on first use.

    `langgraph dev` asks for the graph anew for each request and brings its own checkpointer; the ledger and
    the approvals stay ours.
    """

    def __init__(self) -> None:
        self._opening = asyncio.Lock()
        self._parts: Parts | None = None
        self._stack = AsyncExitStack()

    async def parts(self) -> Parts:
        async with self._opening:
            if self._parts is None:
                settings = await asyncio.to_thread(load_settings)
                database = Database(settings.home / "nexus.db", SystemClock())
                self._parts = await self._stack.enter_async_context(open_parts(settings, database))
        return self._parts


_STUDIO = _Studio()


async def graph(_config: RunnableConfig) -> CompiledStateGraph[State, Any, State, State]:
    """The graph that `langgraph.json` names, for LangGraph Studio and `langgraph dev`."""
    return build(await _STUDIO.parts())
