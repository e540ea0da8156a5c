"""One Composio project, whoever uses it: its client, its catalogue on disk, and keeping that fresh."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nexus.core.tool import ToolSpec
from nexus.errors import NexusError, Unavailable
from nexus.settings import Settings
from nexus.tools.composio.catalogue_file import CatalogueFile
from nexus.tools.composio.client import open_composio
from nexus.tools.composio.listing import every_page, taken_in
from nexus.tools.composio.sync import Progress, Synced, no_progress, sync_catalogue, unreachable

if TYPE_CHECKING:
    from composio_client import AsyncComposio

_log = logging.getLogger(__name__)

ORIGIN = "https://backend.composio.dev"
"""Where the API is if nothing else is set (composio_client 2.0.0rc19, its production environment)."""

CATALOGUE_FILE = "catalogue.db"

ACCOUNTS_AGE = timedelta(minutes=5)
"""After this it is looked whether a user connected or disconnected something elsewhere."""

TOOLKITS_AGE = timedelta(days=1)
"""After this it is looked whether toolkits have new versions."""

PATIENCE = 20.0
"""Seconds a run waits for what was never listed before."""

PAUSE = timedelta(minutes=1)
"""How long Composio is left alone after it could not be reached."""


class ComposioProject:
    """What all users of one Composio key share.

    Attributes:
        origin: Where every request goes.
        catalogue: The tools and accounts as last seen.
        versions: The versions of toolkits to keep to; for others the latest when they are listed.
        trouble: Why the catalogue could not be brought up to date the last time; None if it could.
    """

    def __init__(self, settings: Settings, api_key: str) -> None:
        self.origin = settings.composio_base_url or ORIGIN
        self.catalogue = CatalogueFile(settings.home / CATALOGUE_FILE)
        self.versions: Mapping[str, str] = settings.toolkit_versions
        self.trouble: str | None = None
        self._api_key = api_key
        self._patience = settings.tool_timeout
        self._stack = AsyncExitStack()
        self._client: AsyncComposio | None = None
        self._opening = asyncio.Lock()
        self._specs: dict[str, tuple[ToolSpec, ...]] = {}
        self._specs_of: int | None = None
        self._left_alone_until = datetime.min.replace(tzinfo=UTC)
        self._renewing: dict[str, asyncio.Task[object]] = {}

    async def client(self) -> AsyncComposio:
        """The client, made at first use: importing it takes seconds."""
        async with self._opening:
            if self._client is None:
                opened = open_composio(self._api_key, base_url=self.origin, patience=self._patience)
                self._client = await self._stack.enter_async_context(opened)
        return self._client

    async def sync(
        self,
        wanted: Collection[str] | None,
        on_progress: Progress = no_progress,
        *,
        must_exist: bool = True,
    ) -> Synced:
        """Bring the tools of the `wanted` toolkits (None: all) up to date; see `sync_catalogue`."""
        return await sync_catalogue(
            await self.client(),
            self.catalogue,
            wanted=wanted,
            versions=self.versions,
            on_progress=on_progress,
            must_exist=must_exist,
        )

    async def list_accounts(self, user: str) -> Mapping[str, str]:
        """Ask which accounts the user has, and keep that on disk; see `ask_accounts`."""
        accounts = await self.ask_accounts(user)
        await asyncio.to_thread(self.catalogue.write_accounts, user, accounts)
        return accounts

    async def ask_accounts(self, user: str) -> Mapping[str, str]:
        """Ask which account the user has at each app: the newest active one, by toolkit.

        Raises:
            Unavailable: Composio cannot be reached, or refuses the key.
        """
        client = await self.client()
        from composio_client import ComposioError  # noqa: PLC0415 - importing it takes seconds

        try:
            pages = every_page(
                client.connected_accounts.list,
                user_ids=[user],
                statuses=["ACTIVE"],
                order_by="created_at",
                order_direction="asc",
            )
            # Whoever is listed here is acted for: that Composio filters is not enough.
            with taken_in():
                return {each.toolkit.slug: each.id async for each in pages if each.user_id == user}
        except ComposioError as error:
            raise unreachable(error) from error

    async def specs(self, toolkits: Collection[str] | None) -> Sequence[ToolSpec]:
        """The tools of those toolkits (None: all), on no account; the same objects until they change."""
        return await asyncio.to_thread(self._read_specs, toolkits)

    async def catch_up(self, user: str, wanted: Collection[str] | None) -> None:
        """See to it that what the user wants is on disk, and fresh soon.

        What was never listed is waited for, within bounds, and read to the end behind the run; so is what is
        only old. That Composio cannot be reached is in `trouble`, and stops nobody.
        """
        if datetime.now(UTC) < self._left_alone_until:
            return
        missing, old = await asyncio.to_thread(self._state, user, wanted)
        if missing:
            behind = self._renewing.get(user) or self._go_behind(self._renew(user, wanted), user)
            if not (await asyncio.wait([behind], timeout=PATIENCE))[0]:
                self._fail(Unavailable(f"Composio took longer than {PATIENCE:.0f} seconds."))
        elif not self._renewing and (old or self._client is None):
            # Also only to load the client: a call must not spend its time on that.
            self._go_behind(self._renew(user, wanted) if old else self.client(), user)

    def _go_behind(self, work: Coroutine[Any, Any, object], user: str) -> asyncio.Task[object]:
        task = asyncio.create_task(work, name="composio-catalogue")
        self._renewing[user] = task
        task.add_done_callback(lambda _: self._renewing.pop(user, None))
        return task

    async def close(self) -> None:
        """Stop what goes on behind, and close the client."""
        behind = list(self._renewing.values())
        for task in behind:
            task.cancel()
        await asyncio.gather(*behind, return_exceptions=True)
        await self._stack.aclose()

    async def _renew(self, user: str, wanted: Collection[str] | None) -> None:
        try:
            self.trouble = await self._read_anew(user, wanted)
        except NexusError as error:
            self._fail(error)
        # Whatever a service answers, runs go on with the tools that are there.
        except Exception as error:  # noqa: BLE001 - logged
            self.trouble = f"Composio's lists cannot be taken in: {type(error).__name__}."
            _log.exception("tools and accounts are those last seen")

    async def _read_anew(self, user: str, wanted: Collection[str] | None) -> str | None:
        """List accounts and tools; says which toolkits could not be read, None if all could."""
        await self.list_accounts(user)
        if wanted is not None and not wanted:
            return None
        synced = await self.sync(wanted, must_exist=False)
        return " ".join(synced.failed.values()) or None

    def _fail(self, error: NexusError) -> None:
        self.trouble = error.message
        if isinstance(error, Unavailable):  # what one user wants keeps nobody else from Composio
            self._left_alone_until = datetime.now(UTC) + PAUSE
        _log.warning("tools and accounts are those last seen: %s", error)

    def _state(self, user: str, wanted: Collection[str] | None) -> tuple[bool, bool]:
        """Whether something wanted was never listed, and whether something is old."""
        accounts, toolkits = map(self.catalogue.last_seen, (f"accounts:{user}", "toolkits"))
        if accounts is None:
            return True, True
        now = datetime.now(UTC)
        is_old = toolkits is None or now - toolkits > TOOLKITS_AGE
        synced = {each.slug: each.synced for each in self.catalogue.toolkits()}
        # A name that a fresh list does not have is none of Composio's: it is waited for once.
        if any(not synced.get(slug) for slug in wanted or () if is_old or slug in synced):
            return True, True
        if wanted is None:  # a first reading of everything may have been cut off
            is_old = is_old or not all(synced.values())
        return False, now - accounts > ACCOUNTS_AGE or (is_old and wanted != frozenset())

    def _read_specs(self, toolkits: Collection[str] | None) -> Sequence[ToolSpec]:
        number, _ = self.catalogue.changes()
        if number != self._specs_of:
            self._specs, self._specs_of = {}, number
        if toolkits is None:
            toolkits = [each.slug for each in self.catalogue.toolkits()]
        cached = self._specs
        absent = [each for each in toolkits if each not in cached]
        if absent:
            found: dict[str, list[ToolSpec]] = {slug: [] for slug in absent}
            for spec in self.catalogue.tools(absent):
                found[spec.toolkit].append(spec)
            cached.update({slug: tuple(specs) for slug, specs in found.items()})
        return [spec for slug in sorted(toolkits) for spec in cached[slug]]


@asynccontextmanager
async def open_project(settings: Settings) -> AsyncGenerator[ComposioProject | None]:
    """The project whose key is set; None without one. Nothing is sent before it is used."""
    if settings.composio_api_key is None:
        yield None
        return
    project = ComposioProject(settings, settings.composio_api_key.get_secret_value())
    try:
        yield project
    finally:
        await project.close()
