"""The apps a user can have, and which of them are on."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from nexus.api.dependencies import ServiceDep
from nexus.api.openapi import problems
from nexus.runtime.toolkits import Toolkit

router = APIRouter(prefix="/toolkits", tags=["toolkits"])

Slug = Annotated[str, Path(min_length=1, max_length=100, description="The app, e.g. gmail")]

_EXAMPLE: dict[str, Any] = {
    "slug": "gmail",
    "title": "Gmail",
    "description": "Read, write and tidy up mail.",
    "tools": 63,
    "is_on": True,
    "needs_account": True,
    "account": "ca_5d0c8a1f4b7e",
}


class ToolkitView(BaseModel):
    """An app, as whoever asks has it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    slug: str
    title: str
    description: str
    tools: int = Field(description="How many tools it has")
    is_on: bool = Field(description="Whether the model can find its tools")
    needs_account: bool = Field(description="Whether its tools act on an account of the user")
    account: str | None = Field(description="That account; null if none is connected")

    @classmethod
    def of(cls, toolkit: Toolkit) -> Self:
        """The view of a toolkit."""
        return cls.model_validate(toolkit)


class Switch(BaseModel):
    """How an app shall be."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"is_on": True}]})

    is_on: bool = Field(strict=True)


@router.get("", responses=problems(), summary="List apps; those that are on first")
async def list_toolkits(
    service: ServiceDep,
    every: Annotated[bool, Query(alias="all", description="Also those that are off")] = False,  # noqa: FBT002
) -> list[ToolkitView]:
    """What is known on this machine; nobody is asked."""
    return [ToolkitView.of(each) for each in await service.toolkits.all() if every or each.is_on]


@router.get("/search", responses=problems(), summary="Look for apps, on or off; the best first")
async def search_toolkits(
    service: ServiceDep,
    response: Response,
    query: Annotated[str, Query(max_length=200, description="Words that an app has, all of them")] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[ToolkitView]:
    """What is known on this machine; `X-Pagination-Total` says how many fit in all."""
    found = await service.toolkits.find(query, offset=offset, limit=limit)
    response.headers["X-Pagination-Total"] = str(found.total)
    return [ToolkitView.of(each) for each in found.toolkits]


@router.put("/{slug}", responses=problems(404, 409, changes=True), summary="Switch an app on or off")
async def switch_toolkit(slug: Slug, switch: Switch, service: ServiceDep) -> ToolkitView:
    """The next run sees it, without a restart; it is for whoever asks, not for other users.

    The tools of an app that was never on are read from Composio first: only the app's name is sent.
    """
    return ToolkitView.of(await service.toolkits.switch(slug.lower(), is_on=switch.is_on))
