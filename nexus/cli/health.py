"""What `nexus doctor` looks at on the machine and in the home folder. Changes nothing."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nexus.settings import CONFIG_FILE, Settings

Level = Literal["ok", "warn", "bad"]

WAL_RESET_FIXED = (3, 51, 3)
"""SQLite before this can damage a database in WAL mode when two connections write and checkpoint at once."""

_PRIVATE = (
    "nexus.db",
    "nexus.db-wal",
    "nexus.db-shm",
    "checkpoints.db",
    "checkpoints.db-wal",
    "checkpoints.db-shm",
    "catalogue.db",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was looked at, how it is, and what to do about it."""

    name: str
    level: Level
    text: str
    remedy: str | None = None


def check_machine(settings: Settings) -> Iterator[Check]:
    """Python, SQLite, the home folder, its files and its configuration."""
    yield _python()
    yield _sqlite()
    yield _home(settings.home)
    yield from _files(settings.home)
    yield _configuration(settings.home)


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check("python", "ok", version)


def _sqlite() -> Check:
    if sqlite3.sqlite_version_info >= WAL_RESET_FIXED:
        return Check("sqlite", "ok", sqlite3.sqlite_version)
    fixed = ".".join(str(part) for part in WAL_RESET_FIXED)
    return Check(
        "sqlite",
        "warn",
        f"{sqlite3.sqlite_version} has the WAL-reset bug (fixed in {fixed}): two processes on one home can,"
        " rarely, damage its database",
        f"Run one Nexus at a time on a home, or use a Python with SQLite {fixed} or later.",
    )


def _home(home: Path) -> Check:
    if not home.exists():
        return Check("home", "ok", f"{home} (made when it is first used)")
    if not home.is_dir():
        return Check("home", "bad", f"{home} is not a folder", "Move it away, or set NEXUS_HOME to a folder.")
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return Check("home", "bad", f"{home} cannot be written", f"chown or chmod it: chmod u+rwx {home}")
    mode = stat.S_IMODE(home.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        return Check("home", "warn", f"{home} is open to others (mode {mode:o})", f"chmod 700 {home}")
    return Check("home", "ok", f"{home} (mode {mode:o})")


def _files(home: Path) -> Iterator[Check]:
    """A warning for each of the store's files that others can read."""
    for name in _PRIVATE:
        path = home / name
        if os.name != "posix" or not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            yield Check("files", "warn", f"{path} can be read by others (mode {mode:o})", f"chmod 600 {path}")


def _configuration(home: Path) -> Check:
    ours = ("NEXUS_", "COMPOSIO_", "PINECONE_")
    set_here = sorted(name for name in os.environ if name.startswith(ours) and name != "NEXUS_HOME")
    file = home / CONFIG_FILE
    sources = [
        *set_here,
        *([str(file)] if file.exists() else []),
        *([".env"] if Path(".env").exists() else []),
    ]
    return Check("settings", "ok", f"from {', '.join(sources)}" if sources else "all as they come")
