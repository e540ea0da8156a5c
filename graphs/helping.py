"""Memory is a help and no more: what it does in a run has a bounded time, and its failure stops nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

from nexus.errors import NexusError

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


async def helped(work: Awaitable[Result], otherwise: Result, *, within: float, without: str) -> Result:
    """What `work` gives in time; if it fails or takes longer, `otherwise`, and a line in the log.

    Args:
        work: Something that memory does for a run.
        otherwise: What the run goes on with if it cannot.
        within: Seconds.
        without: What that means, for the log.
    """
    try:
        async with asyncio.timeout(within):
            return await work
    # What a vendor's store raises is not ours to foresee, and none of it is worth a run.
    except Exception as error:  # noqa: BLE001
        _log.warning("%s: %s", without, why(error))
        return otherwise


def why(error: Exception) -> str:
    """What went wrong, without the words of anybody else's error: they may repeat what was to be kept."""
    if isinstance(error, NexusError):
        return str(error)
    return "it took too long" if isinstance(error, TimeoutError) else f"it broke off ({type(error).__name__})"
