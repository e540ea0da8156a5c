"""Bringing the catalogue on disk up to date. Only names of toolkits leave for it."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from nexus.errors import NotFound, Unavailable
from nexus.tools.composio.catalogue_file import CatalogueFile, ListedTool, ListedToolkit
from nexus.tools.composio.listing import PAGE, every_page, taken_in, tool_of, toolkit_of
from nexus.tools.schema_check import SchemaCheck

if TYPE_CHECKING:
    from composio_client import AsyncComposio

AT_ONCE = 4
"""Requests under way at once: far from Composio's limit of 2,000 a minute, and one core parses them."""

Progress = Callable[[int, int, str], None]
"""Called with how many toolkits are done, how many there are to do, and one that is done."""


def no_progress(_done: int, _total: int, _toolkit: str) -> None:
    """For a sync that nobody watches."""


@dataclass(slots=True)
class Synced:
    """What a sync did.

    Attributes:
        toolkits: How many toolkits were read.
        tools: How many tools they have.
        unchanged: How many toolkits had not changed.
        failed: Why a toolkit could not be read, by its slug.
    """

    toolkits: int = 0
    tools: int = 0
    unchanged: int = 0
    failed: dict[str, str] = field(default_factory=dict[str, str])


def edition(toolkit: ListedToolkit, versions: Mapping[str, str]) -> str:
    """What is wanted of a toolkit: it is read again when this is another text."""
    return versions.get(toolkit.slug) or f"{toolkit.version}, {toolkit.tools} tools"


async def sync_catalogue(
    client: AsyncComposio,
    file: CatalogueFile,
    *,
    wanted: Collection[str] | None,
    versions: Mapping[str, str],
    on_progress: Progress,
    must_exist: bool = True,
) -> Synced:
    """Read which toolkits there are, and the tools of those that are `wanted` (None: all) and changed.

    What is read is on disk at once, so that a sync that is cut off goes on where it was. Unless all wanted
    ones `must_exist`, those that Composio does not have are in `failed`, and the others are read.

    Raises:
        Unavailable: Composio cannot be reached, or refuses the key; what is on disk stays.
        NotFound: Composio has no toolkit of a wanted name, and it must exist; no tools were read.
    """
    from composio_client import ComposioError  # noqa: PLC0415 - importing it takes seconds

    try:
        with taken_in():
            listed = [toolkit_of(each) async for each in every_page(client.toolkits.list)]
        await asyncio.to_thread(file.write_toolkits, listed)
        known = await asyncio.to_thread(file.toolkits)
        unknown = _unknown(known, wanted)
        if unknown and must_exist:
            raise next(iter(unknown.values()))
        due, unchanged = _due(known, wanted, versions)
        reading = _Reading(
            client,
            file,
            versions,
            on_progress=on_progress,
            total=len(due),
            synced=Synced(unchanged=unchanged),
        )
        await reading.read(due)
    except ComposioError as error:
        raise unreachable(error) from error
    reading.synced.failed |= {slug: error.message for slug, error in unknown.items()}
    return reading.synced


def unreachable(error: BaseException) -> Unavailable:
    """The error for a catalogue that cannot be read now."""
    return Unavailable(
        f"Composio cannot list its tools: {error}",
        remedy="What was read before stays usable. Check the network and COMPOSIO_API_KEY, then try again.",
    )


def _unknown(listed: Sequence[ListedToolkit], wanted: Collection[str] | None) -> dict[str, NotFound]:
    """The wanted toolkits that Composio does not have, each with the error that says so."""
    slugs = [each.slug for each in listed]
    return {slug: _no_toolkit(slug, slugs) for slug in sorted(set(wanted or ()) - set(slugs))}


def _no_toolkit(slug: str, slugs: Sequence[str]) -> NotFound:
    near = difflib.get_close_matches(slug, slugs, n=3)
    names = f"The nearest names are {', '.join(near)}." if near else "`nexus toolkits list --all` has all."
    return NotFound(f"Composio has no toolkit {slug!r}.", remedy=names)


def _due(
    listed: Sequence[ListedToolkit], wanted: Collection[str] | None, versions: Mapping[str, str]
) -> tuple[list[ListedToolkit], int]:
    """The wanted toolkits that have to be read, and how many of them need not."""
    chosen = [each for each in listed if wanted is None or each.slug in wanted]
    due = [each for each in chosen if each.synced != edition(each, versions)]
    return due, len(chosen) - len(due)


class _Reading:
    """The tools of some toolkits, on their way to the disk."""

    def __init__(
        self,
        client: AsyncComposio,
        file: CatalogueFile,
        versions: Mapping[str, str],
        *,
        on_progress: Progress,
        total: int,
        synced: Synced,
    ) -> None:
        self._client = client
        self._file = file
        self._versions = versions
        self._on_progress = on_progress
        self._total = total
        self._schemas = SchemaCheck()
        self._checking = asyncio.Lock()
        self.synced = synced

    async def read(self, due: Sequence[ListedToolkit]) -> None:
        """Read them all, a few requests at once. Raises the client's first error; the rest is given up."""
        batches = iter(_batches(due, self._versions))

        async def work() -> None:
            for batch in batches:
                await self._read_batch(batch)

        workers = [asyncio.create_task(work()) for _ in range(AT_ONCE)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _read_batch(self, batch: Sequence[ListedToolkit]) -> None:
        """Small toolkits share a request; if it is refused, each is asked for alone."""
        from composio_client import BadRequestError, NotFoundError  # noqa: PLC0415 - importing it takes seconds

        try:
            with taken_in():
                listed = [tool async for tool in self._listed(batch)]
        except (BadRequestError, NotFoundError) as error:
            if len(batch) > 1:
                for toolkit in batch:
                    await self._read_batch([toolkit])
                return
            self.synced.failed[batch[0].slug] = str(error)
            self._on_progress(self._done(), self._total, batch[0].slug)
            return
        async with self._checking:
            with taken_in():
                tools = await asyncio.to_thread(self._understood, listed)
        for toolkit in batch:
            await self._keep(toolkit, tools.get(toolkit.slug, []))

    def _listed(self, batch: Sequence[ListedToolkit]) -> AsyncIterator[Any]:
        pin = self._versions.get(batch[0].slug)
        return every_page(
            self._client.tools.list,
            toolkit_slug=",".join(toolkit.slug for toolkit in batch),
            toolkit_versions={batch[0].slug: pin} if pin else "latest",
        )

    def _understood(self, listed: Sequence[Any]) -> dict[str, list[ListedTool]]:
        """The tools by toolkit, without those that are to be used no more."""
        tools = [tool_of(each, self._schemas) for each in listed if not each.is_deprecated]
        tools.sort(key=lambda tool: tool.toolkit)
        return {slug: list(each) for slug, each in groupby(tools, key=lambda tool: tool.toolkit)}

    async def _keep(self, toolkit: ListedToolkit, tools: Sequence[ListedTool]) -> None:
        await asyncio.to_thread(self._file.write_tools, toolkit.slug, edition(toolkit, self._versions), tools)
        self.synced.toolkits += 1
        self.synced.tools += len(tools)
        self._on_progress(self._done(), self._total, toolkit.slug)

    def _done(self) -> int:
        return self.synced.toolkits + len(self.synced.failed)


def _batches(due: Sequence[ListedToolkit], versions: Mapping[str, str]) -> list[list[ListedToolkit]]:
    """The toolkits, as many at once as fill a page; a pinned one is asked for alone."""
    batches = [[each] for each in due if each.slug in versions]
    room = -1
    for toolkit in due:
        if toolkit.slug in versions:
            continue
        if toolkit.tools > room:
            batches.append([])
            room = PAGE
        batches[-1].append(toolkit)
        room -= toolkit.tools
    return batches
