"""Follows the audit log and sends what it tells of: at least once, with a stable id, across restarts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from nexus.core.approval import Approval
from nexus.core.audit import AuditEvent
from nexus.errors import NexusError, NotFound
from nexus.notify.messages import is_for, kind_of, message_of, needs_approval
from nexus.notify.sender import Answer, NotDelivered
from nexus.ports.audit import AuditLog
from nexus.ports.clock import Clock
from nexus.ports.deliveries import Deliveries, Delivery, Message
from nexus.ports.endpoints import Endpoint, Medium

log = logging.getLogger("nexus.notify")

BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (5, 60, 300, 1_800, 7_200, 14_400, 28_800, 36_000))
"""Pauses after the first attempts: nine of them in a little over a day."""

LEASE = timedelta(minutes=2)
"""Longer than any attempt takes: what a process that died had claimed is tried again after it."""

POLL_SECONDS = 1.0
"""How often the log is looked at: any process may have written to it."""

PAGE = 100
"""Events read, and messages sent, at a time."""

AT_ONCE = 8
"""Messages under way at the same time."""

GONE = 410
"""The status by which a receiver says that it wants no more messages, ever."""


class Carrier(Protocol):
    """Takes one message to one endpoint."""

    async def carry(self, endpoint: Endpoint, message: Message) -> Answer:
        """Raises NotDelivered if it did not arrive, or nobody knows."""
        ...


class Deliverer:
    """Sends messages until it is told to stop.

    Args:
        deliveries: Those of all users.
        log_of: The audit log of one user.
        approval_of: The approval of a user by its id.
        carriers: What takes messages, by the medium of their endpoint.
        clock: Says what is due.
        prepare: Done before anything is sent.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        *,
        log_of: Callable[[str], AuditLog],
        approval_of: Callable[[str, str], Awaitable[Approval]],
        carriers: Mapping[Medium, Carrier],
        clock: Clock,
        prepare: Callable[[], Awaitable[None]],
    ) -> None:
        self._deliveries = deliveries
        self._log_of = log_of
        self._approval_of = approval_of
        self._carriers = carriers
        self._clock = clock
        self._prepare = prepare
        self._stopping = asyncio.Event()
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Send whatever there is to send, until `stop`; then what is under way ends."""
        with self._told():
            await self._prepare()
        stopped = asyncio.create_task(self._stopping.wait())
        while not stopped.done():
            with self._told():
                await self._read_on()
                await self._begin()
            under_way = self._under_way.values()
            await asyncio.wait(
                {stopped, *under_way}, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        await asyncio.gather(*self._under_way.values())

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    async def flush(self) -> None:
        """Send all that is due now, and wait for its end. Raises what the store does."""
        await self._prepare()
        await self._read_on()
        while await self._begin() or self._under_way:
            await asyncio.wait(self._under_way.values(), return_when=asyncio.FIRST_COMPLETED)

    async def _read_on(self) -> None:
        """Note the messages of the next events; a page an endpoint, so that none keeps the others waiting."""
        for endpoint in await self._deliveries.waiting():
            events = await self._log_of(endpoint.user).after(endpoint.cursor, limit=PAGE)
            if events:
                messages = await self._messages(endpoint, events)
                await self._deliveries.enqueue(endpoint, messages, cursor=events[-1].number)

    async def _begin(self) -> int:
        """Begin what is due: one message at a time for each endpoint. How many were begun."""
        free = AT_ONCE - len(self._under_way)
        if free <= 0 or not await self._deliveries.has_due(self._clock.now(), but=list(self._under_way)):
            return 0
        due = await self._deliveries.claim(limit=free, lease=LEASE, but=list(self._under_way))
        for delivery, endpoint in due:
            task = asyncio.create_task(self._attempt(delivery, endpoint))
            self._under_way[endpoint.id] = task
            task.add_done_callback(lambda _, endpoint_id=endpoint.id: self._under_way.pop(endpoint_id))
        return len(due)

    async def _messages(self, endpoint: Endpoint, events: Sequence[AuditEvent]) -> list[Message]:
        messages: list[Message] = []
        for event in events:
            kind = kind_of(event)
            if kind is None or not is_for(kind, endpoint):
                continue
            approval = await self._approval(event) if needs_approval(kind) else None
            messages.append(message_of(event, kind, approval))
        return messages

    async def _approval(self, event: AuditEvent) -> Approval | None:
        try:
            # Who is asked about somebody else's call is told whose it is.
            return await self._approval_of(event.data.get("user") or event.user, event.approval_id or "")
        except NotFound:
            return None

    async def _attempt(self, delivery: Delivery, endpoint: Endpoint) -> None:
        answer, error = await self._outcome(endpoint, delivery.message)
        status = answer.status if answer else None
        is_gone = status == GONE
        again_in = _pause(delivery.attempts, answer) if error and not is_gone else None
        with self._told():
            await self._deliveries.settle(delivery, status=status, error=error, again_in=again_in)
            if is_gone:
                await self._deliveries.disable(endpoint, because="it answered 410 Gone")
        if error:
            log.warning("%s for %s did not arrive: %s", delivery.message.kind, endpoint.id, error)

    @contextmanager
    def _told(self) -> Generator[None]:
        """The store is locked or full just now: said once here, tried again later."""
        try:
            yield
        except NexusError as error:
            log.warning("messages have to wait: %s", type(error).__name__)

    async def _outcome(self, endpoint: Endpoint, message: Message) -> tuple[Answer | None, str | None]:
        """What the receiver answered, and why that is no success."""
        carrier = self._carriers.get(endpoint.medium)
        if carrier is None:
            return None, "this Nexus has no such channel now"
        try:
            answer = await carrier.carry(endpoint, message)
        except NotDelivered as error:
            return None, str(error)
        # A bug in the way to one receiver must not keep the messages from all others.
        except Exception as error:  # noqa: BLE001
            return None, f"it could not be sent ({type(error).__name__})"
        return answer, None if answer.is_accepted else f"it answered {answer.status}"


def _pause(attempts: int, answer: Answer | None) -> timedelta | None:
    """How long to wait after that many earlier attempts; None if that was the last one."""
    if attempts >= len(BACKOFF):
        return None
    asked = timedelta(seconds=(answer.retry_after or 0) if answer else 0)
    return max(BACKOFF[attempts], asked)
