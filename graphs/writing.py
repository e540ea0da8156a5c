"""Ask the model, and count what it costs."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from nexus.core.budget import Spent
from nexus.core.tool import JsonSchema
from nexus.ports.model import ChatMessage, ChatModel


class Writer:
    """One step's use of the model.

    Greedy decoding of the same prompt gives the same answer, so nothing is asked twice in the same words.
    """

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self._tokens = 0
        self._started = time.monotonic()

    async def __call__(
        self, prompt: Sequence[ChatMessage], schema: JsonSchema, max_tokens: int
    ) -> dict[str, Any]:
        """JSON under `schema`."""
        done = await self._model.complete(prompt, schema=schema, max_tokens=max_tokens)
        self._tokens += done.prompt_tokens - done.cached_tokens + done.completion_tokens
        return json.loads(done.text)

    async def probability_of_yes(self, prompt: Sequence[ChatMessage]) -> float | None:
        """As the port's."""
        return await self._model.probability_of_yes(prompt)

    def onto(self, spent: Spent, *, failures: int) -> Spent:
        """The run's tally with this step added."""
        return Spent(
            steps=spent["steps"] + 1,
            failures=failures,
            tokens=spent["tokens"] + self._tokens,
            seconds=spent["seconds"] + time.monotonic() - self._started,
        )
