"""What all users of one Nexus share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from nexus.core.budget import Budget
from nexus.core.policy import Policy
from nexus.models.selection import build_model, choice_of
from nexus.ports.clock import Clock, SystemClock
from nexus.ports.embeddings import Embedder
from nexus.ports.model import ChatModel
from nexus.settings import Settings
from nexus.store.database import Database, make_private_folder
from nexus.store.owner import Owner
from nexus.tools.composio.project import ComposioProject, open_project
from nexus.tools.index import HybridIndex
from nexus.tools.shared_index import SharedIndex
from nexus.wiring.embeddings import open_embedder
from nexus.wiring.graphs import Loaded, load_graphs

# LangChain sends runs to LangSmith when the environment says so; nothing leaves this machine from Nexus.
_TRACING = ("LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING")


@dataclass(frozen=True, slots=True)
class Shared:
    """One of each for all users.

    Attributes:
        on_the_spot: The event loop may use SQLite's files itself where that takes next to no time.
        records: The same file as `database`, for what need only survive the process.
        graphs: The graphs that are served.
        process: This process, as the ledger of every user knows it.
        embedder: Makes the vectors of tools, requests and memories.
        index: Over the tools of all users; each sees their own.
        composio: Composio as all users share it; None without a key.
    """

    settings: Settings
    on_the_spot: bool
    clock: Clock
    database: Database
    records: Database
    graphs: tuple[Loaded, ...]
    process: Owner
    model: ChatModel
    embedder: Embedder
    index: SharedIndex
    policy: Policy
    budget: Budget
    composio: ComposioProject | None


@asynccontextmanager
async def open_shared(settings: Settings, *, on_the_spot: bool = False) -> AsyncGenerator[Shared]:
    """What the settings choose; everything it holds is let go at the end."""
    for name in _TRACING:
        os.environ[name] = "false"
    async with AsyncExitStack() as stack:
        # In threads: `langgraph dev` refuses file-system calls in the event loop.
        await asyncio.to_thread(make_private_folder, settings.home)
        clock = SystemClock()
        file = settings.home / "nexus.db"
        database = Database(file, clock, on_the_spot=on_the_spot)
        stack.push_async_callback(database.close)
        records = Database(file, clock, survives_power_cut=False, on_the_spot=on_the_spot)
        stack.push_async_callback(records.close)
        process = await asyncio.to_thread(Owner, settings.home / "owners")
        stack.callback(process.close)
        model = await _model(settings)
        stack.push_async_callback(model.close)
        embedder = await open_embedder(settings)
        index = HybridIndex(embedder, settings.home / "index")
        stack.push_async_callback(index.close)
        yield Shared(
            settings=settings,
            on_the_spot=on_the_spot,
            clock=clock,
            database=database,
            records=records,
            graphs=await asyncio.to_thread(load_graphs, settings.graphs),
            process=process,
            model=model,
            embedder=embedder,
            index=SharedIndex(index),
            policy=Policy(settings.deny, settings.ask, settings.policy),
            budget=Budget(steps=settings.max_steps),
            composio=await stack.enter_async_context(open_project(settings)),
        )


async def _model(settings: Settings) -> ChatModel:
    return build_model(
        await choice_of(settings.model, ollama_url=settings.ollama_url),
        num_ctx=settings.num_ctx,
        models_dir=settings.models_dir,
        ollama_url=settings.ollama_url,
        allow_remote_model=settings.allow_remote_model,
        request_timeout=settings.model_timeout,
    )
