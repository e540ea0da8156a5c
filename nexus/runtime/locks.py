"""One run a thread, across every process on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from nexus.errors import Conflict
from nexus.store.database import make_private_file


class ThreadLocks:
    """A file lock for each thread: the operating system lets go of it when a process dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, thread_id: str) -> Iterator[None]:
        """Hold the thread's lock. Raises Conflict at once if another run holds it."""
        lock = self._lock(thread_id)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise Conflict(
                f"Thread {thread_id} is being run by another request.", remedy="Wait for it to end."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def is_held(self, thread_id: str) -> bool:
        """True while a run of the thread is under way in any process."""
        lock = self._lock(thread_id)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False

    def _lock(self, thread_id: str) -> FileLock:
        # Hashed: a client may choose the id, and an id is not a file name.
        name = hashlib.sha256(thread_id.encode()).hexdigest()[:32]
        path = self._folder / f"{name}.lock"
        if not path.exists():
            make_private_file(path)
        return FileLock(path, thread_local=False)
