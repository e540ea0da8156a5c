"""A run's own webhook: an endpoint of the user's that is told of nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from nexus.api.endpoints import endpoints_of, notices_of
from nexus.errors import InvalidInput
from nexus.ports.endpoints import Endpoints
from nexus.runtime.notices import Notices


@dataclass(frozen=True)
class RunHooks:
    """Those of whoever asks."""

    notices: Notices
    endpoints: Endpoints

    async def endpoint(self, url: str | None) -> str | None:
        """The id of the endpoint at that URL. Raises InvalidInput and Conflict."""
        if url is None:
            return None
        try:
            self.notices.check_url(url)
        except InvalidInput as error:
            raise InvalidInput(
                error.message.partition(": ")[2], field="webhook", remedy=error.remedy
            ) from error
        return (await self.endpoints.for_runs(url)).id


async def _hooks(request: Request) -> RunHooks:
    return RunHooks(notices_of(request), endpoints_of(request))


HooksDep = Annotated[RunHooks, Depends(_hooks)]
