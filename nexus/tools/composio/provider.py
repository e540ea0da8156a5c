"""One user's Composio tools behind the port."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nexus.core.arguments import check_arguments
from nexus.core.tool import ToolSpec
from nexus.errors import OutcomeUnknown, Unavailable
from nexus.ports.tools import ToolResult
from nexus.tools.composio.listing import every_page, spec_of

if TYPE_CHECKING:
    from composio_client import AsyncComposio


class ComposioProvider:
    """Offers the tools of some toolkits, acting for one user on that user's own accounts.

    Args:
        client: From `open_composio`.
        user_id: The user as Composio knows them.
        toolkits: The toolkits to offer, by slug.
        versions: The version of a toolkit to keep to; for others the latest at the time of listing.
    """

    name = "composio"

    def __init__(
        self,
        client: AsyncComposio,
        *,
        user_id: str,
        toolkits: Sequence[str],
        versions: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._user_id = user_id
        self._toolkits = tuple(toolkits)
        self._versions = dict(versions or {})
        self._needs_no_account: frozenset[str] = frozenset()

    async def tools(self) -> Sequence[ToolSpec]:
        """Every tool of the toolkits, with the account it would act on. Raises Unavailable."""
        from composio_client import ComposioError  # noqa: PLC0415 - importing it takes seconds

        try:
            accounts = await self._accounts()
            listed = [tool for toolkit in self._toolkits for tool in await self._listed(toolkit)]
        except ComposioError as error:
            raise Unavailable(f"Composio cannot list its tools: {error}") from error
        self._needs_no_account = frozenset(tool.slug for tool in listed if tool.no_auth)
        return [spec_of(tool, account=accounts.get(tool.toolkit.slug)) for tool in listed]

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """Run a tool once, in the version and on the account it was listed with."""
        from composio_client import ComposioError  # noqa: PLC0415 - importing it takes seconds

        from nexus.tools.composio.outcomes import connect_first, failure_of, outcome_of  # noqa: PLC0415 - same

        check_arguments(spec, arguments)
        if spec.account is None and spec.slug not in self._needs_no_account:
            raise connect_first(spec)
        try:
            answer = await self._execute(spec, arguments, key)
        except ComposioError as error:
            raise outcome_of(error, spec) from error
        match getattr(answer, "successful", None):
            case True:
                return ToolResult(_text(answer.data), reference=answer.log_id)
            case False:
                raise failure_of(answer.error)
            case _:
                raise OutcomeUnknown("Composio's answer does not say whether it was done.")

    async def _execute(self, spec: ToolSpec, arguments: Mapping[str, Any], key: str) -> Any:
        """The one request of a call; `key` goes along, though Composio is not known to look at it."""
        from composio_client import omit  # noqa: PLC0415 - importing it takes seconds

        return await self._client.with_options(max_retries=0).tools.execute(
            spec.slug,
            user_id=self._user_id,
            connected_account_id=spec.account or omit,
            arguments=dict(arguments),
            version=spec.version,
            extra_headers={"idempotency-key": key},
        )

    async def _accounts(self) -> dict[str, str]:
        """The user's newest active account of each toolkit."""
        pages = every_page(
            self._client.connected_accounts.list,
            user_ids=[self._user_id],
            statuses=["ACTIVE"],
            order_by="created_at",
            order_direction="asc",
        )
        return {account.toolkit.slug: account.id async for account in pages}

    async def _listed(self, toolkit: str) -> list[Any]:
        version = self._versions.get(toolkit)
        pages = every_page(
            self._client.tools.list,
            toolkit_slug=toolkit,
            toolkit_versions={toolkit: version} if version else "latest",
        )
        return [tool async for tool in pages if not tool.is_deprecated]


def _text(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
