"""Before LangGraph's routes: an operator's `@auth.on` handlers say what is there, and what may be done.

Only with such handlers; each user's things are a store of their own in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from nexus.api.dependencies import runs_of, service_of
from nexus.api.hook import Hook
from nexus.errors import InvalidInput, NotFound, Refused
from nexus.ports.assistants import Assistant
from nexus.ports.runs import system_assistant
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.thread_states import Visible, everything

Json = dict[str, Any]

_THREAD = "/threads/{thread_id}"
_RUN = "/threads/{thread_id}/runs/{run_id}"
_ASSISTANT = "/assistants/{assistant_id}"
_CHAT = "/v1/chat/completions"

ACTIONS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("POST", "/threads"): ("threads", "create"),
    ("POST", "/threads/search"): ("threads", "search"),
    ("POST", "/threads/count"): ("threads", "search"),
    ("POST", "/threads/prune"): ("threads", "delete"),
    ("GET", _THREAD): ("threads", "read"),
    ("PATCH", _THREAD): ("threads", "update"),
    ("DELETE", _THREAD): ("threads", "delete"),
    ("POST", f"{_THREAD}/copy"): ("threads", "read"),
    ("GET", f"{_THREAD}/state"): ("threads", "read"),
    ("POST", f"{_THREAD}/state"): ("threads", "update"),
    ("GET", f"{_THREAD}/state/{{checkpoint_id}}"): ("threads", "read"),
    ("POST", f"{_THREAD}/state/checkpoint"): ("threads", "read"),
    ("GET", f"{_THREAD}/history"): ("threads", "read"),
    ("POST", f"{_THREAD}/history"): ("threads", "read"),
    ("GET", f"{_THREAD}/stream"): ("threads", "read"),
    ("POST", f"{_THREAD}/stream/events"): ("threads", "read"),
    ("POST", f"{_THREAD}/commands"): ("threads", "create_run"),
    ("GET", f"{_THREAD}/runs"): ("threads", "read"),
    ("POST", f"{_THREAD}/runs"): ("threads", "create_run"),
    ("POST", f"{_THREAD}/runs/wait"): ("threads", "create_run"),
    ("POST", f"{_THREAD}/runs/stream"): ("threads", "create_run"),
    ("GET", _RUN): ("threads", "read"),
    ("DELETE", _RUN): ("threads", "delete"),
    ("GET", f"{_RUN}/join"): ("threads", "read"),
    ("GET", f"{_RUN}/stream"): ("threads", "read"),
    ("POST", f"{_RUN}/cancel"): ("threads", "update"),
    ("GET", f"{_THREAD}/story"): ("threads", "read"),
    ("GET", f"{_THREAD}/results/{{result_id}}"): ("threads", "read"),
    ("POST", _CHAT): ("threads", "create_run"),
    ("POST", "/runs"): ("threads", "create_run"),
    ("POST", "/runs/wait"): ("threads", "create_run"),
    ("POST", "/runs/stream"): ("threads", "create_run"),
    ("POST", "/runs/batch"): ("threads", "create_run"),
    ("POST", "/runs/cancel"): ("threads", "update"),
    ("POST", "/assistants"): ("assistants", "create"),
    ("POST", "/assistants/search"): ("assistants", "search"),
    ("POST", "/assistants/count"): ("assistants", "search"),
    ("GET", _ASSISTANT): ("assistants", "read"),
    ("PATCH", _ASSISTANT): ("assistants", "update"),
    ("DELETE", _ASSISTANT): ("assistants", "delete"),
    ("POST", f"{_ASSISTANT}/versions"): ("assistants", "read"),
    ("POST", f"{_ASSISTANT}/latest"): ("assistants", "update"),
    ("GET", f"{_ASSISTANT}/graph"): ("assistants", "read"),
    ("GET", f"{_ASSISTANT}/schemas"): ("assistants", "read"),
    ("GET", f"{_ASSISTANT}/subgraphs"): ("assistants", "read"),
    ("GET", f"{_ASSISTANT}/subgraphs/{{namespace}}"): ("assistants", "read"),
    ("GET", "/v1/models"): ("assistants", "search"),
    ("GET", "/v1/models/{model}"): ("assistants", "read"),
    ("PUT", "/store/items"): ("store", "put"),
    ("GET", "/store/items"): ("store", "get"),
    ("DELETE", "/store/items"): ("store", "delete"),
    ("POST", "/store/items/search"): ("store", "search"),
    ("POST", "/store/namespaces"): ("store", "list_namespaces"),
}
"""What each route does, in the words of `@auth.on`."""

CHAT_ID = "X-OpenWebUI-Chat-Id"
"""The header by which Open WebUI names a chat, and so its thread."""

_ASSISTANT_IN_PATH = {"assistant_id", "model"}

_NAMESPACES = {"search": "namespace_prefix", "list_namespaces": "prefix"}
"""What the fields are called that a handler knows as `namespace`."""


async def authorized(request: Request) -> None:
    """Ask whether it may be done, and note what is there for whoever asks.

    FastAPI solves this before it checks the body, which it has parsed: what a handler changes of it counts.

    Raises:
        Refused: It may not be done.
        NotFound: What the path or the body names is not there for them.
    """
    hook: Hook | None = request.app.state.hook
    if hook is None:
        return
    key = (request.method, request.scope["route"].path)
    if key not in ACTIONS:
        raise Refused(f"Nobody said who may {key[0]} {key[1]}.")
    resource, action = ACTIONS[key]
    body: Any = await request.json() if await request.body() else None
    request.state.visible = visible = await _asked(hook, request, resource, action, body)
    if resource == "threads":
        await _check_threads(request, await service_of(request), body, visible)
    if resource == "assistants" and (named := _ASSISTANT_IN_PATH & request.path_params.keys()):
        await _check_assistant(await runs_of(request), request.path_params[named.pop()], visible)
    if action == "delete" and request.query_params.get("delete_threads"):  # an assistant's, with it
        asked = await hook.authorize(request, "threads", "delete", dict(request.path_params))
        request.state.visible_threads = asked or everything


async def _asked(hook: Hook, request: Request, resource: str, action: str, body: Any) -> Visible:
    """The handler's answer, to all of it; what it changed of the body is in the body."""
    if isinstance(body, list):  # a batch: each by itself
        answers = [await _ask(hook, request, resource, action, each) for each in body if _is_object(each)]
        return _fitting_all(answers)
    value: Json = body if isinstance(body, dict) else {}
    if resource == "store":
        await _ask_of_store(hook, request, action, value)
        return everything
    given = {**value, **request.path_params}
    answer = await _ask(hook, request, resource, action, given)
    changed = {name: each for name, each in given.items() if name not in request.path_params}
    if body is None and changed:
        raise InvalidInput("a handler adds to it: send {}", field="body")
    value.update(changed)
    return _fitting_all([answer])


async def _ask(hook: Hook, request: Request, resource: str, action: str, value: Json) -> Visible | None:
    if (resource, action) == ("threads", "create_run"):
        return await may_run(hook, request, await runs_of(request), value)
    return await hook.authorize(request, resource, action, value)


async def may_run(hook: Hook, request: Request, runs: Runs, value: Json) -> Visible | None:
    """Whether a run may begin, over whichever route or page; a handler may change what it is.

    Returns:
        Which threads are there to run in, or None: all of them.

    Raises:
        Refused: It may not.
        NotFound: What it is to run as is not there for whoever asks.
    """
    visible = await hook.authorize(request, "threads", "create_run", value)
    for named in _assistants_in(value):
        await _check_run_as(hook, request, runs, named)
    return visible


def _fitting_all(answers: Sequence[Visible | None]) -> Visible:
    filters = [each for each in answers if each is not None]
    return lambda metadata: all(fits(metadata) for fits in filters)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)  # anything else is refused by the route's own form


def _assistants_in(value: Json) -> list[str]:
    """Those that are named to run: a run's, a chat's model, a command's."""
    params = value.get("params")
    found = [value.get("assistant_id"), value.get("model")]
    found += [params.get("assistant_id")] if isinstance(params, dict) else []
    return [name for name in found if isinstance(name, str)]


async def _check_run_as(hook: Hook, request: Request, runs: Runs, named: str) -> None:
    """Whoever runs an assistant has to see it; the graphs' own are there for everybody.

    Of one that is not there at all the route speaks.
    """
    try:
        found = await runs.assistants.get(named)
    except NotFound:
        return
    if found.id != system_assistant(found.graph):
        visible = await hook.authorize(request, "assistants", "read", {"assistant_id": found.id})
        if visible is not None and not visible(found.metadata):
            raise NotFound(f"There is no assistant {named!r}.")


async def _ask_of_store(hook: Hook, request: Request, action: str, value: Json) -> None:
    """A handler may move a request to another namespace."""
    query = request.query_params
    sent = query.getlist("namespace") if action == "get" else value.get(_NAMESPACES.get(action, "namespace"))
    parts = tuple(part for each in sent or () for part in str(each).split("."))
    given: Json = {**value, **({"key": query.get("key")} if action == "get" else {}), "namespace": parts}
    await hook.authorize(request, "store", action, given)
    moved = list(given.pop("namespace") or ())
    if action == "get":
        pairs = [pair for pair in query.multi_items() if pair[0] != "namespace"]
        request.scope["query_string"] = urlencode([*pairs, *(("namespace", each) for each in moved)]).encode()
        request.__dict__.pop("_query_params", None)
        return
    if moved != list(parts) and not await request.body():
        raise InvalidInput("a handler adds to it: send {}", field="body")
    value |= given
    if moved or parts:
        value[_NAMESPACES.get(action, "namespace")] = moved


async def _check_threads(request: Request, service: Service, body: Any, visible: Visible) -> None:
    """Whether those that are named are there for whoever asks; of one that is nowhere the route speaks."""
    for each in [request.path_params.get("thread_id"), *_thread_of_chat(request, body)]:
        if not isinstance(each, str):
            continue
        try:
            thread = await service.threads.get(each)
        except NotFound:
            continue
        if thread.id == each and not visible(thread.metadata):
            raise NotFound(f"There is no one thread {each!r}.")


def _thread_of_chat(request: Request, body: Any) -> list[Any]:
    """A chat names its thread outside of the path."""
    if request.scope["route"].path != _CHAT:
        return []
    metadata = body.get("metadata") if _is_object(body) else None
    return [request.headers.get(CHAT_ID), metadata.get("thread_id") if isinstance(metadata, dict) else None]


async def _check_assistant(runs: Runs, assistant_id: str, visible: Visible) -> None:
    if not is_there(await runs.assistants.get(assistant_id), visible):
        raise NotFound(f"There is no assistant {assistant_id!r}.")


def visible_threads(request: Request) -> Visible:
    """Which threads may be deleted with their assistant."""
    return getattr(request.state, "visible_threads", everything)


def is_there(assistant: Assistant, visible: Visible) -> bool:
    """Whether it is there for whoever asks: the graphs' own are for everybody."""
    return assistant.id == system_assistant(assistant.graph) or visible(assistant.metadata)
