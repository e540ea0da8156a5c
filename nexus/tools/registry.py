"""Every enabled tool of every provider, under one roof."""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from nexus.core.tool import ToolSpec
from nexus.errors import NexusError, NotFound
from nexus.ports.tools import ToolProvider, ToolResult
from nexus.tools.schema_check import SchemaCheck

_log = logging.getLogger(__name__)
_NEAREST = 3

RENAME = "Rename or disable one of them."
"""What helps when two tools have one name."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Something a provider should offer and does not.

    Attributes:
        provider: The provider's name.
        reason: What went wrong, for people.
        slug: The tool that was refused; None if the provider could not say what it offers.
    """

    provider: str
    reason: str
    slug: str | None = None


@dataclass(frozen=True, slots=True)
class _Offer:
    """What one provider offered last, and what of it was refused."""

    provider: ToolProvider
    tools: Sequence[ToolSpec] = ()
    failures: Sequence[Failure] = ()


Off = Callable[[], Awaitable[frozenset[str]]]
"""What is switched off now: slugs of tools and names of toolkits."""

OnChange = Callable[[Sequence[ToolSpec]], Awaitable[None]]
"""Called with the enabled tools after they changed."""


@runtime_checkable
class Changing(Protocol):
    """A provider whose tools change while the program runs."""

    async def has_changed(self) -> bool:
        """True if `tools` would give something else now than it did last."""
        ...


@runtime_checkable
class Reporting(Protocol):
    """A provider that can say what of its tools it does not offer, or not as it did."""

    def failures(self) -> Sequence[Failure]:
        """What the last listing could not take in."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """A provider that can still call versions of its tools that were replaced."""

    async def earlier(self, slug: str) -> Sequence[ToolSpec]:
        """The versions of a tool that were replaced, the latest first."""
        ...


async def nothing_is_off() -> frozenset[str]:
    """For tools that nobody switches."""
    return frozenset()


async def _nobody_cares(_tools: Sequence[ToolSpec]) -> None:
    """For a registry that is its only reader."""


class Registry:
    """The tools of several providers, each reachable by its slug. Empty until the first `refresh`.

    Args:
        providers: Asked by every refresh; of two enabled tools with one slug, the first one's is taken.
        off: Says what is switched off; asked by every refresh.
        on_change: Told the enabled tools after every refresh.
    """

    def __init__(
        self,
        providers: Sequence[ToolProvider],
        off: Off = nothing_is_off,
        on_change: OnChange = _nobody_cares,
    ) -> None:
        self._offers = [_Offer(provider) for provider in providers]
        self._off = off
        self._on_change = on_change
        self._disabled = frozenset[str]()
        self._enabled: dict[str, tuple[ToolSpec, ToolProvider]] = {}
        self._second: Sequence[Failure] = ()
        self._connected: frozenset[str] = frozenset()
        self._schemas = SchemaCheck()
        self._refreshing = asyncio.Lock()

    async def refresh(self) -> None:
        """Ask every provider again what it offers.

        A provider that cannot say keeps the tools it offered last, and is in `failures`. So is a tool whose
        slug an enabled tool before it has: it is not taken in.

        Raises:
            StoreUnavailable: It cannot be read what is switched off; the tools stay as they were.
        """
        async with self._refreshing:
            disabled = await self._off()
            answers = await asyncio.gather(*(_ask(offer.provider) for offer in self._offers))
            offers = await asyncio.to_thread(self._taken_in, answers)
            self._enabled, self._second = _enabled(offers, disabled)
            self._connected = frozenset(spec.toolkit for spec in self.all() if spec.can_act)
            self._offers, self._disabled = offers, disabled
            await self._on_change(self.all())

    async def freshen(self) -> None:
        """Refresh if something was switched or a provider's tools changed; cheap if not.

        What prevents it is logged, and the tools stay as they were: they are good enough to go on with.
        """
        try:
            has_changed = await self._have_changed()  # asked first: it may bring in what was just switched on
            if has_changed or await self._off() != self._disabled:
                await self.refresh()
        except NexusError as error:
            _log.warning("the tools stay as they were: %s", error)

    async def _have_changed(self) -> bool:
        return any([await _has_changed(offer.provider) for offer in self._offers])

    def all(self) -> Sequence[ToolSpec]:
        """The enabled tools, by toolkit, then slug."""
        return tuple(spec for spec, _ in self._enabled.values())

    def connected(self) -> frozenset[str]:
        """The toolkits with a tool that has an account, or needs none."""
        return self._connected

    def get(self, slug: str) -> ToolSpec:
        """The tool of that name. Raises NotFound, naming the nearest ones."""
        return self._found(slug)[0]

    async def earlier(self, slug: str) -> Sequence[ToolSpec]:
        """The versions of an enabled tool that were replaced and can still be called, the latest first."""
        _, provider = self._found(slug)
        return await provider.earlier(slug) if isinstance(provider, Versioned) else ()

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """As `ToolProvider.call`, at the provider the tool came from."""
        _, provider = self._found(spec.slug)
        return await provider.call(spec, arguments, key=key)

    def toolkits(self) -> Mapping[str, int]:
        """How many tools each toolkit has, those that are switched off included."""
        return Counter(tool.toolkit for offer in self._offers for tool in offer.tools)

    def failures(self) -> Sequence[Failure]:
        """What the last refresh could not take in, provider by provider, then the slugs offered twice."""
        found = (failure for offer in self._offers for failure in (*offer.failures, *_reported(offer)))
        return (*found, *self._second)

    def _found(self, slug: str) -> tuple[ToolSpec, ToolProvider]:
        found = self._enabled.get(slug)
        if found is not None:
            return found
        if any(tool.slug == slug for offer in self._offers for tool in offer.tools):
            raise NotFound(
                f"The tool {slug} is disabled.", remedy="`nexus tools enable` or `nexus toolkits enable` it."
            )
        near = difflib.get_close_matches(slug, self._enabled, n=_NEAREST)
        remedy = f"The nearest names are {', '.join(near)}." if near else "Look for it by what it does."
        raise NotFound(f"There is no tool {slug}.", remedy=remedy)

    def _taken_in(self, answers: Sequence[Sequence[ToolSpec] | Failure]) -> list[_Offer]:
        return [
            replace(before, failures=(answer,))
            if isinstance(answer, Failure)
            else self._judged(before, answer)
            for before, answer in zip(self._offers, answers, strict=True)
        ]

    def _judged(self, before: _Offer, tools: Sequence[ToolSpec]) -> _Offer:
        """The new offer, without the tools whose parameters cannot be used."""
        name = before.provider.name
        faults = [(tool, self._schemas.fault(tool.parameters)) for tool in tools]
        return replace(
            before,
            tools=tuple(tool for tool, fault in faults if fault is None),
            failures=tuple(Failure(name, fault, tool.slug) for tool, fault in faults if fault is not None),
        )


def _reported(offer: _Offer) -> Sequence[Failure]:
    return offer.provider.failures() if isinstance(offer.provider, Reporting) else ()


async def _ask(provider: ToolProvider) -> Sequence[ToolSpec] | Failure:
    try:
        return await provider.tools()
    except Exception as error:  # noqa: BLE001 - one provider's bug must not hide the other providers' tools
        _log.warning("the tools of %s cannot be listed: %s", provider.name, error)
        return Failure(provider.name, f"{type(error).__name__}: {error}")


async def _has_changed(provider: ToolProvider) -> bool:
    if not isinstance(provider, Changing):
        return False
    try:
        return await provider.has_changed()
    except Exception as error:  # noqa: BLE001 - as in `_ask`; what it offered last is good enough to go on with
        _log.warning("it cannot be said whether the tools of %s changed: %s", provider.name, error)
        return False


def _enabled(
    offers: Sequence[_Offer], disabled: frozenset[str]
) -> tuple[dict[str, tuple[ToolSpec, ToolProvider]], Sequence[Failure]]:
    """The enabled tools by slug, in order, and those whose slug was taken."""
    found: dict[str, tuple[ToolSpec, ToolProvider]] = {}
    refused: list[Failure] = []
    for spec, provider in _switched_on(offers, disabled):
        first = found.setdefault(spec.slug, (spec, provider))[0]
        if first is not spec:
            refused.append(Failure(provider.name, f"{taken(spec, first)} {RENAME}", spec.slug))
    return dict(sorted(found.items(), key=lambda item: (item[1][0].toolkit, item[0]))), refused


def taken(spec: ToolSpec, first: ToolSpec) -> str:
    """Why a tool is not offered whose slug another one has."""
    return f"{spec.slug} of {spec.toolkit} is not offered: {first.toolkit} has a tool of that name."


def _switched_on(
    offers: Sequence[_Offer], disabled: frozenset[str]
) -> Iterator[tuple[ToolSpec, ToolProvider]]:
    for offer in offers:
        for spec in offer.tools:
            if spec.slug not in disabled and spec.toolkit not in disabled:
                yield spec, offer.provider
