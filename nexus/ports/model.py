"""The chat model: one constrained completion, and the probability of a yes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from nexus.core.tool import JsonSchema

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote, and what it cost.

    Attributes:
        text: The whole text; valid JSON for the schema if one was given.
        prompt_tokens: Tokens in the prompt, as counted by the engine.
        cached_tokens: How many of those were reused from the prompt cache (0 if unknown).
        completion_tokens: Tokens written.
        seconds: Wall time.
    """

    text: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    seconds: float


class ChatModel(Protocol):
    """A language model on this machine. Never blocks the event loop; safe for many callers at once.

    Decoding is greedy (temperature 0, fixed seed): the same prompt gives the same answer.
    Every failure is one of ModelUnavailable, ModelMissing, OutputCut, OutputInvalid, PromptTooLong;
    no vendor exception leaves an implementation. A cancelled call stops generating soon.
    """

    @property
    def name(self) -> str:
        """The setting that selects this model, e.g. `embedded:qwen2.5-coder-1.5b`."""
        ...

    @property
    def context_tokens(self) -> int:
        """The context window in tokens (num_ctx): prompt and answer together must fit."""
        ...

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int = 512,
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """Answer `messages`.

        With `schema`, decoding is constrained to JSON that is valid for it (checked again afterwards:
        OutputInvalid otherwise), with properties in the schema's order. An answer that ends because of
        `max_tokens` is OutputCut, never a shortened success. `on_text` is called on the event loop's
        thread with each piece of text as it is written.
        """
        ...

    async def probability_of_yes(self, messages: Sequence[ChatMessage]) -> float | None:
        """P(yes) / P(yes or no) of the answer's first word; None if the engine gives no probabilities."""
        ...

    async def close(self) -> None:
        """Free what the model holds."""
        ...
