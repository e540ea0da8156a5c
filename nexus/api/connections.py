"""Accounts at outside apps: connect, look, connect anew, disconnect."""

# ruff: noqa: FAST003 - the ids in the paths go to the dependencies

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from nexus.api.approvals import actor_of
from nexus.api.dependencies import ApprovalDep, Id, RunsDep, ServiceDep
from nexus.api.forms import GivenFields, NewConnection
from nexus.api.openapi import problems
from nexus.api.views_connections import ConnectionView, FieldView
from nexus.runtime.connecting import connections_of, go_on_when_active, link_for

router = APIRouter(tags=["connections"])

LONGEST_WAIT = 60.0
"""Seconds a request may wait for a person to sign in."""


@router.post("/connections", status_code=201, responses=problems(404, 409, changes=True), summary="Connect")
async def connect(body: NewConnection, service: ServiceDep, response: Response) -> ConnectionView:
    """Opens the link in `link` in the person's browser; the account is active once they have signed in there.

    Your active account of the app is answered with if you have one; asked again, the same link is.
    """
    connection = await connections_of(service).connect(service.parts.user, body.toolkit, body.given)
    response.headers["Location"] = f"/connections/{connection.id}"
    return ConnectionView.of(connection)


@router.get("/connections", responses=problems(), summary="List connections, the oldest first")
async def list_connections(service: ServiceDep) -> list[ConnectionView]:
    """Your accounts, as they stand at this moment."""
    return [ConnectionView.of(each) for each in await connections_of(service).all(service.parts.user)]


@router.get("/connections/needs/{toolkit}", responses=problems(404, 409), summary="What connecting takes")
async def needs(toolkit: Id, service: ServiceDep) -> list[FieldView]:
    """The fields to send when you connect the app, e.g. an API key; usually none."""
    found = await connections_of(service).needs(service.parts.user, toolkit)
    return [FieldView.of(field) for field in found]


@router.get("/connections/{connection_id}", responses=problems(404), summary="Show a connection")
async def show_connection(
    connection_id: Id,
    service: ServiceDep,
    wait: Annotated[
        float, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait while nobody has signed in yet")
    ] = 0,
) -> ConnectionView:
    """How the account stands: at this moment, or with `wait` once that is decided."""
    found = await connections_of(service).get(service.parts.user, connection_id, wait=wait)
    return ConnectionView.of(found)


@router.post(
    "/connections/{connection_id}/refresh",
    status_code=201,
    responses=problems(404, 409, changes=True),
    summary="Connect anew",
)
async def refresh_connection(
    connection_id: Id, service: ServiceDep, body: GivenFields | None = None
) -> ConnectionView:
    """Another account at the same app, with a link to sign in: for one that expired or was revoked."""
    given = body.given if body else None
    connections = connections_of(service)
    return ConnectionView.of(await connections.reconnect(service.parts.user, connection_id, given))


@router.delete("/connections/{connection_id}", responses=problems(404, changes=True), summary="Disconnect")
async def remove_connection(connection_id: Id, service: ServiceDep) -> ConnectionView:
    """Nothing can act on the account any more, and its tokens are deleted. Answers with what it was."""
    return ConnectionView.of(await connections_of(service).remove(service.parts.user, connection_id))


@router.post(
    "/approvals/{approval_id}/link",
    status_code=201,
    responses=problems(404, 409, changes=True),
    summary="Connect the account that an approval waits for",
)
async def link_of_approval(
    approval: ApprovalDep, service: ServiceDep, runs: RunsDep, body: GivenFields | None = None
) -> ConnectionView:
    """The link to sign in, for an approval whose question is `connect`; asked again, the same one.

    The approval answers itself, and its thread goes on, once the account is active.
    """
    connection = await link_for(service, approval, body.given if body else None)
    go_on_when_active(service, runs, approval, connection, actor=actor_of(service))
    return ConnectionView.of(connection)
