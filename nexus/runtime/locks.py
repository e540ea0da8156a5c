"""One run a thread, across every process on this machine."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from filelock import FileLock, Timeout

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
        lock = self._lock(thread_id)
        if thread_id in self._mine or not await _acquired(lock):
            raise Conflict(f"Thread {thread_id} is being run already.", remedy="Wait for that run to end.")
        self._mine.add(thread_id)
        try:
            yield
        finally:
            self._mine.discard(thread_id)
            lock.release()

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
        lock = self._lock(thread_id)
        if not _try(lock):
            return True
        lock.release()
        return False

    def _lock(self, thread_id: str) -> FileLock:
        # Hashed: a client may choose the id, and an id is not a file name.
        name = hashlib.sha256(thread_id.encode()).hexdigest()[:32]
        return FileLock(self._folder / f"{name}.lock", thread_local=False, mode=0o600)


async def _acquired(lock: FileLock) -> bool:
    for _ in range(_TRIES):
        if _try(lock):
            return True
        await asyncio.sleep(_PAUSE)
    return False


def _try(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True
