"""The runs of all users."""

from __future__ import annotations

import asyncio

from nexus.runtime.runs import Runs
from nexus.runtime.service import Service


class AllRuns:
    """The runs of every user, each user's by themselves: equal thread ids are different threads."""

    def __init__(self) -> None:
        self._runs: dict[str, Runs] = {}

    def of(self, service: Service) -> Runs:
        """The runs of the user whose service it is."""
        user = service.parts.user
        if user not in self._runs:
            self._runs[user] = Runs(service)
        return self._runs[user]

    async def close(self, *, grace: float) -> None:
        """As `Runs.close`, for all of them at once."""
        await asyncio.gather(*(runs.close(grace=grace) for runs in self._runs.values()))
