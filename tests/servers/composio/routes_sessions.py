"""Sessions (the tool router)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from tests.servers.composio.errors import bad_request
from tests.servers.composio.paging import page_of
from tests.servers.composio.sessions import NewSession, Session
from tests.servers.composio.toolkits.base import Toolkit

if TYPE_CHECKING:
    from tests.servers.composio.standin import ComposioStandIn

_FOUND = 5


class SessionCall(BaseModel):
    """The body of an execution inside a session."""

    tool_slug: str
    arguments: dict[str, Any] | None = None
    account: str | None = None
    input_responses: dict[str, dict[str, Any]] | None = None
    request_state: str | None = None


class SessionLink(BaseModel):
    """The body that starts a connection from a session."""

    toolkit: str
    callback_url: str | None = None
    alias: str | None = None


class UseCase(BaseModel):
    """What somebody wants to do, in words."""

    use_case: str


class Search(BaseModel):
    """The body of a search."""

    queries: list[UseCase]


def router(standin: ComposioStandIn) -> APIRouter:
    """The routes below `/tool_router/session`."""
    routes = APIRouter(prefix="/tool_router/session")
    _add_life(routes, standin)
    _add_use(routes, standin)
    return routes


def _add_life(routes: APIRouter, standin: ComposioStandIn) -> None:
    sessions, catalogue = standin.sessions, standin.catalogue

    @routes.post("", status_code=201)
    async def create(wanted: NewSession, request: Request) -> dict[str, Any]:
        return _in_full(standin, sessions.create(wanted), request)

    @routes.get("/{identity}")
    async def session(identity: str, request: Request) -> dict[str, Any]:
        return _in_full(standin, sessions.get(identity), request)

    @routes.delete("/{identity}")
    async def delete(identity: str) -> dict[str, Any]:
        del sessions.sessions[sessions.get(identity).id]
        return {"session_id": identity, "deleted": True}

    @routes.get("/{identity}/tools")
    async def tools(identity: str, limit: float | None = None, cursor: str | None = None) -> dict[str, Any]:
        listed = [catalogue.listed(each, "latest") for each in sessions.tools(sessions.get(identity))]
        return page_of(listed, limit=limit, cursor=cursor)

    @routes.get("/{identity}/toolkits")
    async def toolkits(
        identity: str, limit: float | None = None, cursor: str | None = None
    ) -> dict[str, Any]:
        found = sessions.get(identity)
        slugs = {each.toolkit for each in catalogue.tools.values() if found.allows(each)}
        listed = [_toolkit(standin, found, catalogue.toolkits[slug]) for slug in sorted(slugs)]
        return page_of(listed, limit=limit, cursor=cursor)


def _add_use(routes: APIRouter, standin: ComposioStandIn) -> None:
    @routes.post("/{identity}/execute")
    async def execute(identity: str, call: SessionCall) -> dict[str, Any]:
        session = standin.sessions.get(identity)
        tool = standin.sessions.tool(session, call.tool_slug)
        if session.asks_first(tool) and not session.approved(call.model_dump()):
            return session.ask(call.model_dump())
        outcome = standin.execution.run(
            tool.slug, call.arguments or {}, user_id=session.wanted.user_id, account_id=call.account
        )
        kind = "failed" if outcome.error else "completed"
        return {"result_type": kind, "data": outcome.data, "error": outcome.error, "log_id": outcome.log_id}

    @routes.post("/{identity}/link", status_code=201)
    async def link(identity: str, wanted: SessionLink, request: Request) -> dict[str, Any]:
        session = standin.sessions.get(identity)
        toolkit = standin.catalogue.toolkit(wanted.toolkit)
        if not toolkit.schemes[0].managed:
            raise bad_request(f"Default auth config not found for toolkit {toolkit.slug}")
        account = standin.accounts.start(
            standin.config(toolkit.slug).id,
            session.wanted.user_id,
            alias=wanted.alias,
            callback_url=wanted.callback_url,
        )
        url = f"{str(request.base_url).rstrip('/')}/link/{account.link_token}"
        return {
            "link_token": account.link_token,
            "redirect_url": url,
            "connected_account_id": account.id,
        }

    @routes.post("/{identity}/search")
    async def search(identity: str, wanted: Search) -> dict[str, Any]:
        session = standin.sessions.get(identity)
        return _found(standin, session, [each.use_case for each in wanted.queries])


def _in_full(standin: ComposioStandIn, session: Session, request: Request) -> dict[str, Any]:
    tools = [tool.slug for tool in standin.sessions.tools(session)]
    return session.in_full(tools, str(request.base_url).rstrip("/"))


def _toolkit(standin: ComposioStandIn, session: Session, toolkit: Toolkit) -> dict[str, Any]:
    account = standin.accounts.active(session.wanted.user_id, toolkit.slug)
    listed = standin.catalogue.toolkit_listed(toolkit)
    connected = account and account.in_full()
    return {
        "name": toolkit.name,
        "slug": toolkit.slug,
        "enabled": True,
        "is_no_auth": False,
        "composio_managed_auth_schemes": listed["composio_managed_auth_schemes"],
        "meta": {"logo": listed["meta"]["logo"], "description": toolkit.description},
        "connected_account": connected,
    }


def _found(standin: ComposioStandIn, session: Session, queries: list[str]) -> dict[str, Any]:
    """Tools that share the most words with what is wanted; the real search is a model's."""
    results: list[dict[str, Any]] = []
    for index, query in enumerate(queries, start=1):
        slugs = _nearest(standin, session, query)
        kits = sorted({standin.catalogue.tools[slug].toolkit for slug in slugs})
        result = {"primary_tool_slugs": slugs, "related_tool_slugs": [], "toolkits": kits}
        results.append({"index": index, "use_case": query, **result})
    tools = {slug: standin.catalogue.tools[slug] for each in results for slug in each["primary_tool_slugs"]}
    toolkits = sorted({each.toolkit for each in tools.values()})
    now = datetime.now(UTC)
    return {
        "success": True,
        "error": None,
        "results": results,
        "toolkit_connection_statuses": [_connection(standin, session, each) for each in toolkits],
        "tool_schemas": {
            slug: {
                "toolkit": tool.toolkit,
                "tool_slug": slug,
                "description": tool.description,
                "input_schema": tool.parameters,
            }
            for slug, tool in tools.items()
        },
        "time_info": {
            "current_time_utc": now.isoformat(),
            "current_time_utc_epoch_seconds": int(now.timestamp()),
            "message": "",
        },
        "session": {"id": session.id, "generate_id": False, "instructions": ""},
        "next_steps_guidance": [],
    }


def _nearest(standin: ComposioStandIn, session: Session, query: str) -> list[str]:
    words = set(query.lower().split())
    candidates = [each for each in standin.catalogue.tools.values() if session.allows(each)]
    overlap = {
        each.slug: len(words & set(f"{each.name} {each.description}".lower().split())) for each in candidates
    }
    return sorted((slug for slug in overlap if overlap[slug]), key=lambda slug: (-overlap[slug], slug))[
        :_FOUND
    ]


def _connection(standin: ComposioStandIn, session: Session, toolkit: str) -> dict[str, Any]:
    active = standin.accounts.active(session.wanted.user_id, toolkit) is not None
    return {
        "toolkit": toolkit,
        "description": standin.catalogue.toolkits[toolkit].description,
        "has_active_connection": active,
        "status_message": "Connected" if active else "Not connected",
    }
