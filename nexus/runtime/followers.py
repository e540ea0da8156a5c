"""Who follows a thread: each is shown every run of it, as it gets its turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from nexus.runtime.streams import RunStream


class Followers:
    """Those who follow one of a user's threads, whoever starts its runs."""

    def __init__(self) -> None:
        self._queues: dict[str, set[asyncio.Queue[RunStream]]] = {}

    def are_there(self, thread_id: str) -> bool:
        """True if somebody follows that thread just now."""
        return thread_id in self._queues

    def show(self, stream: RunStream) -> None:
        """A run has got its turn."""
        for queue in self._queues.get(stream.run.thread, ()):
            queue.put_nowait(stream)

    async def follow(self, thread_id: str, known: Sequence[RunStream]) -> AsyncGenerator[RunStream]:
        """The runs that are known, then every one that gets its turn; never ends by itself."""
        queue: asyncio.Queue[RunStream] = asyncio.Queue()
        for stream in known:
            queue.put_nowait(stream)
        others = self._queues.setdefault(thread_id, set())
        others.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            others.discard(queue)
            if not others:
                self._queues.pop(thread_id, None)
