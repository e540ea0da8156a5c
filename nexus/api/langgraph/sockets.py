"""A thread over a WebSocket, in LangGraph's protocol v2: commands and subscriptions in, events out."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, WebSocket
from pydantic import ValidationError

from nexus.api.access import identified_by_socket
from nexus.api.dependencies import thread_of
from nexus.api.guard import json_problem
from nexus.api.langgraph.protocol import Command, Subscription, answer_to, events_of, refusal
from nexus.errors import InvalidInput, NexusError, Unidentified
from nexus.runtime.all_runs import AllRuns
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.services import Services
from nexus.runtime.wire import dumps

router = APIRouter(tags=["threads"])

Json = dict[str, Any]

MAX_SUBSCRIPTIONS = 100
"""Of one socket, at a time."""

_UNIDENTIFIED = 4401
"""As LangGraph's clients expect it: 4000 and the status of HTTP."""


@router.websocket("/threads/{thread_id}/stream/events")
async def talk_in_thread(
    socket: WebSocket, thread_id: Annotated[str, Path(min_length=1, max_length=100)]
) -> None:
    """The thread need not be there yet: its first run makes it."""
    await socket.accept()
    try:
        await _Conversation(socket, thread_id).go_on()
    except Unidentified as error:
        await socket.close(_UNIDENTIFIED, error.message)


class _Conversation:
    """One client's, in one thread. What it subscribed to is told until it leaves."""

    def __init__(self, socket: WebSocket, thread_id: str) -> None:
        self._socket = socket
        self._thread_id = thread_id
        self._subscriptions: dict[str, asyncio.Task[None]] = {}

    async def go_on(self) -> None:
        """Until the client leaves. Raises Unidentified, also when its key was revoked meanwhile."""
        user = await identified_by_socket(self._socket)
        try:
            while (message := await self._socket.receive())["type"] == "websocket.receive":
                if await identified_by_socket(self._socket) != user:
                    raise Unidentified("This key is somebody else's now.")
                await self._take(message.get("text") or "", user)
        finally:
            for task in self._subscriptions.values():
                task.cancel()
            await asyncio.gather(*self._subscriptions.values(), return_exceptions=True)

    async def _take(self, text: str, user: str) -> None:
        services: Services = self._socket.state.services
        every: AllRuns = self._socket.state.runs
        service = await services.of(user)
        runs = every.of(service)
        if problem := json_problem(text.encode()):
            await self._tell({"type": "error", "id": None, "error": "invalid_argument", "message": problem})
            return
        given: Any = json.loads(text)
        try:
            command = Command.model_validate(given)
        except ValidationError as error:
            number = given.get("id") if isinstance(given, dict) else None
            await self._tell({"type": "error", "id": number, **refusal("", error)})
            return
        try:
            await self._carry_out(command, service, runs)
        except (NexusError, ValidationError) as error:
            await self._tell({"type": "error", "id": command.id, **refusal(command.method, error)})

    async def _carry_out(self, command: Command, service: Service, runs: Runs) -> None:
        match command.method:
            case "subscription.subscribe":
                await self._subscribe(command, runs)
            case "subscription.unsubscribe":
                await self._unsubscribe(command)
            case method:
                if method != "run.start":  # only that makes the thread
                    await thread_of(self._thread_id, service)
                await self._tell(await answer_to(self._thread_id, command, service, runs))

    async def _subscribe(self, command: Command, runs: Runs) -> None:
        wanted = Subscription.model_validate(command.params)
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise InvalidInput(f"at most {MAX_SUBSCRIPTIONS} at a time", field="params.channels")
        number = str(uuid.uuid4())
        await self._tell({"type": "success", "id": command.id, "result": {"subscription_id": number}})
        self._subscriptions[number] = asyncio.create_task(self._follow(runs, wanted))

    async def _unsubscribe(self, command: Command) -> None:
        task = self._subscriptions.pop(str(command.params.get("subscription_id")), None)
        if task is None:
            told = {"error": "no_such_subscription", "message": "It is not one of this socket."}
            await self._tell({"type": "error", "id": command.id, **told})
            return
        task.cancel()
        await self._tell({"type": "success", "id": command.id, "result": {}})

    async def _follow(self, runs: Runs, wanted: Subscription) -> None:
        async for event in events_of(runs, self._thread_id, wanted):
            await self._tell(event)

    async def _tell(self, message: Json) -> None:
        await self._socket.send_text(dumps(message).decode())
