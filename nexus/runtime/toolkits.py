"""The apps a user can have, and switching them on and off while everything runs."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nexus.core.tool import ToolSpec
from nexus.errors import Conflict, NexusError, NotFound, Unavailable
from nexus.ports.toolkits import ToolkitSwitches
from nexus.tools.composio.catalogue_file import ListedToolkit
from nexus.tools.composio.project import ComposioProject
from nexus.tools.preferences import Preferences
from nexus.tools.registry import Registry

_BUILT_IN: Mapping[str, str] = {
    "desk": "Mail, calendar, contacts, notes and tasks in files on this machine.",
    "results": "Reads on in results that are too long to show at once.",
}


@dataclass(frozen=True, slots=True)
class Toolkit:
    """An app with its tools, as one user has it.

    Attributes:
        slug: Its name, e.g. `gmail`.
        tools: How many tools it has.
        is_on: True if the model can find its tools.
        needs_account: True if its tools act on an account of the user.
        account: That account; None if there is none yet.
    """

    slug: str
    title: str
    description: str
    tools: int
    is_on: bool
    needs_account: bool
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Some of the apps that were looked for, and how many there are in all."""

    toolkits: Sequence[Toolkit]
    total: int


class Toolkits:
    """One user's apps.

    Args:
        user: Whose.
        tools: What is on now.
        own: Where the user's switches are kept.
        preferences: What is on and off, all told.
        composio: Whose toolkits can be switched on; None if Composio is off.
        refresh: Takes in what changed.
    """

    def __init__(
        self,
        user: str,
        *,
        tools: Registry,
        own: ToolkitSwitches,
        preferences: Preferences,
        composio: ComposioProject | None,
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._user = user
        self._tools = tools
        self._own = own
        self._preferences = preferences
        self._composio = composio
        self._refresh = refresh

    async def all(self) -> Sequence[Toolkit]:
        """Every app there is, as far as known here: nobody is asked. By name; those that are on first."""
        off, on, outside = await self._preferences.off(), await self._preferences.on(), await self._outside()
        accounts = await self._accounts()
        found = {
            each.slug: Toolkit(
                each.slug,
                each.name,
                each.description,
                each.tools,
                is_on=each.slug not in off and (on is None or each.slug in on),
                needs_account=not each.no_auth,
                account=accounts.get(each.slug),
            )
            for each in outside
        }
        found |= {slug: toolkit for slug, toolkit in self._here(off).items() if slug not in found}
        return sorted(found.values(), key=lambda each: (not each.is_on, each.slug))

    async def find(self, query: str = "", *, offset: int = 0, limit: int = 50) -> Found:
        """The apps that have every word of `query`, the best first; all of them for an empty one."""
        every = await self.all()
        words = query.casefold().split()
        ranked = [(rank, each) for each in every if (rank := _rank(each, words)) is not None]
        ranked.sort(key=lambda pair: pair[0])  # stable: within a rank those that are on stay first
        return Found([each for _, each in ranked[offset : offset + limit]], len(ranked))

    async def tools_of(self, toolkit: Toolkit) -> Sequence[ToolSpec]:
        """The app's tools as they are offered now; of one that is off those that were read before."""
        offered = [spec for spec in self._tools.all() if spec.toolkit == toolkit.slug]
        if offered or self._composio is None:
            return offered
        found = await asyncio.to_thread(self._composio.catalogue.tools, [toolkit.slug])
        return sorted(found, key=lambda spec: spec.slug)

    async def account_of(self, slug: str) -> str | None:
        """The account that an app's tools act on, as far as known here; nobody is asked."""
        return (await self._accounts()).get(slug)

    async def listed_at(self) -> datetime | None:
        """When Composio was asked last which apps it has; None if never, or if it is off."""
        if self._composio is None:
            return None
        return await asyncio.to_thread(self._composio.catalogue.last_seen, "toolkits")

    async def read_list(self) -> None:
        """Ask Composio which apps it has; no tools are read.

        Raises:
            Unavailable: Composio is off, or cannot be reached.
        """
        if self._composio is None:
            raise Unavailable("Composio is off.", remedy="Set COMPOSIO_API_KEY, then start Nexus again.")
        await self._composio.sync((), must_exist=False)

    async def get(self, slug: str) -> Toolkit:
        """The app of that name. Raises NotFound, naming the nearest ones."""
        every = await self.all()
        for toolkit in every:
            if toolkit.slug == slug:
                return toolkit
        near = difflib.get_close_matches(slug, [each.slug for each in every], n=3)
        raise NotFound(f"There is no toolkit {slug!r}.", remedy=_remedy(near, self._composio is not None))

    async def wanted(self) -> frozenset[str] | None:
        """The apps of Composio that are on; None: every one of the catalogue."""
        on = await self._preferences.on()
        of_others = set(self._tools.toolkits()) - {each.slug for each in await self._outside()}
        return None if on is None else on - of_others

    async def tool(self, slug: str) -> ToolSpec:
        """A tool, also one of an app that is off. Raises NotFound, naming the nearest enabled ones."""
        try:
            return self._tools.get(slug)
        except NotFound:
            if self._composio is None:
                raise
            spec = await asyncio.to_thread(self._composio.catalogue.tool, slug)
            if spec is None:
                raise
            return spec

    async def switch(self, slug: str, *, is_on: bool) -> Toolkit:
        """Switch an app on or off for the user; the next run sees it, in every process.

        The tools of one that is switched on are read from Composio if they are not on disk yet.

        Raises:
            NotFound: There is no such app.
            Conflict: The settings switch it off for everybody; or its tools have the names of others.
            Unavailable: Its tools have to be read first, and Composio cannot be reached.
        """
        if is_on:
            await self._read(slug)
        await self.get(slug)
        await self._own.set(slug, is_on)
        await self._refresh()
        switched = await self.get(slug)
        if is_on and not switched.is_on:
            raise Conflict(
                f"The settings switch {slug} off for everybody.",
                remedy=f"`nexus tools enable {slug}`, or NEXUS_DISABLE.",
            )
        return switched

    async def _read(self, slug: str) -> None:
        """Make sure that the tools of an app of Composio are on disk."""
        outside = {each.slug: each for each in await self._outside()}
        if self._composio is None or (slug in self._tools.toolkits() and slug not in outside):
            return
        try:
            await self._composio.list_accounts(self._user)
            await self._composio.sync([slug])
        except NexusError:
            if slug not in outside or not outside[slug].synced:
                raise

    async def _outside(self) -> Sequence[ListedToolkit]:
        if self._composio is None:
            return ()
        return await asyncio.to_thread(self._composio.catalogue.toolkits)

    async def _accounts(self) -> Mapping[str, str]:
        if self._composio is None:
            return {}
        return await asyncio.to_thread(self._composio.catalogue.accounts, self._user)

    def _here(self, off: frozenset[str]) -> dict[str, Toolkit]:
        """The apps whose tools are offered now, those that are switched off included."""
        return {
            slug: Toolkit(
                slug, slug, _BUILT_IN.get(slug, ""), number, is_on=slug not in off, needs_account=False
            )
            for slug, number in self._tools.toolkits().items()
        }


def _rank(toolkit: Toolkit, words: Sequence[str]) -> int | None:
    """How well an app fits the words, 0 is best; None if it lacks one of them."""
    names = f"{toolkit.slug} {toolkit.title}".casefold()
    text = f"{names} {toolkit.description.casefold()}"
    if not all(word in text for word in words):
        return None
    whole = " ".join(words)
    if whole in {toolkit.slug.casefold(), toolkit.title.casefold()}:
        return 0
    if all(word in names for word in words):
        return 1 if names.startswith(whole) else 2
    return 3


def _remedy(near: Sequence[str], has_composio: bool) -> str:  # noqa: FBT001 - private
    if near:
        return f"The nearest names are {', '.join(near)}."
    return "`nexus toolkits list` shows them." if has_composio else "Set COMPOSIO_API_KEY to have more."
