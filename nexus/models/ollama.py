"""Ollama through langchain-ollama, with every silent failure of both made loud."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
from ollama import ResponseError

from nexus.core.tool import JsonSchema
from nexus.errors import ModelMissing, NexusError, OutputInvalid
from nexus.models.answer import Answer
from nexus.models.answering import SEED, AnsweringModel
from nexus.models.connection import busy_or_broken, client_settings, our_errors
from nexus.models.local_url import require_local
from nexus.models.prompt_size import require_room, require_whole, too_long
from nexus.ports.model import ChatMessage

if TYPE_CHECKING:
    from langchain_ollama import ChatOllama

KEEP_ALIVE = "30m"
_START = "Start Ollama with: ollama serve"


class OllamaModel(AnsweringModel):
    """A model that Ollama serves. `num_ctx` never changes: another one makes Ollama load it anew."""

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
        self._url = require_local(url, field="NEXUS_OLLAMA_URL", allow_remote=allow_remote)
        self._num_ctx = num_ctx
        self._seconds = request_timeout
        self._chat: ChatOllama | None = None

    @property
    def name(self) -> str:
        """The setting that selects this model."""
        return f"ollama:{self._model}"

    @property
    def context_tokens(self) -> int:
        """The context window that is asked for in every call."""
        return self._num_ctx

    async def close(self) -> None:
        """Close the client; the model stays loaded in Ollama for its keep-alive."""
        chat, self._chat = self._chat, None
        if chat is not None and chat._async_client:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - has no close
            await chat._async_client.close()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    async def _ask(
        self,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        on_text: Callable[[str], None] | None,
        **more: Any,
    ) -> Answer:
        require_room(messages, max_tokens=max_tokens, num_ctx=self._num_ctx)
        answer = Answer()
        async with self._errors(max_tokens), aclosing(self._parts(messages, max_tokens, **more)) as parts:
            async for text, facts in parts:
                _take_in(answer, text, facts)
                if on_text and text:
                    on_text(text)
        if answer.prompt_tokens:
            require_whole(
                messages, counted=answer.prompt_tokens, max_tokens=max_tokens, num_ctx=self._num_ctx
            )
        return answer

    def _constraint(self, schema: JsonSchema) -> Mapping[str, Any]:
        return {"format": dict(schema)}

    async def _parts(
        self, messages: Sequence[ChatMessage], max_tokens: int, **more: Any
    ) -> AsyncGenerator[tuple[str, Mapping[str, Any]]]:
        """Each piece of the answer, unrepaired, with what the server says beside it."""
        from langsmith import tracing_context  # noqa: PLC0415 - half a second

        # Options given here replace those of the constructor altogether, so all of them are given.
        options = {"num_ctx": self._num_ctx, "num_predict": max_tokens, "temperature": 0.0, "seed": SEED}
        prompt = [(each.role, each.content) for each in messages]
        chat = self._chat = self._chat or self._client()
        # This is one step's JSON: chat UIs that stream messages must not show it as an answer.
        config: Any = {"callbacks": [], "tags": ["nostream"]}
        with tracing_context(enabled=False):
            async with aclosing(chat.astream(prompt, config, options=options, **more)) as chunks:  # pyright: ignore[reportArgumentType]
                async for chunk in chunks:
                    yield str(chunk.text), chunk.response_metadata

    def _client(self) -> ChatOllama:
        from langchain_ollama import ChatOllama  # noqa: PLC0415 - half a second

        settings = client_settings(self._seconds)
        return ChatOllama(
            model=self._model,
            base_url=self._url,
            reasoning=False,
            keep_alive=KEEP_ALIVE,
            client_kwargs=settings,
            async_client_kwargs={"transport": _NoTruncation(limits=settings["limits"])},
        )

    @asynccontextmanager
    async def _errors(self, max_tokens: int) -> AsyncGenerator[None]:
        server = f"Ollama at {self._url}"
        async with our_errors(server=server, start=_START, seconds=self._seconds):
            try:
                yield
            except ResponseError as error:
                raise self._ours(error, server, max_tokens) from error
            except ValueError as error:
                if type(error) is not ValueError:  # a kind of its own: junk, which is told apart outside
                    raise
                # langchain-ollama's complaint about a stream that held nothing.
                raise OutputInvalid(f"{server} answered nothing.", remedy="Try again.") from error

    def _ours(self, error: ResponseError, server: str, max_tokens: int) -> NexusError:
        said = error.error.lower()
        if error.status_code == HTTPStatus.NOT_FOUND or "not found, try pulling" in said:
            return ModelMissing(
                f"Ollama does not have {self._model}.", remedy=f"Get it with: ollama pull {self._model}"
            )
        if "context" in said and any(word in said for word in ("exceed", "longer", "too long", "length")):
            return too_long("too many", max_tokens=max_tokens, num_ctx=self._num_ctx)
        if error.status_code == HTTPStatus.BAD_REQUEST:
            return OutputInvalid(
                f"{server} refused the request: {error.error[:300]}", remedy="Update Ollama."
            )
        return busy_or_broken(server, error.status_code, error.error)


def _take_in(answer: Answer, text: str, facts: Mapping[str, Any]) -> None:
    answer.text += text
    answer.logprobs.extend(facts.get("logprobs") or ())
    if facts.get("done"):
        answer.finish_reason = facts.get("done_reason") or "stop"
        answer.prompt_tokens = facts.get("prompt_eval_count") or 0
        answer.written_tokens = facts.get("eval_count") or 0


class _NoTruncation(httpx.AsyncHTTPTransport):
    """Adds `truncate: false, shift: false`, which the library cannot say: too long is then an error."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/api/chat"):
            body = json.loads(request.content) | {"truncate": False, "shift": False}
            headers = [pair for pair in request.headers.multi_items() if pair[0] != "content-length"]
            request = httpx.Request(
                request.method, request.url, headers=headers, json=body, extensions=request.extensions
            )
        return await super().handle_async_request(request)
