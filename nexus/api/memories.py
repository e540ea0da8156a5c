"""What Nexus remembers for whoever asks: theirs, and nobody else's."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from graphs.memories import Memories, parsed
from nexus.api.dependencies import Id, Limit, service_of
from nexus.api.openapi import problems
from nexus.api.views_memories import (
    ChangedMemory,
    Forgotten,
    FoundView,
    Imported,
    MemoryFile,
    MemoryView,
    NewMemory,
)
from nexus.core.memory import Kind, MemoryId, to_json
from nexus.errors import NotFound
from nexus.ports.memory import Which

router = APIRouter(prefix="/memories", tags=["memories"])

_NDJSON = "application/x-ndjson"


async def _memories(request: Request) -> Memories:
    return (await service_of(request)).memories


async def _which(
    kind: Annotated[Kind | None, Query(description="Only these")] = None,
    app: Annotated[
        str | None, Query(max_length=100, description="Only those that matter for this app")
    ] = None,
    *,
    pending: Annotated[
        bool | None, Query(description="Only those that wait for your yes, or only those that do not")
    ] = None,
) -> Which:
    return Which(
        kinds=frozenset({kind}) if kind else None,
        apps=frozenset({app}) if app else None,
        is_pending=pending,
    )


MemoriesDep = Annotated[Memories, Depends(_memories)]
WhichDep = Annotated[Which, Depends(_which)]


@router.get("", responses=problems(404), summary="List memories, the last changed first")
async def list_memories(
    memories: MemoriesDep,
    which: WhichDep,
    limit: Limit = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> list[MemoryView]:
    """What you told or showed Nexus, from whichever thread."""
    found = await memories.store.list(which, limit=limit, offset=offset)
    return [MemoryView.of(memory) for memory in found]


@router.post("", responses=problems(404, changes=True), summary="Remember something")
async def remember(body: NewMemory, memories: MemoriesDep) -> MemoryView:
    """As if you had said it in a thread: the same again is merged, and what contradicts takes its place."""
    return MemoryView.of(
        await memories.remember(
            body.text, kind=body.kind, apps=frozenset(body.apps), expires_at=body.expires_at
        )
    )


@router.get("/search", responses=problems(404), summary="Find memories by their meaning")
async def search_memories(
    memories: MemoriesDep,
    q: Annotated[str, Query(min_length=1, max_length=2_000, description="What they should be about")],
    which: WhichDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> list[FoundView]:
    """The closest first, by meaning and by shared words; the text is embedded on this machine."""
    found = await memories.find(q, which=which, limit=limit)
    return [FoundView.of(each) for each in found]


@router.get(
    "/export",
    responses={**problems(404), 200: {"content": {_NDJSON: {"example": '{"id": "m4f0a9d3c2b1e6f7a", …}'}}}},
    response_class=StreamingResponse,
    summary="Take all memories out",
)
async def export_memories(memories: MemoriesDep) -> StreamingResponse:
    """One JSON object a line, with histories; `POST /memories/import` and `nexus memory import` take it."""
    first = await memories.store.list(limit=1_000_000)

    async def lines() -> AsyncGenerator[bytes]:
        for memory in first:
            yield orjson.dumps(to_json(memory)) + b"\n"

    name = 'attachment; filename="memories.jsonl"'
    return StreamingResponse(lines(), media_type=_NDJSON, headers={"Content-Disposition": name})


@router.post("/import", responses=problems(404, changes=True), summary="Take exported memories in")
async def import_memories(body: MemoryFile, memories: MemoriesDep) -> Imported:
    """As they are, with ids and histories; one of the same id is replaced. None, if one cannot be used."""
    return Imported(imported=await memories.restore(parsed(body.memories)))


@router.get("/{memory_id}", responses=problems(404), summary="Show a memory")
async def show_memory(memory_id: Id, memories: MemoriesDep) -> MemoryView:
    """With where it is from, and what it said before."""
    return MemoryView.of(await memories.store.get(MemoryId(memory_id)))


@router.patch("/{memory_id}", responses=problems(404, changes=True), summary="Change a memory")
async def change_memory(memory_id: Id, body: ChangedMemory, memories: MemoriesDep) -> MemoryView:
    """What it said goes into its history. One that waited for your yes is accepted by that."""
    return MemoryView.of(await memories.edit(MemoryId(memory_id), body.text, kind=body.kind))


@router.post("/{memory_id}/accept", responses=problems(404, changes=True), summary="Say yes to a memory")
async def accept_memory(memory_id: Id, memories: MemoriesDep) -> MemoryView:
    """It is used from now on. What a thread that read others' words proposed waits until then."""
    return MemoryView.of(await memories.accept(MemoryId(memory_id)))


@router.delete("/{memory_id}", responses=problems(403, 404), summary="Forget a memory")
async def forget_memory(memory_id: Id, memories: MemoriesDep) -> Forgotten:
    """Deletes it for good, with its history: no file of the store holds it any more.

    What threads quoted of it is theirs, and goes with them. A no to one that waits for your yes is the same.
    """
    if not await memories.forget([MemoryId(memory_id)]):
        raise NotFound(f"There is no memory {memory_id}.")
    return Forgotten(forgotten=1)
