"""The demo: a desk of example files, and requests that show what Nexus does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from nexus.errors import ModelMissing
from nexus.models.state import model_state
from nexus.ports.clock import Clock
from nexus.ports.threads import Thread
from nexus.runtime.homes import desk_of
from nexus.runtime.service import Service
from nexus.runtime.talking import Talking
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


async def begin_demo(service: Service, talking: Talking, *, request: str = REQUESTS[0]) -> Thread:
    """Prepare the user's desk and serve the request in a new thread.

    Raises:
        ModelMissing: The model in force cannot think right now; nothing was done.
        Refused: They may not begin it; the desk is as it was.
    """
    state = await model_state(service.settings)
    if state.problem:
        raise ModelMissing(f"{state.choice.setting}: {state.problem}.", remedy=state.remedy)
    prepare = partial(prepare_desk, service.settings, service.parts.user, service.parts.clock)
    return await talking.begin(request, prepare=prepare)
