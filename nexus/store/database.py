"""The one connection to `nexus.db`: a thread that owns it, durable writes, time that never runs back."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from nexus.errors import ClockSetBack, StoreUnavailable
from nexus.ports.clock import Clock

Result = TypeVar("Result")

BUSY_SECONDS = 10.0
"""How long a transaction waits for another process's."""

CLOCK_TOLERANCE = timedelta(seconds=60)
"""How far the clock may fall behind what is recorded (time servers correct by less)."""

CLOCK_RESOLUTION = timedelta(seconds=1)
"""How exactly the latest time is recorded, so that a look-up need not write."""


class Database:
    """Runs every statement on one connection in a thread of its own: the event loop waits for no disk.

    WAL with `synchronous=FULL`: a transaction that returned survives a power cut. The file is 0600 in a
    0700 folder. Several processes may open the same file.

    Args:
        path: The file.
        clock: Gives the time of each transaction.
        survives_power_cut: False for what need only survive the death of the process (`synchronous=NORMAL`,
            many times faster): a power cut may take the last of it, never the middle.
    """

    def __init__(self, path: Path, clock: Clock, *, survives_power_cut: bool = True) -> None:
        self._path = path
        self._clock = clock
        self._synchronous = "FULL" if survives_power_cut else "NORMAL"
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="nexus-db")
        self._connection: sqlite3.Connection | None = None

    def now(self) -> datetime:
        """What the clock shows: for those who only read."""
        return self._clock.now()

    async def read(self, query: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `query` outside a transaction of its own."""
        return await self._run(lambda: query(self._open()))

    async def write(self, change: Callable[[sqlite3.Connection, datetime], Result]) -> Result:
        """Run `change` in one immediate transaction, with the time; durable when this returns.

        Raises:
            StoreUnavailable: The file is locked, full, read-only or damaged; nothing was changed.
            ClockSetBack: The clock is behind what is recorded; nothing was changed.
        """

        def transaction() -> Result:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = change(connection, _tick(connection, self._clock.now()))
                connection.execute("COMMIT")
            except BaseException:
                # A failed COMMIT (disk full) may have rolled back by itself.
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            return result

        return await self._run(transaction)

    async def close(self) -> None:
        """Close the connection and end its thread."""
        await self._run(self._close)
        self._thread.shutdown()

    async def _run(self, job: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, job)
        except (sqlite3.Error, OSError) as error:
            raise unavailable(f"The database {self._path.name}", error) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            make_wal_file(self._path)
            connection = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                _prepare(connection, self._synchronous)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def unavailable(what: str, error: Exception) -> StoreUnavailable:
    """The error for a file that cannot be used, with what its owner can do."""
    return StoreUnavailable(
        f"{what} cannot be used right now ({error}).",
        remedy="Free disk space or end the program that locks it, then try again.",
        retry_after=5.0,
    )


def make_private_file(path: Path) -> None:
    """Make sure `path` is a file only its owner may read (0600), and its folder there.

    One that is there is not opened: to close a file lets go of every lock that this process holds on it, and
    SQLite's are such. Whoever looks into the database next would take it for left, and delete its log.
    """
    make_private_folder(path.parent)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    path.chmod(0o600)


def make_wal_file(path: Path) -> None:
    """Make sure `path` is a private SQLite file in WAL mode, whoever else is making it at this moment.

    SQLite does not wait its turn for that switch: without the lock two first starts at once may fail.
    """
    make_private_file(path)
    lock = path.with_name(f"{path.name}.lock")
    make_private_file(lock)
    with FileLock(lock, timeout=BUSY_SECONDS), closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as made:
        made.execute("PRAGMA journal_mode=WAL")


def make_private_folder(path: Path) -> None:
    """Make sure the folder is there; what has to be made for it is 0700.

    A folder that is there already keeps its mode: it may be one the user shares with others on purpose.
    """
    if not path.parent.exists():
        make_private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def _tick(connection: sqlite3.Connection, now: datetime) -> datetime:
    """The time of this transaction: never before that of an earlier one."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'latest_time'").fetchone()
    latest = datetime.fromisoformat(row["value"]) if row else datetime.fromtimestamp(0, UTC)
    if now < latest - CLOCK_TOLERANCE:
        raise ClockSetBack(
            f"The clock says {now:%Y-%m-%d %H:%M} but {latest:%Y-%m-%d %H:%M} is already on record.",
            remedy="Set the clock right; until then nothing is decided or executed.",
            retry_after=60.0,
        )
    if now < latest + CLOCK_RESOLUTION:
        return max(now, latest)
    connection.execute(
        "INSERT INTO meta (name, value) VALUES ('latest_time', ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (now.isoformat(),),
    )
    return now


def _prepare(connection: sqlite3.Connection, synchronous: str) -> None:
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA foreign_keys=ON")
    _migrate(connection)


def _migrate(connection: sqlite3.Connection) -> None:
    """Apply the numbered scripts this file has not seen yet, once, whoever else is starting."""
    scripts = sorted(
        (entry for entry in (resources.files("nexus.store") / "sql").iterdir() if entry.name[:4].isdigit()),
        key=lambda entry: entry.name,
    )
    connection.execute("BEGIN IMMEDIATE")
    try:
        (done,) = connection.execute("PRAGMA user_version").fetchone()
        for number, script in enumerate(scripts, start=1):
            if number > done:
                for statement in _statements(script.read_text(encoding="utf-8")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        # A failed COMMIT (disk full) may have rolled back by itself.
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """The statements of a script. `executescript` would commit the migration's transaction."""
    return [statement for statement in script.split(";\n") if statement.strip()]
