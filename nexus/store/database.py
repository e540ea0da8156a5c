"""The one connection to `nexus.db`: a thread that owns it, durable writes, time that never runs back."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Generic, TypeVar

from filelock import FileLock

from nexus.errors import ClockSetBack, StoreUnavailable
from nexus.ports.clock import Clock

Result = TypeVar("Result")

Change = Callable[[sqlite3.Connection, datetime], Result]
"""What is to be done in a transaction at that time."""

BUSY_SECONDS = 10.0
"""How long a transaction waits for another process's."""

CLOCK_TOLERANCE = timedelta(seconds=60)
"""How far the clock may fall behind what is recorded (time servers correct by less)."""

CLOCK_RESOLUTION = timedelta(seconds=1)
"""How exactly the latest time is recorded, so that a look-up need not write."""


@dataclass(frozen=True, slots=True)
class _Write(Generic[Result]):
    """A change that waits for its transaction, and those who wait for it."""

    change: Change[Result]
    written: Future[Result]


class Database:
    """Runs every statement on one connection in a thread of its own: the event loop waits for no disk.

    WAL with `synchronous=FULL`: a transaction that returned survives a power cut. The file is 0600 in a
    0700 folder. Several processes may open the same file.

    Args:
        path: The file.
        clock: Gives the time of each transaction.
        survives_power_cut: False for what need only survive the death of the process (`synchronous=NORMAL`,
            many times faster): a power cut may take the last of it, never the middle.
        on_the_spot: The event loop may look up itself what is found by its key. That takes less than the way
            to the thread, and a reader of a file in WAL mode waits for nobody; `langgraph dev` forbids it.
    """

    def __init__(
        self, path: Path, clock: Clock, *, survives_power_cut: bool = True, on_the_spot: bool = False
    ) -> None:
        self._path = path
        self._clock = clock
        self._synchronous = "FULL" if survives_power_cut else "NORMAL"
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="nexus-db")
        self._on_the_spot = on_the_spot
        self._waiting: deque[_Write[Any]] = deque()
        self._connection: sqlite3.Connection | None = None
        self._looking: sqlite3.Connection | None = None

    def now(self) -> datetime:
        """What the clock shows: for those who only read."""
        return self._clock.now()

    async def read(self, query: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `query` outside a transaction of its own."""
        return await self._run(lambda: query(self._open()))

    async def look_up(self, query: Callable[[sqlite3.Connection], Result]) -> Result:
        """Find what is asked for by its key, on the spot if that is allowed. Raises as `read`."""
        if not self._on_the_spot:
            return await self.read(query)
        with self._named_trouble():
            looking = self._looking or await self._run(self._open_looking)
            try:
                return query(looking)
            except sqlite3.Error as error:
                if not has_to_wait(error):
                    raise
        return await self.read(query)  # somebody repairs the file, or closes it for good

    async def write(self, change: Change[Result]) -> Result:
        """Run `change` in an immediate transaction, with the time; durable when this returns.

        What waits at that moment shares the transaction, for the disk is slow to say that it has it; each
        is kept or undone by itself.

        Raises:
            StoreUnavailable: The file is locked, full, read-only or damaged; nothing was changed.
            ClockSetBack: The clock is behind what is recorded; nothing was changed.
        """
        written: Future[Result] = Future()
        self._waiting.append(_Write(change, written))
        self._thread.submit(self._write_all)
        with self._named_trouble():
            return await asyncio.wrap_future(written)

    async def close(self) -> None:
        """Close the connection and end its thread."""
        looking, self._looking = self._looking, None
        if looking is not None:  # here: in the thread it would be closed under a look-up's hands
            looking.close()
        self._on_the_spot = False
        closed = self._thread.submit(self._close)
        self._thread.shutdown(wait=False)  # what was begun before ends first; nothing opens the file again
        with self._named_trouble():
            await asyncio.wrap_future(closed)

    def _write_all(self) -> None:
        """Make every change that waits, in one transaction, and tell those who wait once it is on disk."""
        writes: list[_Write[Any]] = []
        with suppress(IndexError):
            while True:
                write = self._waiting.popleft()
                if write.written.set_running_or_notify_cancel():
                    writes.append(write)
        if not writes:
            return
        try:
            tellings = self._transaction(writes)
        # Whatever it is, it belongs to those who wait: nothing of theirs was kept.
        except BaseException as error:  # noqa: BLE001
            tellings = [partial(write.written.set_exception, error) for write in writes]
        for tell in tellings:
            tell()

    def _transaction(self, writes: Sequence[_Write[Any]]) -> list[Callable[[], None]]:
        """Make them all, durably; what tells each how it went. Raises what undid all of them."""
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            now = _tick(connection, self._clock.now())
            tellings = [_attempt(connection, now, write) for write in writes]
            connection.execute("COMMIT")
        # Whatever stops it, none of it is kept. A failed COMMIT (disk full) may have rolled back by itself.
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return tellings

    async def _run(self, job: Callable[[], Result]) -> Result:
        with self._named_trouble():
            return await asyncio.get_running_loop().run_in_executor(self._thread, job)

    @contextmanager
    def _named_trouble(self) -> Generator[None]:
        try:
            yield
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
            # Whatever stops it: no connection that is half prepared stays open.
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _open_looking(self) -> sqlite3.Connection:
        self._open()
        if self._looking is None:
            looking = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            looking.row_factory = sqlite3.Row
            looking.execute("PRAGMA query_only=ON")
            wait_no_more(looking)
            self._looking = looking
        return self._looking

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _attempt(connection: sqlite3.Connection, now: datetime, write: _Write[Any]) -> Callable[[], None]:
    """Make one change, or leave nothing of it; what tells how it went. Raises what undid all of them."""
    connection.execute("SAVEPOINT one")
    try:
        tell = partial(write.written.set_result, write.change(connection, now))
    # It belongs to the one who waits for this change; the others' are not touched.
    except Exception as error:
        if not connection.in_transaction:  # SQLite gave all of it up: a full disk
            raise
        connection.execute("ROLLBACK TO one")
        tell = partial(write.written.set_exception, error)
    connection.execute("RELEASE one")
    return tell


def wait_no_more(connection: sqlite3.Connection) -> None:
    """From now on the connection waits for nobody; first it reads the file, which may have to be repaired."""
    connection.execute("PRAGMA schema_version").fetchone()
    connection.execute("PRAGMA busy_timeout=0")


def has_to_wait(error: sqlite3.Error) -> bool:
    """True if another connection holds what was asked for, and this one was told not to wait."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


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
    # Whatever stops it, no script is half applied. A failed COMMIT (disk full) may have rolled back already.
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """The statements of a script. `executescript` would commit the migration's transaction."""
    return [statement for statement in script.split(";\n") if statement.strip()]
