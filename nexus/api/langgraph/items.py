"""The store: what graphs and clients keep, each user's by themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from langgraph.store.base import Item

from nexus.api.dependencies import ServiceDep
from nexus.api.langgraph.forms import ItemDelete, ItemPut, ItemSearch, NamespaceSearch
from nexus.api.langgraph.shapes import ItemShape, ItemsShape, reply
from nexus.api.openapi import problems
from nexus.errors import InvalidInput, NotFound

router = APIRouter(prefix="/store", tags=["store"])

_NAMESPACES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": [["notes"], ["notes", "home"]]}}}
}


@router.put("/items", status_code=204, responses=problems(changes=True), summary="Keep an item")
async def put_item(body: ItemPut, service: ServiceDep) -> Response:
    """Replaces what has the same key."""
    namespace = _checked(body.namespace)
    options: dict[str, Any] = {} if body.ttl is None else {"ttl": body.ttl}
    await service.graphs.store.aput(namespace, body.key, body.value, index=body.index, **options)
    return Response(status_code=204)


@router.delete("/items", status_code=204, responses=problems(changes=True), summary="Forget an item")
async def delete_item(body: ItemDelete, service: ServiceDep) -> Response:
    """Forgets it, if it is there."""
    await service.graphs.store.adelete(_checked(body.namespace), body.key)
    return Response(status_code=204)


@router.get("/items", response_model=ItemShape, responses=problems(404), summary="Show an item")
async def get_item(
    service: ServiceDep,
    key: Annotated[str, Query(min_length=1, max_length=500)],
    namespace: Annotated[list[str] | None, Query(description="Its parts, joined by dots or repeated")] = None,
    refresh_ttl: Annotated[bool | None, Query(description="Let it live its time anew")] = None,
) -> Response:
    """The item of that key."""
    parts = tuple(part for each in namespace or [] for part in each.split(".") if part)
    item = await service.graphs.store.aget(parts, key, refresh_ttl=refresh_ttl)
    if item is None:
        raise NotFound("There is no such item.")
    return reply(_shape(item))


@router.post(
    "/items/search", response_model=ItemsShape, responses=problems(changes=True), summary="Find items"
)
async def search_items(service: ServiceDep, body: ItemSearch | None = None) -> Response:
    """Those under a namespace whose values fit the filter."""
    search = body or ItemSearch()
    found = await service.graphs.store.asearch(
        tuple(search.namespace_prefix or ()),
        filter=search.filter,
        limit=search.limit,
        offset=search.offset,
        query=search.query,
        refresh_ttl=search.refresh_ttl,
    )
    return reply({"items": [_shape(item) | {"score": item.score} for item in found]})


@router.post(
    "/namespaces",
    response_model=list[list[str]],
    responses={**problems(changes=True), **_NAMESPACES},
    summary="List namespaces",
)
async def list_namespaces(service: ServiceDep, body: NamespaceSearch | None = None) -> Response:
    """Those in which something is kept."""
    search = body or NamespaceSearch()
    found = await service.graphs.store.alist_namespaces(
        prefix=tuple(search.prefix) if search.prefix else None,
        suffix=tuple(search.suffix) if search.suffix else None,
        max_depth=search.max_depth,
        limit=search.limit,
        offset=search.offset,
    )
    return reply(found)


def _checked(namespace: list[str]) -> tuple[str, ...]:
    if not namespace or any(not part or "." in part for part in namespace) or namespace[0] == "langgraph":
        raise InvalidInput(
            "its parts are words without dots, and the first is not langgraph", field="namespace"
        )
    return tuple(namespace)


def _shape(item: Item) -> dict[str, Any]:
    return {
        "namespace": list(item.namespace),
        "key": item.key,
        "value": item.value,
        "created_at": _with_zone(item.created_at).isoformat(),
        "updated_at": _with_zone(item.updated_at).isoformat(),
    }


def _with_zone(at: datetime) -> datetime:
    """LangGraph's store over SQLite gives UTC without saying so; a browser would take it for local time."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)
