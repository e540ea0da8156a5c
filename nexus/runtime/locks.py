"""One run a thread, across every process on this machine."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from filelock import lock_descriptor, unlock_descriptor

from nexus.errors import Conflict
from nexus.store.database import make_private_folder

POLL_SECONDS = 0.1
"""How often a thread that another process runs is tried again."""

_TRIES = 4
_PAUSE = 0.02
"""Somebody who only looks whether a lock is held holds it for a moment: try again before giving up."""


class ThreadLocks:
    """A file lock for each thread: the operating system lets go of it when a process dies."""

    def __init__(self, folder: Path) -> None:
        make_private_folder(folder)
        self._folder = folder
        self._mine: set[str] = set()

    @asynccontextmanager
    async def hold(self, thread_id: str) -> AsyncGenerator[None]:
        """Hold the thread's lock. Raises Conflict if another run holds it."""
        lock = None if thread_id in self._mine else await self._acquired(thread_id)
        if lock is None:
            raise Conflict(f"Thread {thread_id} is being run already.", remedy="Wait for that run to end.")
        self._mine.add(thread_id)
        try:
            yield
        finally:
            self._mine.discard(thread_id)
            _let_go(lock)

    @asynccontextmanager
    async def turn(self, thread_id: str) -> AsyncGenerator[None]:
        """As `hold`, after waiting for whoever runs the thread."""
        while True:
            lease = self.hold(thread_id)
            try:
                await lease.__aenter__()
            except Conflict:
                await asyncio.sleep(POLL_SECONDS)
            else:
                break
        try:
            yield
        finally:
            await lease.__aexit__(None, None, None)

    def is_held(self, thread_id: str) -> bool:
        """True while a run of the thread is under way in any process."""
        if thread_id in self._mine:
            return True
        lock = self._try(thread_id)
        if lock is not None:
            _let_go(lock)
        return lock is None

    async def _acquired(self, thread_id: str) -> int | None:
        for _ in range(_TRIES):
            if (lock := self._try(thread_id)) is not None:
                return lock
            await asyncio.sleep(_PAUSE)
        return None

    def _try(self, thread_id: str) -> int | None:
        """The descriptor of the thread's lock, which is held now; None if others hold it."""
        # Hashed: a client may choose the id, and an id is not a file name.
        name = hashlib.sha256(thread_id.encode()).hexdigest()[:32]
        lock = os.open(self._folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            is_ours = lock_descriptor(lock, blocking=False)
        # Whatever stops it: no descriptor stays open.
        except BaseException:
            os.close(lock)
            raise
        if is_ours:
            return lock
        os.close(lock)
        return None


def _let_go(lock: int) -> None:
    # A process that is being started may have the descriptor too for a moment: closing it would not do.
    unlock_descriptor(lock)
    os.close(lock)
