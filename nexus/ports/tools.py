"""Where tools come from, and the only way to call one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nexus.core.tool import ToolSpec


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back, as text for the model and the person.

    Attributes:
        text: The result in words or JSON.
        reference: The provider's id of the call or the thing made, if any (e.g. a log id or a file name).
    """

    text: str
    reference: str | None = None


class ToolProvider(Protocol):
    """A source of tools: the desk, a Composio project, an MCP server, a list of functions."""

    @property
    def name(self) -> str:
        """The provider's name, e.g. `desk`."""
        ...

    async def tools(self) -> Sequence[ToolSpec]:
        """Every tool it offers now. Raises Unavailable if it cannot say."""
        ...

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """Call a tool once, without retry. `arguments` are valid for `spec.parameters`.

        `key` is unique for this attempt; providers that can deduplicate pass it on.

        Raises:
            ArgumentsInvalid: The arguments make no sense to the tool; nothing happened.
            NotFound: What the arguments name does not exist; nothing happened.
            NotConnected: There is no active account to act on; nothing happened.
            Refused: Not allowed (401, 403); nothing happened.
            NotSent: The call never left; nothing happened.
            RateLimited: Its service takes no more calls for now; nothing happened.
            ToolFailed: The tool says it failed; nothing happened that the caller must know of.
            OutcomeUnknown: It may have happened. Any other exception is taken as this.
        """
        ...


class Tools(Protocol):
    """Every enabled tool of every provider."""

    async def freshen(self) -> None:
        """Take in what was switched on or off meanwhile, by whichever process; cheap if nothing was."""
        ...

    def all(self) -> Sequence[ToolSpec]:
        """The enabled tools, in a stable order."""
        ...

    def connected(self) -> frozenset[str]:
        """The toolkits that can act now: one of their tools has an account, or needs none."""
        ...

    def get(self, slug: str) -> ToolSpec:
        """The tool of that name. Raises NotFound, naming the nearest ones."""
        ...

    async def earlier(self, slug: str) -> Sequence[ToolSpec]:
        """The versions of an enabled tool that were replaced and can still be called, the latest first."""
        ...

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        """As `ToolProvider.call`, at the provider the tool came from."""
        ...
