"""An answer while it comes in, piece by piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nexus.errors import ModelUnavailable, OutputCut, OutputInvalid
from nexus.ports.model import Completion


@dataclass(slots=True)
class Answer:
    """What has come so far."""

    text: str = ""
    finish_reason: str | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    logprobs: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])

    def add_event(self, event: Mapping[str, Any]) -> str:
        """Take in one event of an OpenAI stream; return the text it brings.

        Raises:
            OutputInvalid: It is no such event.
        """
        try:
            self._count(event.get("usage") or {})
            choices: Sequence[Mapping[str, Any]] = event.get("choices") or ()
            return "".join(self._add_choice(choice) for choice in choices[:1])
        except (AttributeError, TypeError) as error:
            raise OutputInvalid("The model's server sent an event that is not its protocol.") from error

    def require_finished(self, max_tokens: int) -> None:
        """Refuse an answer that was cut off or is empty.

        Raises:
            OutputCut, OutputInvalid, ModelUnavailable: The answer is no answer.
        """
        if self.finish_reason == "length":
            raise OutputCut(
                f"The answer was cut off after {max_tokens} tokens.",
                remedy="Ask for less, or allow more tokens.",
            )
        if not self.text.strip():
            raise OutputInvalid("The model answered nothing.", remedy="Try again.")
        if self.finish_reason is None:
            raise ModelUnavailable(
                "The answer ended without saying that it was complete.", remedy="Try again.", retry_after=1.0
            )

    def completion(self, seconds: float) -> Completion:
        """The answer as the port gives it."""
        return Completion(self.text, self.prompt_tokens, self.cached_tokens, self.written_tokens, seconds)

    def _count(self, usage: Mapping[str, Any]) -> None:
        self.prompt_tokens = usage.get("prompt_tokens", self.prompt_tokens)
        self.written_tokens = usage.get("completion_tokens", self.written_tokens)
        details: Mapping[str, Any] = usage.get("prompt_tokens_details") or {}
        self.cached_tokens = details.get("cached_tokens") or self.cached_tokens

    def _add_choice(self, choice: Mapping[str, Any]) -> str:
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        self.logprobs.extend((choice.get("logprobs") or {}).get("content") or ())
        text: str = (choice.get("delta") or {}).get("content") or ""
        self.text += text
        return text
