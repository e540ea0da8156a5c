"""A conversation that a client sends whole each time, served by a thread that remembers it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from nexus.core.action import ThreadId
from nexus.core.approval import Approval
from nexus.errors import Conflict
from nexus.notify.wording import plain, question_of
from nexus.ports.chats import ChatPlace
from nexus.ports.links import Links
from nexus.ports.runs import OPEN
from nexus.runtime.requests import Wanted
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service
from nexus.runtime.streams import RunStream
from nexus.runtime.thread_states import ThreadStates
from nexus.runtime.view import ThreadView
from nexus.runtime.wire import loads

THROUGH = "chat"
"""How links in answers were sent, as it is written down with a decision."""

_ENDINGS = {
    "rejected": "The answer was no, so it went no further.",
    None: "It stopped before it was done.",
}


_AFTER = "After that, whatever you say next is answered with what came of it."
_FIRST = "What you wrote now was not taken in: this comes first. Send it again after that."


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that was said: by whom, and what."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The message was taken, at that time (seconds since 1970); what follows is told as it comes."""

    id: str
    thread: str
    at: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A line about what is being done."""

    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The end: what to answer, and the tokens that the run took: those of prompts, those written."""

    text: str
    prompt: int
    written: int


Part: TypeAlias = Begun | Progress | Reply


class Chats:
    """One user's.

    Args:
        service: The user's.
        runs: The user's.
        links: Make the links by which a person decides.
        address: What they begin with.
    """

    def __init__(self, service: Service, runs: Runs, *, links: Links, address: str) -> None:
        self._service = service
        self._runs = runs
        self._states = ThreadStates(service, runs)
        self._links = links
        self._address = address

    async def serve(
        self,
        said: Sequence[Said],
        *,
        assistant: str,
        actor: str,
        thread_id: str | None = None,
        labels: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Part]:
        """Answer the last thing said: `Begun`, then any `Progress`, then the `Reply`.

        What came of an earlier decision is told first. Where one is still needed the message is not taken in,
        and the answer says so. Whoever stops listening stops the run.

        Args:
            said: The whole conversation, the user's new message last.
            assistant: Who serves it.
            actor: Who asks, as it is written down.
            thread_id: The thread, if the client names it; otherwise the one that knows what was said before.
            labels: The metadata of a new one.

        Raises:
            NotFound: There is no such assistant.
            InvalidInput: The message cannot be served.
            NexusError: The run failed.
        """
        wanted = Wanted(
            assistant, {"messages": [{"role": "user", "content": said[-1].text}]}, modes=("custom",)
        )
        await self._runs.check(wanted)
        place = await self._place(said[:-1], thread_id, labels or {})
        yield Begun(uuid.uuid4().hex, place.thread, int(self._service.parts.clock.now().timestamp()))
        await self._settled(place.thread)
        view = await self._service.runner.view(place.thread)
        earlier = _spoken(view, after=place.told)
        if view.approvals:
            text = await self._asked(view, is_new=False)
        else:
            if place.checkpoint is not None and not place.is_latest:
                earlier, wanted = [], replace(wanted, checkpoint={"checkpoint_id": place.checkpoint})
            stream = await self._runs.start(place.thread, wanted, actor=actor)
            async with aclosing(self._watched(stream)) as lines:
                async for line in lines:
                    yield line
            view = await self._service.runner.view(place.thread)
            text = await self._told(view)
        reply = await self._noted(said, view, "\n\n".join([*earlier, text]))
        yield reply

    async def _place(
        self, before: Sequence[Said], thread_id: str | None, labels: Mapping[str, Any]
    ) -> ChatPlace:
        """Where the conversation stands: the longest beginning of it that was answered, or a new thread."""
        if thread_id is not None:
            return await self._named(thread_id, labels)
        for end in range(len(before), 0, -1):
            if before[end - 1].role == "assistant":
                found = await self._service.chats.find(fingerprint(before[:end]))
                if found is not None:
                    return found
        made = await self._service.threads.create(ThreadId(str(uuid.uuid4())), metadata=labels)
        return ChatPlace(made.id, None, 0)

    async def _named(self, thread_id: str, labels: Mapping[str, Any]) -> ChatPlace:
        """The thread that the client names, as it is now; made if it is not there."""
        with suppress(Conflict):
            await self._service.threads.create(ThreadId(thread_id), metadata=labels)
        known = await self._service.chats.latest(thread_id)
        return known or ChatPlace(thread_id, None, len((await self._service.runner.view(thread_id)).steps))

    async def _settled(self, thread_id: str) -> None:
        """Wait for what is under way: a decision may have let the last request go on."""
        now = self._service.parts.clock.now()
        for run in await self._service.runs.search(thread=thread_id, statuses=tuple(OPEN), limit=100):
            stream = self._runs.stream_of(run.id)
            if stream is not None and not stream.waits and (run.start_at is None or run.start_at <= now):
                await stream.settled()

    async def _watched(self, stream: RunStream) -> AsyncGenerator[Progress]:
        """What the run does, until it ends or pauses. Raises what it failed with."""
        try:
            async for _, event, data in stream.watch():
                if event == "custom" and (line := _line(loads(data))):
                    yield Progress(line)
        finally:
            if stream.status is None:  # nobody listens any more
                await asyncio.shield(asyncio.ensure_future(self._runs.stop(stream.run.id, "interrupt")))
        await stream.ended()

    async def _told(self, view: ThreadView) -> str:
        """What the last request came to."""
        if view.approvals:
            return await self._asked(view, is_new=True)
        last = max((number for number, step in enumerate(view.steps) if step.kind == "user"), default=0)
        return "\n\n".join(_spoken(view, after=last)) or _ENDINGS.get(view.ending, _ENDINGS[None])

    async def _asked(self, view: ThreadView, *, is_new: bool) -> str:
        """What a person has to decide, exactly, and where."""
        asked = [await self._question(approval) for approval in view.approvals]
        return "\n\n".join([*asked, _AFTER if is_new else _FIRST])

    async def _question(self, approval: Approval) -> str:
        facts = {
            "tool": approval.call.tool,
            "reason": approval.reason,
            "arguments": approval.call.arguments,
            "origins": approval.origins,
            "question": approval.question,
            "expires_at": approval.expires_at.isoformat(),
        }
        question = question_of(facts)
        lines = "\n".join(f"- {line}" for line in question.text.splitlines())
        return f"{question.title}\n\n{lines}\n\n{await self._where(approval)}"

    async def _where(self, approval: Approval) -> str:
        user = self._service.parts.user
        if approval.approvers and user not in approval.approvers:
            return f"It is for {', '.join(approval.approvers)} to decide."
        secret = await self._links.make(user, approval, through=THROUGH)
        where = f"{self._address}/decide?link={secret}"
        return f"Decide here: {where}"

    async def _noted(self, said: Sequence[Said], view: ThreadView, text: str) -> Reply:
        """The reply, with where the thread stands written down under what has been said now."""
        state = await self._states.state(await self._service.threads.get(view.id))
        checkpoint = None if view.approvals else state["checkpoint_id"]
        place = ChatPlace(view.id, checkpoint, len(view.steps))
        whole = [*said, Said("assistant", text)]
        await self._service.chats.note(fingerprint(whole), place)
        spent: Mapping[str, Any] = state["values"].get("spent") or {}
        return Reply(text, spent.get("prompt", 0), spent.get("written", 0))


def fingerprint(said: Sequence[Said]) -> str:
    """The same for the same conversation, whatever blanks a client lost and empty answers it kept."""
    words = [[each.role, " ".join(each.text.split())] for each in said if each.text.strip()]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def _spoken(view: ThreadView, *, after: int) -> list[str]:
    return [step.text for step in view.steps[after:] if step.kind == "agent" and step.text.strip()]


def _line(event: Mapping[str, Any]) -> str | None:
    """A step of the run in words in which nothing is markup."""
    match event.get("event"):
        case "thought":
            return plain(str(event["text"]))
        case "call":
            return f"wants {plain(str(event['tool']))}"
        case "observation":
            return f"{plain(str(event['tool']))}: {event['outcome']}"
        case _:
            return None
