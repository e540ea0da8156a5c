"""Every enabled tool of every provider, under one roof."""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nexus.core.tool import ToolSpec
from nexus.errors import Conflict, NotFound
from nexus.ports.tools import ToolProvider, ToolResult
from nexus.tools.schema_check import SchemaCheck

_log = logging.getLogger(__name__)
_NEAREST = 3


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


class Registry:
    """The tools of several providers, each reachable by its slug.

    Empty until the first `refresh`. A name in `disabled` is the slug of a tool or the name of a toolkit.
    """

    def __init__(
        self, providers: Sequence[ToolProvider], disabled: frozenset[str] = frozenset[str]()
    ) -> None:
        self._offers = [_Offer(provider) for provider in providers]
        self._disabled = disabled
        self._enabled: dict[str, tuple[ToolSpec, ToolProvider]] = {}
        self._schemas = SchemaCheck()
        self._refreshing = asyncio.Lock()

    async def refresh(self) -> None:
        """Ask every provider again what it offers.

        A provider that cannot say keeps the tools it offered last, and is in `failures`.

        Raises:
            Conflict: Two providers offer an enabled tool under one name; the tools stay as they were.
        """
        async with self._refreshing:
            answers = await asyncio.gather(*(_ask(offer.provider) for offer in self._offers))
            offers = await asyncio.to_thread(self._taken_in, answers)
            self._enabled = _enabled(offers, self._disabled)
            self._offers = offers

    def all(self) -> Sequence[ToolSpec]:
        """The enabled tools, by toolkit, then slug."""
        return tuple(spec for spec, _ in self._enabled.values())

    def get(self, slug: str) -> ToolSpec:
        """The tool of that name. Raises NotFound, naming the nearest ones."""
        return self._found(slug)[0]

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """As `ToolProvider.call`, at the provider the tool came from."""
        _, provider = self._found(spec.slug)
        return await provider.call(spec, arguments, key=key)

    def failures(self) -> Sequence[Failure]:
        """What the last refresh could not take in, provider by provider."""
        return tuple(failure for offer in self._offers for failure in offer.failures)

    @property
    def disabled(self) -> frozenset[str]:
        """The slugs and toolkits that are switched off."""
        return self._disabled

    def disable(self, name: str) -> None:
        """Switch off the tool or toolkit of that name, now and for later refreshes."""
        self._switch(self._disabled | {name})

    def enable(self, name: str) -> None:
        """Switch the tool or toolkit of that name on again. Raises Conflict as `refresh` does."""
        self._switch(self._disabled - {name})

    def _switch(self, disabled: frozenset[str]) -> None:
        self._enabled = _enabled(self._offers, disabled)
        self._disabled = disabled

    def _found(self, slug: str) -> tuple[ToolSpec, ToolProvider]:
        found = self._enabled.get(slug)
        if found is not None:
            return found
        if any(tool.slug == slug for offer in self._offers for tool in offer.tools):
            raise NotFound(
                f"The tool {slug} is disabled.", remedy="Enable it or its toolkit in the settings."
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


async def _ask(provider: ToolProvider) -> Sequence[ToolSpec] | Failure:
    try:
        return await provider.tools()
    except Exception as error:  # noqa: BLE001 - one provider's bug must not hide the other providers' tools
        _log.warning("the tools of %s cannot be listed: %s", provider.name, error)
        return Failure(provider.name, f"{type(error).__name__}: {error}")


def _enabled(offers: Sequence[_Offer], disabled: frozenset[str]) -> dict[str, tuple[ToolSpec, ToolProvider]]:
    """The enabled tools by slug, in order. Raises Conflict if two have one name."""
    found: dict[str, tuple[ToolSpec, ToolProvider]] = {}
    for spec, provider in _switched_on(offers, disabled):
        if spec.slug in found:
            first = found[spec.slug][1]
            raise Conflict(
                f"The tool {spec.slug} is offered twice: by {first.name} and by {provider.name}.",
                remedy="Rename or remove one of them, or disable the tool.",
            )
        found[spec.slug] = (spec, provider)
    return dict(sorted(found.items(), key=lambda item: (item[1][0].toolkit, item[0])))


def _switched_on(
    offers: Sequence[_Offer], disabled: frozenset[str]
) -> Iterator[tuple[ToolSpec, ToolProvider]]:
    for offer in offers:
        for spec in offer.tools:
            if spec.slug not in disabled and spec.toolkit not in disabled:
                yield spec, offer.provider
