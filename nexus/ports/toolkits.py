"""Which apps are switched on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class ToolkitSwitches(Protocol):
    """What one user switched on or off by themselves; on disk, so that every process sees it."""

    async def set(self, toolkit: str, is_on: bool) -> None:  # noqa: FBT001 - a switch is on or off
        """Switch a toolkit on or off for the user. Raises StoreUnavailable."""
        ...

    async def all(self) -> Mapping[str, bool]:
        """Every switch the user has set, by toolkit. Raises StoreUnavailable."""
        ...
