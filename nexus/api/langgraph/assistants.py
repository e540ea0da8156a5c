"""Assistants: a graph with settings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from nexus.api.dependencies import RunsDep, ServiceDep, VisibleDep
from nexus.api.langgraph.authorized import is_there, visible_threads
from nexus.api.langgraph.forms import (
    AssistantCreate,
    AssistantFilter,
    AssistantPatch,
    AssistantSearch,
    VersionChoice,
    VersionsSearch,
)
from nexus.api.langgraph.shapes import (
    AssistantFields,
    AssistantShape,
    Empty,
    GraphShape,
    Raw,
    SchemasShape,
    assistant_shape,
    reply,
    selected,
)
from nexus.api.openapi import problems
from nexus.errors import Conflict
from nexus.ports.assistants import Assistant
from nexus.runtime.descriptions import drawing_of, schemas_of, subgraphs_of
from nexus.runtime.runs import Runs
from nexus.runtime.thread_states import Visible
from nexus.store.threads import contains

router = APIRouter(prefix="/assistants", tags=["assistants"])

AssistantId = Annotated[str, Path(min_length=1, max_length=200, description="Its id, or a graph's name")]
_COUNT: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": 1}}}}


@router.post(
    "", response_model=AssistantShape, responses=problems(404, 409, changes=True), summary="Make an assistant"
)
async def create_assistant(body: AssistantCreate, runs: RunsDep, visible: VisibleDep) -> Response:
    """A graph with settings of your own. Every graph has one already, whose id is as good as its name."""
    facts = {
        "name": body.name,
        "description": body.description,
        "config": body.config.given,
        "context": body.context,
        "metadata": body.metadata,
    }
    or_existing = body.if_exists == "do_nothing"
    made = await runs.assistants.create(body.assistant_id, body.graph_id, facts, or_existing=or_existing)
    if or_existing and not is_there(made, visible):
        raise Conflict(f"There is already an assistant {made.id!r}.")
    return reply(assistant_shape(made))


@router.post(
    "/search",
    response_model=list[AssistantFields],
    responses=problems(changes=True),
    summary="Find assistants",
)
async def search_assistants(
    runs: RunsDep, visible: VisibleDep, body: AssistantSearch | None = None
) -> Response:
    """Your own, and one for every graph."""
    search = body or AssistantSearch()
    found = [assistant_shape(each) for each in await _found(runs, search, visible)]
    found.sort(key=lambda shape: shape[search.sort_by], reverse=search.sort_order == "desc")
    page = found[search.offset : search.offset + search.limit]
    more = search.offset + search.limit < len(found)
    headers = {"X-Pagination-Total": str(len(found))}
    headers |= {"X-Pagination-Next": str(search.offset + search.limit)} if more else {}
    return reply([selected(shape, search.select) for shape in page], headers=headers)


@router.post(
    "/count", response_model=int, responses={**problems(changes=True), **_COUNT}, summary="Count assistants"
)
async def count_assistants(
    runs: RunsDep, visible: VisibleDep, body: AssistantFilter | None = None
) -> Response:
    """How many a search would find."""
    return reply(len(await _found(runs, body or AssistantFilter(), visible)))


@router.get(
    "/{assistant_id}", response_model=AssistantShape, responses=problems(404), summary="Show an assistant"
)
async def show_assistant(assistant_id: AssistantId, runs: RunsDep) -> Response:
    """Its latest version."""
    return reply(assistant_shape(await runs.assistants.get(assistant_id)))


@router.patch(
    "/{assistant_id}",
    response_model=AssistantShape,
    responses=problems(404, changes=True),
    summary="Change an assistant",
)
async def patch_assistant(assistant_id: AssistantId, body: AssistantPatch, runs: RunsDep) -> Response:
    """Makes a new version, which is the latest."""
    changes = body.model_dump(exclude_unset=True, exclude_none=True)
    if "graph_id" in changes:
        changes["graph"] = changes.pop("graph_id")
    if body.config is not None:
        changes["config"] = body.config.given
    return reply(assistant_shape(await runs.assistants.change(assistant_id, changes)))


@router.delete(
    "/{assistant_id}",
    response_model=Empty,
    responses=problems(404, 409, changes=True),
    summary="Delete an assistant",
)
async def delete_assistant(
    assistant_id: AssistantId,
    runs: RunsDep,
    service: ServiceDep,
    visible: Annotated[Visible, Depends(visible_threads)],
    delete_threads: Annotated[bool, Query(description="And the threads it ran in")] = False,  # noqa: FBT002
) -> Response:
    """With all of its versions; its threads stay unless asked otherwise."""
    found = await runs.assistants.get(assistant_id)
    await runs.assistants.delete(found.id)
    if delete_threads:
        for thread in await service.threads.search(limit=100_000, metadata={"assistant_id": found.id}):
            if visible(thread.metadata):
                await runs.delete_thread(thread.id)
    return reply({})


@router.post(
    "/{assistant_id}/versions",
    response_model=list[AssistantShape],
    responses=problems(404, changes=True),
    summary="List its versions",
)
async def list_versions(
    assistant_id: AssistantId, runs: RunsDep, body: VersionsSearch | None = None
) -> Response:
    """The newest first."""
    search = body or VersionsSearch()
    found = [
        each
        for each in await runs.assistants.versions(assistant_id)
        if contains(each.metadata, search.metadata)
    ]
    return reply([assistant_shape(each) for each in found[search.offset : search.offset + search.limit]])


@router.post(
    "/{assistant_id}/latest",
    response_model=AssistantShape,
    responses=problems(404, changes=True),
    summary="Choose its latest version",
)
async def choose_version(assistant_id: AssistantId, body: VersionChoice, runs: RunsDep) -> Response:
    """Runs use that version from now on."""
    return reply(assistant_shape(await runs.assistants.choose(assistant_id, body.version)))


@router.get(
    "/{assistant_id}/graph", response_model=GraphShape, responses=problems(404), summary="Draw its graph"
)
async def draw_graph(
    assistant_id: AssistantId,
    runs: RunsDep,
    service: ServiceDep,
    xray: Annotated[bool | int, Query(description="With the graphs in it, that many levels deep")] = False,  # noqa: FBT002
) -> Response:
    """Its nodes and edges."""
    assistant = await runs.assistants.get(assistant_id)
    return reply(await drawing_of(service.graphs, assistant, xray=xray))


@router.get(
    "/{assistant_id}/schemas",
    response_model=SchemasShape,
    responses=problems(404),
    summary="Show its schemas",
)
async def show_schemas(assistant_id: AssistantId, runs: RunsDep, service: ServiceDep) -> Response:
    """What goes in, what comes out, what it remembers."""
    return reply(await schemas_of(service.graphs, await runs.assistants.get(assistant_id)))


@router.get(
    "/{assistant_id}/subgraphs", response_model=Raw, responses=problems(404), summary="List the graphs in it"
)
async def list_subgraphs(
    assistant_id: AssistantId,
    runs: RunsDep,
    service: ServiceDep,
    recurse: Annotated[bool, Query(description="Also those in those")] = False,  # noqa: FBT002
) -> Response:
    """By their namespaces, with their schemas."""
    assistant = await runs.assistants.get(assistant_id)
    return reply(await subgraphs_of(service.graphs, assistant, recurse=recurse))


@router.get(
    "/{assistant_id}/subgraphs/{namespace}",
    response_model=Raw,
    responses=problems(404),
    summary="List the graphs in one of its graphs",
)
async def list_subgraphs_of(
    assistant_id: AssistantId,
    namespace: Annotated[str, Path(min_length=1, max_length=500)],
    runs: RunsDep,
    service: ServiceDep,
    recurse: Annotated[bool, Query(description="Also those in those")] = False,  # noqa: FBT002
) -> Response:
    """By their namespaces, with their schemas."""
    assistant = await runs.assistants.get(assistant_id)
    return reply(await subgraphs_of(service.graphs, assistant, namespace=namespace, recurse=recurse))


async def _found(runs: Runs, wish: AssistantFilter, visible: Visible) -> list[Assistant]:
    """Those that fit."""
    return [
        each
        for each in await runs.assistants.all()
        if wish.graph_id in {None, each.graph}
        and (wish.name is None or wish.name.lower() in each.name.lower())
        and contains(each.metadata, wish.metadata)
        and is_there(each, visible)
    ]
