"""What all engines do with a prompt; how a server is asked is each engine's own."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nexus.core.tool import JsonSchema
from nexus.models.answer import Answer
from nexus.models.constrained import check_schema, parse_output
from nexus.models.yes_or_no import TOP_WORDS, first_words, yes_share
from nexus.ports.model import ChatMessage, Completion

SEED = 7
"""Of every engine: the same prompt gets the same answer."""


class AnsweringModel(ABC):
    """The two questions of `nexus.ports.model.ChatModel`, put to `_ask`."""

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int = 512,
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """Answer `messages`, as the port says."""
        started = time.monotonic()
        constraint: Mapping[str, Any] = {}
        if schema is not None:
            check_schema(schema)
            constraint = self._constraint(schema)
        answer = await self._ask(messages, max_tokens, on_text, **constraint)
        answer.require_finished(max_tokens)
        if schema is not None:
            parse_output(answer.text, schema)
        return answer.completion(time.monotonic() - started)

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float | None:
        """P(yes) against P(no) of the first word; None from servers without log-probabilities."""
        answer = await self._ask(messages, 1, None, logprobs=True, top_logprobs=TOP_WORDS)
        return yes_share(first_words(answer.logprobs))

    @abstractmethod
    async def _ask(
        self,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        on_text: Callable[[str], None] | None,
        **more: Any,
    ) -> Answer:
        """What the engine says to `messages`; `more` are fields of the request."""

    @abstractmethod
    def _constraint(self, schema: JsonSchema) -> Mapping[str, Any]:
        """The fields of a request that hold the answer to a schema."""
