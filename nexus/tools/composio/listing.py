"""What Composio lists, page by page, in our terms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

from nexus.errors import Unavailable
from nexus.tools.composio.catalogue_file import ListedTool, ListedToolkit
from nexus.tools.schema_check import SchemaCheck

PAGE = 200
"""Items asked for at once: one answer is then parsed in well under a tenth of a second."""


@contextmanager
def taken_in() -> Generator[None]:
    """Around whatever reads Composio's answers: the client lets through what has other fields than promised.

    Raises:
        Unavailable: An answer could not be made sense of.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise Unavailable(
            f"Composio gave an answer that makes no sense here: {type(error).__name__}.",
            remedy="What was read before stays usable. Try again later.",
        ) from error


async def every_page(ask: Callable[..., Awaitable[Any]], **wanted: Any) -> AsyncIterator[Any]:
    """Every item of a list, page by page. Raises Unavailable if a page leads back to one before it."""
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        page = await ask(limit=PAGE, **wanted, **({"cursor": cursor} if cursor else {}))
        for item in page.items or ():
            yield item
        cursor = page.next_cursor
        if not cursor:
            return
        if cursor in seen:
            raise Unavailable("Composio's list of tools does not end.", remedy="Try again later.")
        seen.add(cursor)


def toolkit_of(listed: Any) -> ListedToolkit:
    """A toolkit as Composio lists it."""
    return ListedToolkit(
        slug=listed.slug,
        name=listed.name,
        description=listed.meta.description or "",
        version=listed.meta.version or "",
        tools=int(listed.meta.tools_count or 0),
        no_auth=bool(listed.no_auth),
    )


def tool_of(listed: Any, schemas: SchemaCheck) -> ListedTool:
    """A tool as Composio lists it; the version it was listed in is the one that will run."""
    parameters = dict(listed.input_parameters or {})
    return ListedTool(
        slug=listed.slug,
        version=listed.version,
        toolkit=listed.toolkit.slug,
        title=listed.name,
        description=listed.description or "",
        tags=tuple(listed.tags or ()),
        parameters=parameters,
        no_auth=bool(listed.no_auth),
        fault=schemas.fault(parameters),
    )
