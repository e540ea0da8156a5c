"""Chat completions: each conversation is a thread, and each answer a run of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from sse_starlette import EventSourceResponse

from nexus.api.approvals import actor_of
from nexus.api.dependencies import RunsDep, ServiceDep, VisibleDep, runs_of, service_of
from nexus.api.errors import problem_of
from nexus.api.langgraph.authorized import CHAT_ID, is_there
from nexus.api.langgraph.shapes import reply
from nexus.api.langgraph.watching import PING_SECONDS, unless_gone
from nexus.api.openai.errors import error_of
from nexus.api.openai.forms import (
    Answered,
    ChatCreate,
    Choice,
    CompletionShape,
    ModelShape,
    ModelsShape,
    Usage,
)
from nexus.api.openapi import problems
from nexus.errors import NexusError, NotFound
from nexus.ports.assistants import Assistant
from nexus.ports.runs import AGENT, system_assistant
from nexus.runtime.chats import Begun, Chats, Part, Progress, Reply
from nexus.runtime.runs import Runs
from nexus.runtime.services import Services
from nexus.runtime.wire import dumps

router = APIRouter(prefix="/v1", tags=["openai"])

_CHUNKS = (
    'data: {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1764061200, "model": "nexus",'
    ' "choices": [{"index": 0, "delta": {"content": "None."}, "finish_reason": null}]}\n\ndata: [DONE]\n\n'
)
_COMPLETION: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `stream` as server-sent events of chunks, the last one `[DONE]`",
        "content": {"text/event-stream": {"example": _CHUNKS}},
    }
}
ModelId = Annotated[str, Path(min_length=1, max_length=200)]
ChatId = Annotated[
    str | None,
    Header(
        alias=CHAT_ID,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Open WebUI's own name of the chat: the thread gets it",
    ),
]


async def _chats(request: Request) -> Chats:
    service, runs = await service_of(request), await runs_of(request)
    services: Services = request.state.services
    address = service.settings.public_url or str(request.base_url).rstrip("/")
    return Chats(service, runs, links=services.notices.links, address=address)


ChatsDep = Annotated[Chats, Depends(_chats)]


@router.get("/models", response_model=ModelsShape, responses=problems(), summary="List models")
async def list_models(runs: RunsDep, visible: VisibleDep) -> ModelsShape:
    """Nexus itself, and your assistants of it."""
    own = [each for each in await runs.assistants.all() if each.graph == AGENT]
    return ModelsShape(data=[_model(each) for each in own if is_there(each, visible)])


@router.get("/models/{model}", response_model=ModelShape, responses=problems(404), summary="Show a model")
async def show_model(model: ModelId, runs: RunsDep) -> ModelShape:
    """As it is listed."""
    return _model(await _known(runs, model))


@router.post(
    "/chat/completions",
    response_model=CompletionShape,
    responses={**problems(404, 409, 502, changes=True), **_COMPLETION},
    summary="Answer a conversation",
)
async def complete_chat(  # noqa: PLR0917 - FastAPI passes them by name
    request: Request,
    body: ChatCreate,
    service: ServiceDep,
    runs: RunsDep,
    chats: ChatsDep,
    chat_id: ChatId = None,
) -> Response:
    """The same conversation is the same thread; a changed message begins anew from where it was.

    A call that needs a yes is told in the answer, exactly, with the link to decide. A client that leaves
    stops the run.
    """
    assistant = await _known(runs, body.model)
    named = body.metadata.thread_id or chat_id
    parts = chats.serve(
        body.said,
        assistant=assistant.id,
        actor=actor_of(service),
        thread_id=named,
        labels=body.metadata.model_extra,
    )
    begun = await anext(parts)
    answer = _Answer(body, cast("Begun", begun))
    if body.stream:
        return EventSourceResponse(answer.chunks(parts), headers=answer.headers, ping=PING_SECONDS)
    return answer.whole(await unless_gone(request, _end_of(parts)))


class _Answer:
    """One completion, whole or in chunks."""

    def __init__(self, body: ChatCreate, begun: Begun) -> None:
        self._body = body
        self._facts: dict[str, Any] = {"id": f"chatcmpl-{begun.id}", "created": begun.at, "model": body.model}
        self.headers = {"Content-Location": f"/threads/{begun.thread}"}

    def whole(self, end: Reply) -> Response:
        """All of it at once."""
        choices = [Choice(message=Answered(content=end.text))]
        usage = Usage.of(end.prompt, end.written)
        shape = CompletionShape(**self._facts, choices=choices, usage=usage)
        return reply(shape.model_dump(), headers=self.headers)

    async def chunks(self, parts: AsyncGenerator[Part]) -> AsyncGenerator[bytes]:
        """What is being done comes as `reasoning_content`; the answer comes when it is held to be true."""
        async with aclosing(parts):
            try:
                yield self._delta({"role": "assistant", "content": ""})
                async for part in parts:
                    match part:
                        case Progress():
                            yield self._delta({"reasoning_content": f"{part.text}\n"})
                        case Reply():
                            yield self._delta({"content": part.text})
                            yield self._delta({}, finish="stop")
                            if self._body.stream_options and self._body.stream_options.include_usage:
                                yield self._usage(part)
                        case Begun():
                            pass
            except NexusError as error:
                yield _event(dumps({"error": error_of(problem_of(error))}))
        yield _event(b"[DONE]")

    def _delta(self, delta: dict[str, Any], *, finish: str | None = None) -> bytes:
        return self._chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}])

    def _usage(self, end: Reply) -> bytes:
        return self._chunk([], usage=Usage.of(end.prompt, end.written).model_dump())

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return _event(dumps({**self._facts, "object": "chat.completion.chunk", "choices": choices, **more}))


async def _end_of(parts: AsyncGenerator[Part]) -> Reply:
    async with aclosing(parts):
        async for part in parts:
            if isinstance(part, Reply):
                return part
    raise AssertionError("a chat ends with its reply")


def _event(data: bytes) -> bytes:
    return b"data: %s\n\n" % data


async def _known(runs: Runs, model: str) -> Assistant:
    """The assistant of Nexus's own graph of that name. Raises NotFound."""
    found = await runs.assistants.get(model)
    if found.graph != AGENT:
        raise NotFound(f"There is no model {model!r}.", remedy="GET /v1/models lists them.")
    return found


def _model(assistant: Assistant) -> ModelShape:
    name = AGENT if assistant.id == system_assistant(AGENT) else assistant.id
    return ModelShape(id=name, created=int(assistant.created_at.timestamp()))
