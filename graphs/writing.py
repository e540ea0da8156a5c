"""Ask the model, count what it costs, and keep what was mended, for whoever reads the run later."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages.ai import UsageMetadata

from graphs.events import emit
from graphs.shortening import ever_shorter
from nexus.core.budget import Spent
from nexus.core.tool import JsonSchema
from nexus.errors import PromptTooLong
from nexus.ports.model import ChatMessage, ChatModel


class Writer:
    """One step's use of the model.

    Greedy decoding of the same prompt gives the same answer, so nothing is asked twice in the same words.
    """

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self._tokens = 0
        self._prompt = 0
        self._cached = 0
        self._written = 0
        self._corrections: list[dict[str, str]] = []
        self._started = time.monotonic()

    async def __call__(
        self,
        prompt: Sequence[ChatMessage],
        schema: JsonSchema,
        max_tokens: int,
        on_text: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """JSON under `schema`; `on_text` is called with each piece of it as it is written.

        A prompt that the model finds too long, counting its tokens, is shortened until it fits.

        Raises:
            PromptTooLong: It does not fit however short it is made.
        """
        too_long: PromptTooLong | None = None
        for fitting in ever_shorter(prompt):
            try:
                done = await self._model.complete(
                    fitting, schema=schema, max_tokens=max_tokens, on_text=on_text
                )
            except PromptTooLong as error:
                too_long = error
            else:
                self._tokens += done.prompt_tokens - done.cached_tokens + done.completion_tokens
                self._prompt += done.prompt_tokens
                self._cached += done.cached_tokens
                self._written += done.completion_tokens
                return json.loads(done.text)
        raise too_long or AssertionError("there is always the prompt itself")

    async def probability_of_yes(self, prompt: Sequence[ChatMessage]) -> float | None:
        """As the port's."""
        return await self._model.probability_of_yes(prompt)

    def correct(self, tool: str, problem: str) -> None:
        """Tell, and keep, what was wrong with arguments that the model wrote."""
        emit("correction", tool=tool, problem=problem)
        self._corrections.append({"tool": tool, "problem": problem})

    @property
    def usage(self) -> UsageMetadata:
        """The tokens of this step, as LangChain's messages have them; none for a plain yes or no."""
        return UsageMetadata(
            input_tokens=self._prompt,
            output_tokens=self._written,
            total_tokens=self._prompt + self._written,
            input_token_details={"cache_read": self._cached},
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What else there is to know of this step: the model, the seconds so far, what was mended."""
        known = {"model_name": self._model.name, "seconds": round(time.monotonic() - self._started, 3)}
        return known | ({"corrections": self._corrections} if self._corrections else {})

    def onto(self, spent: Spent, *, failures: int) -> Spent:
        """The run's tally with this step added."""
        return Spent(
            steps=spent["steps"] + 1,
            failures=failures,
            tokens=spent["tokens"] + self._tokens,
            seconds=spent["seconds"] + time.monotonic() - self._started,
            prompt=spent.get("prompt", 0) + self._prompt,
            written=spent.get("written", 0) + self._written,
        )
