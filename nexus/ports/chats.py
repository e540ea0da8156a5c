"""Conversations of clients that send all of it each time, and the threads that go on with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ChatPlace:
    """Where a thread stood when its chat was answered.

    Attributes:
        checkpoint: The state it was in; None where a question was left open: nobody begins there again.
        told: How many steps of the thread's story the chat has heard of.
        is_latest: False if the chat has gone on from there since.
    """

    thread: str
    checkpoint: str | None
    told: int
    is_latest: bool = True


class ChatLog(Protocol):
    """One user's. Durable before it returns."""

    async def find(self, said: str) -> ChatPlace | None:
        """Where the conversation with that fingerprint stood; of equal ones one that ends there."""
        ...

    async def latest(self, thread: str) -> ChatPlace | None:
        """Where the chat of a thread stands."""
        ...

    async def note(self, said: str, place: ChatPlace) -> None:
        """The conversation is that far."""
        ...
