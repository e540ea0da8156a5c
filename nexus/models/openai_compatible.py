"""Any local server that speaks OpenAI's chat completions: llama-server, vLLM, LM Studio."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import httpx

from nexus.core.tool import JsonSchema
from nexus.errors import ModelMissing, ModelUnavailable, NexusError, OutputInvalid
from nexus.models.answer import Answer
from nexus.models.answering import SEED, AnsweringModel
from nexus.models.connection import busy_or_broken, client_settings, our_errors
from nexus.models.local_url import require_local
from nexus.models.prompt_size import require_room, require_whole, too_long
from nexus.ports.model import ChatMessage

_DATA = "data:"
_END = "[DONE]"
_CONTEXT = re.compile(r"context (size|length|window)|exceed_context|maximum context", re.IGNORECASE)


class OpenAICompatibleModel(AnsweringModel):
    """A model behind `URL/chat/completions`; its constraint is `response_format: json_schema`."""

    def __init__(
        self,
        model: str,
        *,
        url: str,
        num_ctx: int,
        request_timeout: float = 300.0,
        allow_remote: bool = False,
    ) -> None:
        self._model = model
        self._url = require_local(url, field="NEXUS_MODEL", allow_remote=allow_remote)
        self._num_ctx = num_ctx
        self._seconds = request_timeout
        self._client = httpx.AsyncClient(**client_settings(request_timeout))

    @property
    def name(self) -> str:
        """The setting that selects this model."""
        return f"openai:{self._url}#{self._model}"

    @property
    def context_tokens(self) -> int:
        """The context window Nexus keeps to; the server's own must not be smaller."""
        return self._num_ctx

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()

    async def _ask(
        self,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        on_text: Callable[[str], None] | None,
        **more: Any,
    ) -> Answer:
        require_room(messages, max_tokens=max_tokens, num_ctx=self._num_ctx)
        body = {
            "model": self._model,
            "messages": [{"role": each.role, "content": each.content} for each in messages],
            "max_tokens": max_tokens,
            "temperature": 0,
            "seed": SEED,
            "stream": True,
            "stream_options": {"include_usage": True},
            **more,
        }
        answer = Answer()
        async with our_errors(
            server=self._server, start="Start it, or correct the URL in NEXUS_MODEL.", seconds=self._seconds
        ):
            async for event in self._events(body, max_tokens):
                if (text := answer.add_event(event)) and on_text:
                    on_text(text)
        if answer.prompt_tokens:
            require_whole(
                messages, counted=answer.prompt_tokens, max_tokens=max_tokens, num_ctx=self._num_ctx
            )
        return answer

    def _constraint(self, schema: JsonSchema) -> Mapping[str, Any]:
        form = {"name": "step", "schema": dict(schema), "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": form}}

    @property
    def _server(self) -> str:
        return f"The model server at {self._url}"

    async def _events(self, body: Mapping[str, Any], max_tokens: int) -> AsyncIterator[Mapping[str, Any]]:
        """Each event of the stream, parsed."""
        async with self._client.stream("POST", f"{self._url}/chat/completions", json=body) as response:
            if not response.is_success:
                said = (await response.aread()).decode(errors="replace")
                raise self._ours(response.status_code, said, max_tokens)
            async for line in response.aiter_lines():
                if not line.startswith(_DATA):
                    continue
                data = line[len(_DATA) :].strip()
                if data == _END:
                    return
                yield self._event(json.loads(data), max_tokens)

    def _event(self, event: Any, max_tokens: int) -> Mapping[str, Any]:
        if not isinstance(event, dict):
            raise OutputInvalid(f"{self._server} sent an event that is no object.", remedy="Check its URL.")
        if event.get("error"):
            raise self._ours(HTTPStatus.INTERNAL_SERVER_ERROR, json.dumps(event["error"]), max_tokens)
        return event

    def _ours(self, status: int, said: str, max_tokens: int) -> NexusError:
        if status == HTTPStatus.NOT_FOUND:
            return ModelMissing(
                f"{self._server} does not know {self._model} (HTTP 404): {said[:200]}",
                remedy=f"See what it has at {self._url}/models and name it after the # in NEXUS_MODEL.",
            )
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return ModelUnavailable(
                f"{self._server} asks for a key (HTTP {status}).",
                remedy="Start it without one on this machine.",
            )
        if _CONTEXT.search(said):
            return too_long("too many", max_tokens=max_tokens, num_ctx=self._num_ctx)
        if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.TOO_MANY_REQUESTS:
            return OutputInvalid(
                f"{self._server} refused the request (HTTP {status}): {said[:300]}",
                remedy="It must support streaming and response_format json_schema.",
            )
        return busy_or_broken(self._server, status, said)
