"""What is remembered for the visitor: found, added, changed, said yes to, forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from graphs.memories import Memories
from nexus.api.dependencies import Id
from nexus.api.fields import Form
from nexus.api.pages.fields import FormDep
from nexus.api.pages.paging import Words
from nexus.api.pages.routing import page_router
from nexus.api.pages.visitor import VisitorDep, see_other
from nexus.core.memory import KINDS, Kind, Memory, MemoryId
from nexus.errors import InvalidInput, NotFound
from nexus.ports.memory import Which

router: APIRouter = page_router()

PLACE = "/ui/memories"

ROWS = 30
"""Memories on a page, and the most that a search shows."""

MOST_WAITING = 100
"""Memories that wait for a yes, shown at once."""


@router.get(PLACE)
async def list_memories(
    visitor: VisitorDep, q: Words = "", offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0
) -> Response:
    """Those that wait for a yes, then the others: the last changed first, or the closest to the words."""
    memories = visitor.service.parts.memories
    if memories is None:
        return visitor.page("memories.html", at=PLACE, is_on=False)
    waiting = await memories.store.list(Which(is_pending=True), limit=MOST_WAITING)
    found = await _found(memories, q, offset)
    return visitor.page(
        "memories.html",
        at=PLACE,
        is_on=True,
        words=q,
        waiting=[] if q else waiting,
        found=found[:ROWS],
        kinds=KINDS,
        here=_here(q, offset),
        before=_here(q, max(0, offset - ROWS)) if offset else None,
        after=_here(q, offset + ROWS) if len(found) > ROWS else None,
    )


@router.post(PLACE)
async def remember(visitor: VisitorDep, form: FormDep) -> Response:
    """Keep what the visitor says; the same again is merged, and what contradicts takes its place."""
    await visitor.service.memories.remember(form.text("text"), kind=_kind(form))
    return see_other(PLACE)


@router.post(f"{PLACE}/{{memory_id}}/accept")
async def accept_memory(memory_id: Id, visitor: VisitorDep, form: FormDep) -> Response:
    """Say yes to one that was proposed."""
    await visitor.service.memories.accept(MemoryId(memory_id))
    return see_other(_back(form))


@router.post(f"{PLACE}/{{memory_id}}/edit")
async def edit_memory(memory_id: Id, visitor: VisitorDep, form: FormDep) -> Response:
    """Change what one says; what it said stays in its history."""
    await visitor.service.memories.edit(MemoryId(memory_id), form.text("text"), kind=_kind(form))
    return see_other(_back(form))


@router.post(f"{PLACE}/{{memory_id}}/forget")
async def forget_memory(memory_id: Id, visitor: VisitorDep, form: FormDep) -> Response:
    """Delete one for good; of one that waits for a yes this is the no."""
    if not await visitor.service.memories.forget([MemoryId(memory_id)]):
        raise NotFound(f"There is no memory {memory_id}.")
    return see_other(_back(form))


async def _found(memories: Memories, words: str, offset: int) -> Sequence[Memory]:
    kept = Which(is_pending=False)
    if words.strip():
        return [each.memory for each in await memories.find(words, which=kept, limit=ROWS)]
    return await memories.store.list(kept, limit=ROWS + 1, offset=offset)


def _kind(form: Form) -> Kind:
    wanted = form.text("kind")
    for kind in KINDS:
        if kind == wanted:
            return kind
    raise InvalidInput(f"it is none of {', '.join(KINDS)}", field="kind", remedy="Open the page again.")


def _here(words: str, offset: int) -> str:
    """The address of a page of the list."""
    query: dict[str, Any] = {"q": words} if words else {}
    query |= {"offset": offset} if offset else {}
    return f"{PLACE}?{urlencode(query)}" if query else PLACE


def _back(form: Form) -> str:
    """Where the form stood, if that is a page of the list."""
    back = form.text("back")
    return back if back == PLACE or back.startswith(f"{PLACE}?") else PLACE
