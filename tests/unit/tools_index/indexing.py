"""A few tools, and an index filled with them."""

from __future__ import annotations

from collections.abc import Callable

from nexus.core.tool import ToolSpec
from nexus.tools.index import HybridIndex

NAMES = (
    "MAIL_SEND_MESSAGE",
    "MAIL_LIST_MESSAGES",
    "CALENDAR_CREATE_EVENT",
    "NOTES_WRITE_NOTE",
    "FILES_DELETE_FILE",
)
Make = Callable[..., HybridIndex]


def tool(slug: str, description: str = "Does what its name says.") -> ToolSpec:
    return ToolSpec(slug, slug.partition("_")[0].lower(), slug, description, {"type": "object"})


TOOLS = [tool(name) for name in NAMES]


async def slugs(index: HybridIndex, query: str, limit: int = 15) -> list[str]:
    return [hit.slug for hit in await index.search(query, limit=limit)]


async def filled(index: HybridIndex, tools: list[ToolSpec] = TOOLS) -> HybridIndex:
    await index.update(tools)
    await index.ready()
    return index
