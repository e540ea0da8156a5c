"""The embedded model: llama.cpp in this process, no server to install."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nexus.core.tool import JsonSchema
from nexus.errors import ModelUnavailable, NexusError, OutputInvalid
from nexus.models.answer import Answer
from nexus.models.answering import SEED, AnsweringModel
from nexus.models.constrained import llguidance_grammar
from nexus.models.engine import EmbeddedEngine
from nexus.models.prompt_size import too_long
from nexus.ports.model import ChatMessage


class EmbeddedModel(AnsweringModel):
    """A chat model on an engine; several may share one."""

    def __init__(self, engine: EmbeddedEngine, *, name: str, request_timeout: float = 300.0) -> None:
        self._engine = engine
        self._name = name
        self._seconds = request_timeout

    @property
    def name(self) -> str:
        """The setting that selects this model."""
        return f"embedded:{self._name}"

    @property
    def context_tokens(self) -> int:
        """The context window of the engine."""
        return self._engine.num_ctx

    async def close(self) -> None:
        """Free the engine."""
        await self._engine.close()

    async def _ask(
        self,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        on_text: Callable[[str], None] | None,
        **more: Any,
    ) -> Answer:
        request = {
            "messages": [{"role": each.role, "content": each.content} for each in messages],
            "max_tokens": max_tokens,
            "temperature": 0,
            "seed": SEED,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
            "cache_prompt": True,
            **more,
        }
        call = _Call(max_tokens, self._engine.num_ctx, on_text)
        await self._engine.chat(request, call.take, seconds=self._seconds)
        if call.failure:
            raise call.failure
        return call.answer

    def _constraint(self, schema: JsonSchema) -> Mapping[str, Any]:
        return {"grammar": llguidance_grammar(schema)}


class _Call:
    """One call's answer, taken in on the engine's thread; text is handed to the event loop's."""

    def __init__(self, max_tokens: int, num_ctx: int, on_text: Callable[[str], None] | None) -> None:
        self.answer = Answer()
        self.failure: NexusError | None = None
        self._max_tokens = max_tokens
        self._num_ctx = num_ctx
        self._on_text = on_text
        self._loop = asyncio.get_running_loop()

    def take(self, event: Mapping[str, Any]) -> bool:
        """Take in one event; True if nothing more is wanted. Must not raise: the caller is C++."""
        try:
            self._take(event)
        except NexusError as error:
            self.failure = error
        except RuntimeError:  # the event loop is closed: nobody waits for this
            return True
        return self.failure is not None

    def _take(self, event: Mapping[str, Any]) -> None:
        if error := event.get("error"):
            raise self._ours(error)
        progress: Mapping[str, Any] = event.get("prompt_progress") or {}
        if (total := progress.get("total", 0)) + self._max_tokens > self._num_ctx:
            raise too_long(str(total), max_tokens=self._max_tokens, num_ctx=self._num_ctx)
        text = self.answer.add_event(event)
        if text and self._on_text:
            self._loop.call_soon_threadsafe(self._on_text, text)

    def _ours(self, error: Mapping[str, Any]) -> NexusError:
        said = str(error.get("message", error))
        if error.get("type") == "exceed_context_size_error":
            counted = str(error.get("n_prompt_tokens", "too many"))
            return too_long(counted, max_tokens=self._max_tokens, num_ctx=self._num_ctx)
        if error.get("type") == "invalid_request_error":
            return OutputInvalid(
                f"The embedded model refused the request: {said}", remedy="Simplify the schema."
            )
        return ModelUnavailable(f"The embedded model failed: {said}", remedy="Try again.")
