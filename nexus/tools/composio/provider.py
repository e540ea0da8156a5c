"""One user's Composio tools behind the port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nexus.core.arguments import check_arguments
from nexus.core.tool import ToolSpec
from nexus.errors import OutcomeUnknown
from nexus.ports.tools import ToolResult
from nexus.tools.composio.project import ComposioProject

Wanted = Callable[[], Awaitable[frozenset[str] | None]]
"""Which toolkits are on now; None: every one of the catalogue."""


class ComposioProvider:
    """Offers the tools of the toolkits that are on, acting for one user on that user's own accounts.

    What it offers is what the catalogue on disk has: no start and no list waits for the network.

    Args:
        project: Shared by all users.
        user_id: The user as Composio knows them.
        wanted: Which toolkits are on for the user.
    """

    name = "composio"

    def __init__(self, project: ComposioProject, *, user_id: str, wanted: Wanted) -> None:
        self._project = project
        self._user_id = user_id
        self._wanted = wanted
        self._offered: tuple[object, ...] | None = None

    async def tools(self) -> Sequence[ToolSpec]:
        """Every tool of the toolkits that are on, with the account it would act on."""
        self._offered = await self._stamp()
        accounts = await self._accounts()
        specs = await self._project.specs(await self._wanted())
        return [_on_account(spec, accounts) for spec in specs]

    async def has_changed(self) -> bool:
        """True if `tools` would give something else now; asks Composio for what was never listed."""
        await self._project.catch_up(self._user_id, await self._wanted())
        return self._offered != await self._stamp()

    async def earlier(self, slug: str) -> Sequence[ToolSpec]:
        """The versions of a tool that were replaced and are kept, with the account of now."""
        accounts = await self._accounts()
        specs = await asyncio.to_thread(self._project.catalogue.earlier, slug)
        return [_on_account(spec, accounts) for spec in specs]

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """Run a tool once, in the version and on the account it was listed with."""
        client = await self._project.client()
        from composio_client import ComposioError  # noqa: PLC0415 - importing it takes seconds

        from nexus.tools.composio.outcomes import connect_first, failure_of, outcome_of  # noqa: PLC0415 - same

        check_arguments(spec, arguments)
        if spec.account is None and spec.needs_account:
            raise connect_first(spec)
        try:
            answer = await self._execute(client, spec, arguments, key)
        except ComposioError as error:
            raise outcome_of(error, spec) from error
        match getattr(answer, "successful", None):
            case True:
                return ToolResult(_text(getattr(answer, "data", None)), reference=_log_id(answer))
            case False:
                why = getattr(answer, "error", None)
                told = why if why is None or isinstance(why, str) else _text(why)
                raise failure_of(told, spec, _log_id(answer))
            case _:
                raise OutcomeUnknown(
                    "Composio's answer does not say whether it was done.", reference=_log_id(answer)
                )

    async def _execute(self, client: Any, spec: ToolSpec, arguments: Mapping[str, Any], key: str) -> Any:
        """The one request of a call; `key` goes along, though Composio is not known to look at it."""
        from composio_client import omit  # noqa: PLC0415 - importing it takes seconds

        return await client.with_options(max_retries=0).tools.execute(
            spec.slug,
            user_id=self._user_id,
            connected_account_id=spec.account or omit,
            arguments=dict(arguments),
            version=spec.version,
            extra_headers={"idempotency-key": key},
        )

    async def _accounts(self) -> dict[str, str]:
        return await asyncio.to_thread(self._project.catalogue.accounts, self._user_id)

    async def _stamp(self) -> tuple[object, ...]:
        """What `tools` depends on; compared, never looked into."""
        return *await asyncio.to_thread(self._project.catalogue.changes), await self._wanted()


def _on_account(spec: ToolSpec, accounts: Mapping[str, str]) -> ToolSpec:
    account = accounts.get(spec.toolkit) if spec.needs_account else None
    return replace(spec, account=account) if account else spec


def _log_id(answer: Any) -> str | None:
    """How the call is found in Composio's own log."""
    found = getattr(answer, "log_id", None)
    return str(found) if found else None


def _text(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
