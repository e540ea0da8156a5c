"""Where a user's programs are told what happened, and the log of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from nexus.api.access import caller_of
from nexus.api.dependencies import Id, Limit
from nexus.api.openapi import problems
from nexus.api.views_endpoints import (
    DeliveryInFull,
    DeliveryView,
    EndpointView,
    EndpointWithSecret,
    NewEndpoint,
    Removed,
)
from nexus.ports.deliveries import Deliveries, DeliveryState
from nexus.ports.endpoints import Endpoints
from nexus.runtime.notices import Notices
from nexus.runtime.services import Services

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


def notices_of(request: Request) -> Notices:
    """How users are told of things."""
    services: Services = request.state.services
    return services.notices


def endpoints_of(request: Request) -> Endpoints:
    """Those of whoever asks."""
    return notices_of(request).endpoints(caller_of(request).user)


async def _notices(request: Request) -> Notices:
    return notices_of(request)


async def _endpoints(request: Request) -> Endpoints:
    return endpoints_of(request)


async def _deliveries(request: Request) -> Deliveries:
    return notices_of(request).deliveries(caller_of(request).user)


NoticesDep = Annotated[Notices, Depends(_notices)]
EndpointsDep = Annotated[Endpoints, Depends(_endpoints)]
DeliveriesDep = Annotated[Deliveries, Depends(_deliveries)]


@router.get("/endpoints", responses=problems(), summary="List endpoints, the oldest first")
async def list_endpoints(endpoints: EndpointsDep) -> list[EndpointView]:
    """Where your programs, and people's channels, are told what happened."""
    return [EndpointView.of(endpoint) for endpoint in await endpoints.search()]


@router.post("/endpoints", responses=problems(409, changes=True), summary="Add an endpoint")
async def add_endpoint(body: NewEndpoint, endpoints: EndpointsDep, notices: NoticesDep) -> EndpointWithSecret:
    """From now on it is sent each event once or more, signed as Standard Webhooks has it.

    The secret is shown this once. What does not arrive is tried again for a day.
    """
    notices.check_url(body.url)
    return EndpointWithSecret.of(await endpoints.add(body.url, kinds=body.events, may_decide=body.may_decide))


@router.get("/endpoints/{endpoint_id}", responses=problems(404), summary="Show an endpoint")
async def show_endpoint(endpoint_id: Id, endpoints: EndpointsDep) -> EndpointView:
    """Whether it is reached, and since when not."""
    return EndpointView.of(await endpoints.get(endpoint_id))


@router.delete("/endpoints/{endpoint_id}", responses=problems(403, 404), summary="Remove an endpoint")
async def remove_endpoint(endpoint_id: Id, endpoints: EndpointsDep) -> Removed:
    """Nothing more is sent to it, and its log goes with it."""
    await endpoints.remove(endpoint_id)
    return Removed(removed=endpoint_id)


@router.post(
    "/endpoints/{endpoint_id}/rotate", responses=problems(404, changes=True), summary="Change the secret"
)
async def rotate_secret(endpoint_id: Id, endpoints: EndpointsDep) -> EndpointWithSecret:
    """The new one is shown this once. For a day messages are signed with both, and decisions may be."""
    return EndpointWithSecret.of(await endpoints.rotate(endpoint_id))


@router.post(
    "/endpoints/{endpoint_id}/enable", responses=problems(404, changes=True), summary="Switch it on again"
)
async def enable_endpoint(endpoint_id: Id, endpoints: EndpointsDep) -> EndpointView:
    """After it was switched off because nothing reached it. It is told what happens from now on."""
    return EndpointView.of(await endpoints.enable(endpoint_id))


@router.get("/deliveries", responses=problems(), summary="List deliveries, the newest first")
async def list_deliveries(
    deliveries: DeliveriesDep,
    endpoint_id: Annotated[str | None, Query(max_length=100, description="Only to this endpoint")] = None,
    state: Annotated[DeliveryState | None, Query(description="Only these")] = None,
    limit: Limit = 100,
) -> list[DeliveryView]:
    """What was sent in the last 30 days, and what waits."""
    found = await deliveries.search(endpoint=endpoint_id, state=state, limit=limit)
    return [DeliveryView.of(delivery) for delivery in found]


@router.get("/deliveries/{delivery_id}", responses=problems(404), summary="Show a delivery")
async def show_delivery(delivery_id: Id, deliveries: DeliveriesDep) -> DeliveryInFull:
    """What it says, and how every attempt ended."""
    return DeliveryInFull.with_log(*await deliveries.get(delivery_id))


@router.post(
    "/deliveries/{delivery_id}/replay",
    responses=problems(404, 409, changes=True),
    summary="Send it once more",
)
async def replay_delivery(delivery_id: Id, deliveries: DeliveriesDep) -> DeliveryView:
    """Now, with the same id and body, whatever became of it."""
    return DeliveryView.of(await deliveries.replay(delivery_id))
