"""Overwrites what Chroma's file still holds of deleted records. Run as a program of its own.

Chroma keeps what was written in its log until a thousand writes later, and leaves deleted rows in free pages
and in its word index. Which records: their ids on standard input, one a line.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

BUSY_SECONDS = 10.0

_DELETE = 3
"""Chroma's number of the operation that deletes; its log has to keep that one."""


def purge(path: Path, records: Sequence[str]) -> None:
    """Overwrite those records' rows of the log, and every free page of the file."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=ON")
        connection.executemany(
            "DELETE FROM embeddings_queue WHERE id = ? AND operation <> ?",
            [(record, _DELETE) for record in records],
        )
        connection.execute(
            "INSERT INTO embedding_fulltext_search (embedding_fulltext_search) VALUES ('optimize')"
        )
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    purge(Path(sys.argv[1]), sys.stdin.read().splitlines())
