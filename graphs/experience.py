"""What approved calls of before are good for: search leans on them, and the last one is shown as an example.

It is a help and no more: a store that cannot be read now never stops a run.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from graphs.parts import Parts
from nexus.errors import NexusError
from nexus.ports.experience import PastCall
from nexus.ports.index import Scope

_log = logging.getLogger(__name__)


async def scope_of(parts: Parts) -> Scope:
    """What search may know of the user."""
    connected = Scope(connected=parts.tools.connected())
    if parts.experience is None:
        return connected
    try:
        return replace(connected, examples=await parts.experience.examples(parts.user))
    except NexusError as error:
        _log.warning("search goes without experience: %s", error)
        return connected


async def last_call(parts: Parts, tool: str) -> PastCall | None:
    """The last call of `tool` that a person approved and that worked."""
    if parts.experience is None:
        return None
    try:
        return await parts.experience.last_call(parts.user, tool)
    except NexusError as error:
        _log.warning("%s is called without an example: %s", tool, error)
        return None
