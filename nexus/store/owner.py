"""Which process claimed an effect, and whether it lives: told by a file lock, not by clocks or ids."""

from __future__ import annotations

import secrets
from pathlib import Path

from filelock import FileLock, Timeout

from nexus.store.database import make_private_file


class Owner:
    """This process as the ledger knows it.

    The lock on `<folder>/<token>.lock` is held as long as the process lives; the operating system lets go
    of it at death, whatever kills the process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.token = secrets.token_hex(8)
        path = self._path(self.token)
        make_private_file(path)
        # Not thread-local: it is taken at the start and let go wherever the program ends.
        self._lock = FileLock(path, thread_local=False)
        self._lock.acquire(timeout=0)

    def is_alive(self, token: str) -> bool:
        """True if the process with that token still runs."""
        path = self._path(token)
        if token == self.token:
            return True
        if not path.exists():
            return False
        probe = FileLock(path)
        try:
            probe.acquire(timeout=0)
        except Timeout:
            return True
        probe.release()
        return False

    def close(self) -> None:
        """Let go. What this process had claimed and not settled counts as unknown from now on."""
        self._lock.release()
        self._path(self.token).unlink(missing_ok=True)

    def _path(self, token: str) -> Path:
        return self._folder / f"{token}.lock"
