"""Which failed call is tried again, how often and after how long: what never left, and what may be repeated.

A call that a person approved is sent once; under an approval only reading is repeated: it changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential,
)

from nexus.core.tool import ToolSpec
from nexus.errors import NexusError, NotSent, OutcomeUnknown, RateLimited, Unavailable

Result = TypeVar("Result")

Repetition = Literal["never", "reads", "idempotent"]
"""Whether a call that may have arrived may be sent again: no; yes, it changes nothing; yes, it does nothing
more the second time, but whether it did anything at all may stay unknown."""

MOST_TRIES = 3
"""How often a call is sent, at most."""

FIRST_PAUSE, GROWTH = 0.5, 4
"""Seconds before the second try, and how many times longer each next pause is."""

LONGEST_PAUSE = 30.0
"""Seconds that a service may ask to wait; if it asks for more, the model is told instead."""

TIMEOUTS = 2.0
"""No try begins later than this many times the time of one call; so all end within once more."""

_PASSES = (RateLimited, OutcomeUnknown, Unavailable, TimeoutError, ConnectionError)
"""What may be over the next time."""


def repetition_of(spec: ToolSpec, *, asked: bool) -> Repetition:
    """Whether a call of the tool that failed may be repeated, if somebody was `asked` about it, or not."""
    if spec.changes_nothing:
        return "reads"
    return "idempotent" if "idempotentHint" in spec.hints and not asked else "never"


def longest(timeout: float) -> float:
    """Seconds that all tries of a call may take, if one may take `timeout`."""
    return timeout * (TIMEOUTS + 1)


class Tries:
    """The tries of one call.

    Args:
        repetition: Whether it may be sent again although it may have arrived.
        timeout: Seconds one try may take.
        tell: Is told why, and after how many seconds, there will be another.
        again: Writes down that it is sent again; if it cannot, it is not sent.

    Attributes:
        made: How often it was sent.
        left_open: What a try of an idempotent call ended with, if it may have acted.
    """

    def __init__(
        self,
        repetition: Repetition,
        *,
        timeout: float,
        tell: Callable[[Exception, float], None],
        again: Callable[[Exception], Awaitable[object]],
    ) -> None:
        self.made = 1
        self.left_open: Exception | None = None
        self._repetition = repetition
        self._timeout = timeout
        self._tell = tell
        self._again = again
        self._failure: Exception = NotSent()

    async def of(self, once: Callable[[], Awaitable[Result]]) -> Result:
        """The result of the first try that succeeds. Raises what the last one failed with."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(self._passes),
            wait=_pause,
            stop=stop_after_attempt(MOST_TRIES) | stop_before_delay(self._timeout * TIMEOUTS),
            sleep=self._wait,
            reraise=True,
        )
        return await retrying(once)

    def _passes(self, error: BaseException) -> bool:
        if not isinstance(error, Exception) or (_asked_to_wait(error) or 0.0) > LONGEST_PAUSE:
            return False
        self._failure = error
        if isinstance(error, NotSent):
            return True
        if self._repetition == "never" or not isinstance(error, _PASSES):
            return False
        if self._repetition == "idempotent" and not isinstance(error, RateLimited):
            self.left_open = error
        return True

    async def _wait(self, seconds: float) -> None:
        self._tell(self._failure, seconds)
        await asyncio.sleep(seconds)
        try:
            await self._again(self._failure)
        except NexusError as error:
            raise self._failure from error
        self.made += 1


PAUSES = wait_exponential(multiplier=FIRST_PAUSE, exp_base=GROWTH)
"""How long each next pause is, if the service does not ask for more."""


def _pause(state: RetryCallState) -> float:
    """Seconds until the next try: as long as the service asks for, and longer each time."""
    failure = state.outcome.exception() if state.outcome else None
    return max(PAUSES(state), (failure and _asked_to_wait(failure)) or 0.0)


def _asked_to_wait(error: BaseException) -> float | None:
    return error.retry_after if isinstance(error, RateLimited | OutcomeUnknown | Unavailable) else None
