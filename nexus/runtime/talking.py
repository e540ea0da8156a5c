"""What a person does with threads of Nexus's own graph: begin one, say something, go on, stop, try anew."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from nexus.core.action import ThreadId
from nexus.errors import Conflict, InvalidInput, NotFound
from nexus.ports.runs import AGENT, OPEN
from nexus.ports.threads import Thread
from nexus.runtime.reading import read_thread
from nexus.runtime.requests import Wanted, text_of
from nexus.runtime.runner import MAX_REQUEST, check_request
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service


@dataclass(frozen=True, slots=True)
class File:
    """A file that comes with a message."""

    name: str
    content: bytes


MODES = ("values", "custom")
"""What is told of a run that a person began here: where it stands, and the words as they are written."""


MENTION = 200
"""Characters of a request that are left for where the file is that comes with it."""


class Permission(Protocol):
    """What a person may begin. Each raises Refused or NotFound, or as whoever was asked for it says."""

    async def thread(self) -> Mapping[str, Any]:
        """They may make a thread: with that metadata."""
        ...

    async def run(self, thread_id: str, metadata: Mapping[str, Any] | None, wanted: Wanted) -> Wanted:
        """They may begin a run: as that one. The metadata is the thread's; None: it is still to be made."""
        ...


class Talking:
    """One user's.

    Args:
        service: The user's.
        runs: The user's.
        permission: Asked before anything is made or kept.
        actor: Who does it, as it is written down.
    """

    def __init__(self, service: Service, runs: Runs, permission: Permission, *, actor: str) -> None:
        self._service = service
        self._runs = runs
        self._permission = permission
        self._actor = actor

    async def begin(
        self,
        request: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        file: File | None = None,
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> Thread:
        """Serve a request in a new thread, which has that metadata beside what it must have.

        `prepare` is called once it is sure that they may, before the thread is made.

        Raises:
            InvalidInput: It cannot be served, and nothing is made.
            Refused: They may not, and nothing is made.
        """
        self._check(request, file)
        thread_id, marked = ThreadId(str(uuid.uuid4())), await self._permission.thread()
        wanted = await self._with(file, await self._allowed(thread_id, None, _saying(request)))
        if prepare is not None:
            await prepare()
        labels = {**wanted.metadata, **(metadata or {}), **marked}
        thread = await self._service.threads.create(thread_id, title=request[:80], metadata=labels)
        await self._runs.start(thread.id, wanted, actor=self._actor)
        return thread

    async def say(self, thread_id: str, request: str, *, file: File | None = None) -> None:
        """Serve a request in a thread.

        Raises:
            InvalidInput: It cannot be served.
            Conflict: The last one is still being served, or waits for a decision.
            Refused, NotFound: They may not. In all these cases the file is not kept.
        """
        self._check(request, file)
        if self._runs.is_running(thread_id):
            raise Conflict(
                "It still works on your last request.", remedy="Wait for its end, or stop it first."
            )
        await self._service.runner.check_free_to_ask(thread_id)
        thread = await self._service.threads.get(thread_id)
        wanted = await self._with(file, await self._allowed(thread.id, thread.metadata, _saying(request)))
        await self._runs.start(thread_id, wanted, actor=self._actor)

    async def go_on(self, thread_id: str) -> None:
        """Let a thread go on where it stopped.

        Raises:
            Conflict: Nothing is left to do, or it works.
            Refused, NotFound: They may not.
        """
        if self._runs.is_running(thread_id) or not await self._service.runner.has_work(thread_id):
            raise Conflict("There is nothing to go on with.", remedy="Look at the thread again.")
        thread = await self._service.threads.get(thread_id)
        wanted = await self._allowed(thread.id, thread.metadata, Wanted(AGENT, modes=MODES))
        await self._runs.start(thread_id, wanted, actor=self._actor)

    async def stop(self, thread_id: str) -> int:
        """Stop what is being done in a thread; how many runs that were. What a call did stays on record."""
        found = await self._service.runs.search(thread=thread_id, statuses=tuple(OPEN), limit=100)
        for run in found:
            await self._runs.stop(run.id, "interrupt")
        return len(found)

    async def retry(self, thread: Thread, number: int) -> Thread:
        """Serve the request of that number (from 1) once more, in a new thread.

        Only the words are taken along. What was called and decided before stays where it was: nothing of it
        is made again, and what acts is asked about anew.

        Raises:
            NotFound: The thread has no such request.
            Refused: They may not begin one.
        """
        turns = (await read_thread(self._service, thread.id)).turns
        if not 1 <= number <= len(turns):
            raise NotFound(f"Thread {thread.id} has no request {number}.")
        return await self.begin(turns[number - 1].goal, {"retried_from": thread.id})

    async def _allowed(self, thread_id: str, metadata: Mapping[str, Any] | None, wanted: Wanted) -> Wanted:
        """The run as it may begin; without metadata as the first of its thread.

        Raises as `Permission.run`, and as `Runs.check`.
        """
        allowed = await self._permission.run(thread_id, metadata, wanted)
        await self._runs.check(allowed, is_first=metadata is None)
        return allowed

    def _check(self, request: str, file: File | None) -> None:
        """Whether a request can be served, also with the mention of its file. Raises InvalidInput."""
        if file is not None and self._service.attachments is None:
            raise InvalidInput("no files are taken here", field="file")
        check_request(request, most=MAX_REQUEST - (MENTION if file else 0))

    async def _with(self, file: File | None, wanted: Wanted) -> Wanted:
        """The run, with where the file is that comes with its request: the last thing before it begins."""
        if file is None or self._service.attachments is None:
            return wanted
        request = text_of(wanted.input)
        kept = await self._service.attachments.keep(file.name, file.content)
        return replace(wanted, input=_input(f"{request}\n\n(Attached: the {kept.kind} {kept.name})"))


def _saying(request: str) -> Wanted:
    return Wanted(AGENT, _input(request), modes=MODES, strategy="reject")


def _input(request: str) -> Mapping[str, Any]:
    return {"messages": [{"role": "user", "content": request}]}
