"""Toolkits, tools, and running one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from tests.servers.composio.catalogue import Query, versions_in
from tests.servers.composio.errors import tool_not_found
from tests.servers.composio.paging import page_of
from tests.servers.composio.toolkits.base import Toolkit

if TYPE_CHECKING:
    from tests.servers.composio.standin import ComposioStandIn


class Call(BaseModel):
    """The body of an execution; more is accepted and left aside."""

    user_id: str | None = None
    entity_id: str | None = None
    connected_account_id: str | None = None
    version: str | None = None
    arguments: dict[str, Any] | None = None


def router(standin: ComposioStandIn) -> APIRouter:
    """The routes below `/toolkits` and `/tools`."""
    routes, catalogue = APIRouter(), standin.catalogue

    @routes.get("/toolkits")
    async def toolkits(
        category: str | None = None,
        search: str | None = None,
        sort_by: str = "usage",
        limit: float | None = None,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        chosen = [each for each in catalogue.toolkits.values() if _fits(each, category, search)]
        if sort_by == "alphabetically":
            chosen.sort(key=lambda each: each.slug)
        page = page_of(chosen, limit=limit, cursor=cursor)
        return page | {"items": [catalogue.toolkit_listed(each) for each in page["items"]]}

    @routes.get("/toolkits/categories")
    async def categories() -> dict[str, Any]:
        names = sorted({each.category for each in catalogue.toolkits.values()})
        return page_of([{"id": name, "name": name} for name in names], limit=len(names))

    @routes.get("/toolkits/{slug}")
    async def toolkit(slug: str) -> dict[str, Any]:
        return catalogue.toolkit_in_full(catalogue.toolkit(slug))

    @routes.get("/tools")
    async def tools(request: Request) -> dict[str, Any]:
        return catalogue.find(Query(request.query_params))

    @routes.get("/tools/{slug}")
    async def tool(slug: str, request: Request) -> dict[str, Any]:
        if slug not in catalogue.tools:
            raise tool_not_found(slug)
        version = versions_in(request.query_params)(catalogue.tools[slug].toolkit)
        return catalogue.listed(catalogue.tool(slug, version), version)

    @routes.post("/tools/execute/{slug}")
    async def execute(slug: str, call: Call) -> dict[str, Any]:
        return standin.execution.run(
            slug,
            call.arguments or {},
            user_id=call.user_id or call.entity_id,
            account_id=call.connected_account_id,
            version=call.version or "latest",
        ).response()

    return routes


def _fits(toolkit: Toolkit, category: str | None, search: str | None) -> bool:
    text = f"{toolkit.slug} {toolkit.name} {toolkit.description}".lower()
    return category in (None, toolkit.category) and (search or "").lower() in text
