"""A prompt that does not fit becomes shorter where that hurts least, and never loses the request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nexus.core.excerpt import excerpt
from nexus.ports.model import ChatMessage

_SHORT = 600
"""Characters that an old result keeps at first: its head, which mostly says what it is about."""

_SHORTEST = 150
"""Characters that every result keeps at last."""


_NOTE = 100
"""Characters of the note on what is left out, at most about."""


@dataclass(frozen=True, slots=True)
class Earlier(ChatMessage):
    """What was said in an earlier run of the thread."""


@dataclass(frozen=True, slots=True)
class Observation(ChatMessage):
    """A message about a tool's result.

    Attributes:
        result: The whole result.
        shown: As much of it as stands in the content.
    """

    result: str = ""
    shown: str = ""

    def shortened(self, limit: int) -> Observation:
        """The same with about `limit` characters of the result."""
        short = excerpt(self.result, limit)
        return replace(self, content=self.content.replace(self.shown, short, 1), shown=short)


def ever_shorter(prompt: Sequence[ChatMessage]) -> Iterator[Sequence[ChatMessage]]:
    """The prompt, then shorter and shorter ones: results are cut, oldest first; earlier runs are left out.

    The instructions, the request, the tools to choose from and the calls stay.
    """
    yield prompt
    for limit in (_SHORT, _SHORTEST):
        for place, message in enumerate(prompt):
            if isinstance(message, Observation) and len(message.shown) > limit + _NOTE:
                prompt = [*prompt[:place], message.shortened(limit), *prompt[place + 1 :]]
                yield prompt
        while earlier := [message for message in prompt if isinstance(message, Earlier)]:
            prompt = [message for message in prompt if message is not earlier[0]]
            yield prompt
