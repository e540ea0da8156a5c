"""Decisions that wait a moment before they are recorded, so that whoever made them can take them back."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TypeAlias

from graphs.decisions import check_decision
from nexus.core.approval import Approval
from nexus.core.decision import Decision
from nexus.errors import Conflict, NexusError, NotFound, Unavailable
from nexus.runtime.failures import INSIDE, where
from nexus.runtime.runs import Runs
from nexus.runtime.service import Service

log = logging.getLogger("nexus.held")

Key: TypeAlias = tuple[str, str, str]
"""Who decided, whose approval it is, its id."""

MARGIN = timedelta(seconds=10)
"""What is left of the time to decide, at the least, once a decision has waited.

To record it takes some of that: an operator's handlers are asked once more, and they may be slow.
"""

MAX_FAILURES = 100
"""Decisions that came to nothing, of which the reason is kept."""


class HeldDecisions:
    """Of all users, in memory alone: a server that ends meanwhile has recorded nothing; the question stays.

    They wait here and not in the page: a tab that is closed, or a phone that loses its connection, loses no
    decision, every other tab shows it, and it can be taken back without scripts. What makes calls happen at
    most once is untouched: only what is recorded can run, and it is recorded once, by the rules of every
    other decision, at the end of the wait.

    Args:
        seconds: How long each waits; 0: not at all.
        closing: Set when the server begins to shut down: from then on nothing that waits is recorded, and
            nothing more is taken, however long the server still lives.
    """

    def __init__(self, seconds: float, closing: asyncio.Event) -> None:
        self.seconds = seconds
        self._closing = closing
        self._held: dict[Key, tuple[Decision, asyncio.Task[None]]] = {}
        self._recording: set[asyncio.Task[None]] = set()
        self._failures: dict[Key, NexusError] = {}
        self._changes = 0
        self._born = secrets.token_hex(4)

    @property
    def state(self) -> str:
        """Another text whenever something was held, recorded or taken back, or forgotten with its process."""
        return f"{self._born}.{self._changes}"

    def of(self, actor: str) -> Mapping[tuple[str, str], Decision]:
        """What somebody decided that waits, by user and id of the approval."""
        return {key[1:]: decision for key, (decision, _) in self._held.items() if key[0] == actor}

    def failure(self, actor: str, user: str, approval_id: str) -> NexusError | None:
        """Why somebody's last decision on an approval came to nothing, if it did."""
        return self._failures.get((actor, user, approval_id))

    async def hold(
        self,
        service: Service,
        runs: Runs,
        approval: Approval,
        decision: Decision,
        *,
        actor: str,
        digest: str,
        may_still: Callable[[], Awaitable[None]],
    ) -> None:
        """Record a decision on the call of that digest, which the person saw, after a moment.

        At once if the time to decide would be over by then, or nearly: what was answered in time counts.

        Args:
            service: Of whom the call is for.
            runs: Theirs.
            approval: What is decided on.
            decision: What the person answered.
            actor: Who, through what.
            digest: The digest the person saw.
            may_still: Asked when the moment is over; raises NexusError if they may not decide any more.

        Raises:
            Conflict: They have decided on it already.
            Unavailable: The server is shutting down.
            NexusError: As `record_decision`: it could not be recorded now either.
        """
        key = (actor, service.parts.user, approval.id)
        self._check_free(key)
        await check_decision(service.parts, approval, decision, actor=actor, digest=digest)
        self._check_free(key)  # it may have been pressed in another tab while this was checked
        self._failures.pop(key, None)
        leaves_at = service.parts.clock.now() + timedelta(seconds=self.seconds)
        if self.seconds <= 0 or leaves_at + MARGIN >= approval.expires_at:
            await runs.decide(approval, decision, actor=actor, digest=digest)
            return

        async def record() -> None:
            await may_still()
            await runs.decide(approval, decision, actor=actor, digest=digest)

        job = self._leave(key, record)
        self._held[key] = (decision, asyncio.create_task(job))
        self._changes += 1

    def take_back(self, actor: str, user: str, approval_id: str) -> None:
        """Forget a decision. Raises NotFound: there is none, or it is recorded by now."""
        _, task = self._held.pop((actor, user, approval_id), (None, None))
        if task is None:
            raise NotFound("It is too late to undo this.", remedy="The page shows what became of it.")
        task.cancel()
        self._changes += 1

    async def close(self) -> None:
        """Forget what still waits; let what is being recorded since before the end come to its own."""
        for _, task in self._held.values():
            task.cancel()
        self._held.clear()
        await asyncio.gather(*self._recording, return_exceptions=True)

    def _check_free(self, key: Key) -> None:
        """Make sure that something can be held there. Raises Conflict, Unavailable."""
        if self._closing.is_set():
            raise Unavailable(
                "This server is shutting down: nothing was decided.", remedy="Decide after its next start."
            )
        if key in self._held:
            raise Conflict(f"You have decided on {key[2]} already.", remedy="Undo it first.")

    async def _leave(self, key: Key, record: Callable[[], Awaitable[None]]) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), self.seconds)
        if self._closing.is_set():
            return
        # From here on nobody can take it back: it is out of the table before anything else can run.
        _, task = self._held.pop(key)
        self._recording.add(task)
        try:
            await record()
        except NexusError as error:
            self._note(key, error)
        # Nobody awaits it, so its failure is told here: to the person, whose answer it was, and in the log.
        except Exception as error:  # noqa: BLE001
            log.error("a decision could not be recorded: %s", where(error))  # noqa: TRY400
            self._note(key, NexusError(INSIDE))
        finally:
            self._recording.discard(task)
            self._changes += 1

    def _note(self, key: Key, error: NexusError) -> None:
        while len(self._failures) >= MAX_FAILURES:
            del self._failures[next(iter(self._failures))]
        self._failures[key] = error
