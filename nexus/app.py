"""The composition root: this module and `nexus.wiring` know every concrete class, and nobody else does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from graphs.agent import build
from graphs.parts import Parts
from graphs.state import State
from nexus.api.server import create_api, run_api
from nexus.core.user import OWNER
from nexus.runtime.service import Service
from nexus.runtime.services import Services
from nexus.settings import Settings, load_settings
from nexus.store.audit import SqliteAudit
from nexus.store.sessions import SqliteSessions
from nexus.store.users import SqliteUsers
from nexus.wiring.graphs import load_auth
from nexus.wiring.http import load_http
from nexus.wiring.notices import notices_for
from nexus.wiring.shared import open_shared
from nexus.wiring.user import open_parts, open_user


@asynccontextmanager
async def open_service(settings: Settings) -> AsyncGenerator[Service]:
    """The owner's running Nexus for `settings`; everything it holds is let go at the end."""
    async with open_shared(settings) as shared, open_user(shared, OWNER) as service:
        yield service


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncGenerator[Services]:
    """Every user's running Nexus for `settings`, each opened when first needed."""
    async with open_shared(settings, on_the_spot=True) as shared:
        users, audit = SqliteUsers(shared.database), SqliteAudit(shared.database)
        sessions = SqliteSessions(shared.database)
        services = Services(partial(open_user, shared), users, notices_for(shared), audit, sessions)
        try:
            yield services
        finally:
            await services.close()


def serve(settings: Settings) -> None:
    """Serve HTTP until told to stop."""
    api = create_api(
        lambda: open_services(settings), settings, load_auth(settings), load_http(settings.graphs)
    )
    run_api(api, settings)


class _Studio:
    """The one set of ports that every graph of a development server shares; opened on first use.

    `langgraph dev` asks for the graph anew for each request and brings its own checkpointer; the ledger and
    the approvals stay ours. Whoever uses it is the owner.
    """

    def __init__(self) -> None:
        self._opening = asyncio.Lock()
        self._parts: Parts | None = None
        self._stack = AsyncExitStack()

    async def parts(self) -> Parts:
        async with self._opening:
            if self._parts is None:
                settings = await asyncio.to_thread(load_settings)
                shared = await self._stack.enter_async_context(open_shared(settings))
                self._parts = await self._stack.enter_async_context(open_parts(shared, OWNER))
        return self._parts


_STUDIO = _Studio()


async def graph(_config: RunnableConfig) -> CompiledStateGraph[State, Any, State, State]:
    """The graph that `langgraph.json` names, for LangGraph Studio and `langgraph dev`."""
    return build(await _STUDIO.parts())
