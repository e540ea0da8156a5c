"""Who answers the question of an approval, and the loop of run, question, decision and resumption."""

from __future__ import annotations

import getpass
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing
from typing import TypeAlias

from nexus.cli.watcher import Watcher
from nexus.core.approval import Approval
from nexus.core.decision import Approve, Decision
from nexus.core.tool import ToolSpec
from nexus.errors import ApprovalExpired, Conflict, NexusError, NotFound
from nexus.ports.approvals import Alongside
from nexus.ports.runs import going_on
from nexus.runtime.runner import Event
from nexus.runtime.service import Service

Decider: TypeAlias = Callable[[Approval, ToolSpec | None], Awaitable[Decision | None]]
"""Answers an approval that was just shown; None leaves it pending. Asked again after an answer of no use."""


async def nobody(approval: Approval, spec: ToolSpec | None) -> Decision | None:  # noqa: ARG001 - a `Decider`
    """Leaves every approval pending: there is nobody to ask."""
    return None


def yes_to(tools: Collection[str], otherwise: Decider) -> Decider:
    """Approves actions of these tools. Whether a lost call happened is asked: no rule can know."""

    async def decide(approval: Approval, spec: ToolSpec | None) -> Decision | None:
        if approval.question == "action" and approval.call.tool in tools:
            return Approve()
        return await otherwise(approval, spec)

    return decide


def actor() -> str:
    """Who decides, as it is written down."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):  # a user id without a name, as in some containers
        return "cli"


async def drive(service: Service, events: AsyncGenerator[Event], watcher: Watcher, decider: Decider) -> Event:
    """Follow a run and everything that comes of its questions; the last event.

    It is `paused` if a question stayed open, else `ended`.
    """
    while True:
        last = await follow(events, watcher)
        if thread_id := last.get("thread_id"):
            await carried_out(service, thread_id, last)
        if last.get("event") != "paused":
            return last
        for approval_id in last["approvals"]:
            if not await settle(service, approval_id, watcher, decider):
                return last
        events = service.runner.resume(last["thread_id"])


async def follow(events: AsyncGenerator[Event], watcher: Watcher) -> Event:
    """Show the events of one run; the last of them."""
    last: Event = {}
    async with aclosing(events):
        async for event in events:
            watcher.event(event)
            last = event
    return last


async def settle(service: Service, approval_id: str, watcher: Watcher, decider: Decider) -> bool:
    """Show an approval until it is decided; False if it stays pending."""
    while True:
        approval = await service.parts.approvals.get(approval_id)
        if not approval.is_pending:
            return True
        spec = spec_of(service, approval)
        watcher.asks(approval, spec, now=service.parts.clock.now())
        decision = await decider(approval, spec)
        if decision is None:
            return False
        try:
            await decide(service, approval, decision)
        except (Conflict, ApprovalExpired) as error:
            # Somebody else was first, or it is too late. The row is the truth: go on with what it says.
            watcher.note(error.message, tone="warn")
        except NexusError as error:
            if decision.kind != "edit":
                raise  # only an edit can be written anew
            watcher.note(str(error), tone="bad")


async def decide(service: Service, approval: Approval, decision: Decision) -> Approval:
    """Record a decision on exactly what was shown, with the run that carries it out.

    This process does that; if it ends before, a server does.
    """
    alongside = Alongside(going_on(approval.thread), service.process.token)
    return await service.runner.decide(
        approval.id, decision, actor=actor(), digest=approval.digest, alongside=alongside
    )


async def carried_out(service: Service, thread_id: str, last: Event) -> None:
    """A thread went on here, to its end or to a question: the runs that were to see to that are over."""
    mine = {service.process.token, ""}
    for run in await service.runs.search(thread=thread_id, statuses=("pending", "running"), limit=100):
        if run.owner in mine:
            await service.runs.end(run.id, "interrupted" if last.get("event") == "paused" else "success")


def spec_of(service: Service, approval: Approval) -> ToolSpec | None:
    """The tool that the approval is about; None if it is not enabled any more."""
    try:
        return service.parts.tools.get(approval.call.tool)
    except NotFound:
        return None
