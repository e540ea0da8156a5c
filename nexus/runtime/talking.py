"""What a person does with threads of Nexus's own graph: begin one, say something, go on, stop, try anew."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nexus.core.action import ThreadId
from nexus.errors import Conflict, InvalidInput, NotFound
from nexus.ports.runs import AGENT, OPEN
from nexus.ports.threads import Thread
from nexus.runtime.reading import read_thread
from nexus.runtime.requests import Wanted
from nexus.runtime.runner import check_request
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service


@dataclass(frozen=True, slots=True)
class File:
    """A file that comes with a message."""

    name: str
    content: bytes


MODES = ("values", "custom")
"""What is told of a run that a person began here: where it stands, and the words as they are written."""


class Talking:
    """One user's.

    Args:
        service: The user's.
        runs: The user's.
        actor: Who does it, as it is written down.
    """

    def __init__(self, service: Service, runs: Runs, *, actor: str) -> None:
        self._service = service
        self._runs = runs
        self._actor = actor

    async def begin(
        self, request: str, metadata: Mapping[str, Any] | None = None, *, file: File | None = None
    ) -> Thread:
        """Serve a request in a new thread. Raises InvalidInput: it cannot be served, and nothing is made."""
        check_request(request)
        request = await self._with(file, request)
        thread = await self._service.threads.create(
            ThreadId(str(uuid.uuid4())), title=request[:80], metadata=metadata
        )
        await self.say(thread.id, request)
        return thread

    async def say(self, thread_id: str, request: str, *, file: File | None = None) -> None:
        """Serve a request in a thread.

        Raises:
            InvalidInput: It cannot be served.
            Conflict: The last one is still being served, or waits for a decision.
        """
        check_request(request)
        if self._runs.is_running(thread_id):
            raise Conflict(
                "It still works on your last request.", remedy="Wait for its end, or stop it first."
            )
        await self._service.runner.check_free_to_ask(thread_id)
        request = await self._with(file, request)
        said = {"messages": [{"role": "user", "content": request}]}
        await self._runs.start(
            thread_id, Wanted(AGENT, said, modes=MODES, strategy="reject"), actor=self._actor
        )

    async def go_on(self, thread_id: str) -> None:
        """Let a thread go on where it stopped. Raises Conflict: nothing is left to do, or it works."""
        if self._runs.is_running(thread_id) or not await self._service.runner.has_work(thread_id):
            raise Conflict("There is nothing to go on with.", remedy="Look at the thread again.")
        await self._runs.start(thread_id, Wanted(AGENT, modes=MODES), actor=self._actor)

    async def stop(self, thread_id: str) -> int:
        """Stop what is being done in a thread; how many runs that were. What a call did stays on record."""
        found = await self._service.runs.search(thread=thread_id, statuses=tuple(OPEN), limit=100)
        for run in found:
            await self._runs.stop(run.id, "interrupt")
        return len(found)

    async def retry(self, thread: Thread, number: int, metadata: Mapping[str, Any] | None = None) -> Thread:
        """Serve the request of that number (from 1) once more, in a new thread.

        Only the words are taken along. What was called and decided before stays where it was: nothing of it
        is made again, and what acts is asked about anew.

        Raises:
            NotFound: The thread has no such request.
        """
        turns = (await read_thread(self._service, thread.id)).turns
        if not 1 <= number <= len(turns):
            raise NotFound(f"Thread {thread.id} has no request {number}.")
        origin = {"retried_from": thread.id}
        return await self.begin(turns[number - 1].goal, {**(metadata or {}), **origin})

    async def _with(self, file: File | None, request: str) -> str:
        """The request, with where the file is that came with it."""
        if file is None:
            return request
        if self._service.attachments is None:
            raise InvalidInput("no files are taken here", field="file")
        kept = await self._service.attachments.keep(file.name, file.content)
        return check_request(f"{request}\n\n(Attached: the {kept.kind} {kept.name})")
