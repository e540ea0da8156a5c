"""Errors of an app's API, planted between a system and the desk: the call fails and nothing happens.

They are of the kinds that real services answer with: 429 and 503 and 423 (try again), 422 (mend an argument),
404 and 412 (look it up). Each says enough to go on, and every system is given the same words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid, NexusError, NotFound, NotSent, ToolFailed
from nexus.ports.tools import ToolProvider, ToolResult


@dataclass(frozen=True, slots=True)
class Called:
    """One call that reached the provider, and whether a planted error was its answer."""

    tool: str
    refused: bool


Rule: TypeAlias = Callable[[Sequence[Called], Mapping[str, Any]], NexusError | None]
"""(all earlier calls, the arguments of this one) -> the error to answer with, or None to let it act."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One planted error.

    Attributes:
        tools: The tools it befalls.
        rule: When it strikes.
        stumble: What differs from an ideal call in one that it strikes; empty: the ideal call itself.
        cure: A call without which it strikes again; None if there is none.
    """

    tools: Sequence[str]
    rule: Rule
    stumble: Mapping[str, Any] = field(default_factory=dict[str, Any])
    cure: tuple[str, Mapping[str, Any]] | None = None


class FaultyProvider:
    """A provider with an error planted in it, which counts the calls that reach it.

    Attributes:
        calls: Every call, in order.
    """

    def __init__(self, provider: ToolProvider, fault: Fault | None) -> None:
        self._provider = provider
        self._fault = fault
        self.calls: list[Called] = []

    @property
    def name(self) -> str:
        """The provider's."""
        return self._provider.name

    @property
    def refused(self) -> int:
        """How many calls the planted error has struck."""
        return sum(call.refused for call in self.calls)

    async def tools(self) -> Sequence[ToolSpec]:
        """The provider's."""
        return await self._provider.tools()

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """The planted error if it strikes, and then nothing happens; else the provider's call."""
        error = self._strikes(spec.slug, arguments)
        self.calls.append(Called(spec.slug, refused=error is not None))
        if error is not None:
            raise error
        return await self._provider.call(spec, arguments, key=key)

    def _strikes(self, tool: str, arguments: Mapping[str, Any]) -> NexusError | None:
        if self._fault is None or tool not in self._fault.tools:
            return None
        return self._fault.rule(self.calls, arguments)


def not_reached(*tools: str) -> Fault:
    """The first call of one of these tools never leaves: the service cannot be reached."""
    return _once(tools, lambda: NotSent("The connection was refused; nothing was sent.", remedy="Try again."))


def unavailable(*tools: str) -> Fault:
    """The first call of one of these tools comes at a bad moment."""
    return _once(
        tools,
        lambda: ToolFailed(
            "503 Service unavailable: the backend is restarting. Nothing was done.",
            remedy="It is safe to try the same call again.",
        ),
    )


def rate_limited(*tools: str) -> Fault:
    """The first call of one of these tools is one too many just now."""
    return _once(
        tools,
        lambda: ToolFailed(
            "429 Too many requests: the call was not carried out.", remedy="Try the same call again."
        ),
    )


def locked(*tools: str) -> Fault:
    """The first call of one of these tools finds the thing being synchronised."""
    return _once(
        tools,
        lambda: ToolFailed(
            "423 Locked: it is being synchronised just now. Nothing was changed.",
            remedy="Try the same call again.",
        ),
    )


def demands(tool: str, name: str, pattern: str, words: str, *, instead: str | None) -> Fault:
    """Every call of `tool` is refused (422) until its argument `name` matches; `instead` is what strikes."""

    def rule(_: Sequence[Called], arguments: Mapping[str, Any]) -> NexusError | None:
        given = arguments.get(name)
        if isinstance(given, str) and re.fullmatch(pattern, given, re.DOTALL):
            return None
        return ArgumentsInvalid(f"{words}; got {given!r}", field=name)

    return Fault((tool,), rule, {name: instead})


def unknown(tool: str, name: str, known: str, words: str, *, instead: str) -> Fault:
    """Every call of `tool` is refused (404) until its argument `name` is exactly `known`."""

    def rule(_: Sequence[Called], arguments: Mapping[str, Any]) -> NexusError | None:
        given = arguments.get(name)
        return None if given == known else NotFound(f"404 Not found: {name} {given!r}. {words}")

    return Fault((tool,), rule, {name: instead})


def stale(tool: str, *lookups: str, words: str) -> Fault:
    """Calls of `tool` are refused (412) until, after the first refusal, one of `lookups` is called."""

    def rule(earlier: Sequence[Called], _: Mapping[str, Any]) -> NexusError | None:
        struck = next((number for number, call in enumerate(earlier) if call.refused), len(earlier))
        if any(call.tool in lookups for call in earlier[struck:]):
            return None
        return NotFound(f"412 Precondition failed: {words}")

    return Fault((tool,), rule, cure=(lookups[0], {}))


def _once(tools: Sequence[str], error: Callable[[], NexusError]) -> Fault:
    def rule(earlier: Sequence[Called], _: Mapping[str, Any]) -> NexusError | None:
        return None if any(call.refused for call in earlier) else error()

    return Fault(tools, rule)
