"""The demo: a desk of example files, and requests that show what Nexus does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nexus.errors import ModelMissing
from nexus.models.state import model_state
from nexus.ports.clock import Clock
from nexus.ports.runs import AGENT
from nexus.runtime.homes import desk_of
from nexus.runtime.requests import Wanted
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.settings import Settings
from nexus.tools.desk.seed import seed

REQUESTS: Sequence[str] = (
    "Email design@example.com that the review moved to Friday 3pm",
    "Look up Priya Nair's phone number and add a task to call her",
)
"""The first ends in a question to the person; the second looks something up before."""


async def prepare_desk(settings: Settings, user: str, clock: Clock) -> None:
    """Put example files on the user's desk; what is there, or was deleted, stays as it is."""
    await asyncio.to_thread(seed, desk_of(settings, user), clock)


async def begin_demo(service: Service, runs: Runs, *, request: str = REQUESTS[0], actor: str) -> str:
    """Prepare the user's desk and start the request in a new thread; the thread's id.

    Raises:
        ModelMissing: The model in force cannot think right now; nothing was done.
    """
    state = await model_state(service.settings)
    if state.problem:
        raise ModelMissing(f"{state.choice.setting}: {state.problem}.", remedy=state.remedy)
    await prepare_desk(service.settings, service.parts.user, service.parts.clock)
    thread = await service.runner.create_thread()
    asked = {"messages": [{"role": "user", "content": request}]}
    await runs.start(thread.id, Wanted(AGENT, input=asked), actor=actor)
    return thread.id
