"""The vectors of tool texts: one memory-mapped file, its rows found by content key."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nexus.ports.embeddings import Embedder, Matrix

_log = logging.getLogger(__name__)
_KEY_BYTES = 16
_HEADER_BYTES = 64
_UNIT = 0.01  # how far a row's length may be from one before it counts as damaged

Rows = npt.NDArray[np.int64]
"""For each key its row in a matrix, or -1."""


class VectorCache:
    """Vectors by content key, kept in a file between processes where a folder is given.

    A damaged, foreign or missing file is an empty one: it costs time, never an error.
    A file that cannot be written is logged; the vectors then live in memory.
    Safe for several threads; the matrices it hands out are never changed.
    """

    def __init__(self, embedder: Embedder, folder: Path | None) -> None:
        self._type = np.dtype([("key", "V16"), ("vector", "<f4", (embedder.dimensions,))])
        self._header = f"nexus-vectors 1 {embedder.dimensions}\n".encode().ljust(_HEADER_BYTES)
        self._path = folder / _file_name(embedder) if folder else None
        self._records = self._read()
        self._rows = _rows_by_key(self._records)
        self._added: list[npt.NDArray[np.void]] = []
        self._changing = threading.Lock()

    def __contains__(self, key: bytes) -> bool:
        return key in self._rows

    def rows_of(self, keys: Sequence[bytes]) -> tuple[Matrix, Rows]:
        """All stored vectors, one a row, and for each key its row: -1 where there is none (yet)."""
        with self._changing:
            found = np.fromiter((self._rows.get(key, -1) for key in keys), np.int64, len(keys))
            found[found >= len(self._records)] = -1
            return self._records["vector"], found

    def add(self, keys: Sequence[bytes], vectors: Matrix) -> None:
        """Take in new vectors; they are found after `store`."""
        records = np.zeros(len(keys), self._type)
        records["key"] = np.array(keys, "V16")
        records["vector"] = vectors
        with self._changing:
            first = len(self._records) + sum(map(len, self._added))
            self._rows.update({key: first + offset for offset, key in enumerate(keys)})
            self._added.append(records)

    def store(self, wanted: Iterable[bytes]) -> None:
        """Make the added vectors found, and write them to the file.

        Vectors nobody wants now are kept for tools that come back, until they outnumber the wanted ones.
        """
        with self._changing:
            if not self._added:
                return
            records = np.concatenate([self._records, *self._added])
            self._added = []
            live = [self._rows[key] for key in wanted if key in self._rows]
            if len(records) > 2 * len(live):
                records = records[np.array(sorted(live), np.int64)]
            self._records = self._written(records)
            self._rows = _rows_by_key(self._records)

    def _read(self) -> npt.NDArray[np.void]:
        empty = np.zeros(0, self._type)
        if self._path is None:
            return empty
        try:
            return _undamaged(self._mapped(self._path))
        except FileNotFoundError:
            return empty
        except (OSError, ValueError) as error:
            _log.warning("%s cannot be used and will be built again: %s", self._path, error)
            return empty

    def _mapped(self, path: Path) -> npt.NDArray[np.void]:
        """The records in the file. Raises ValueError if it is not one of ours."""
        with path.open("rb") as file:
            if file.read(_HEADER_BYTES) != self._header:
                raise ValueError("it has another layout")
        return np.asarray(np.memmap(path, self._type, "r", offset=_HEADER_BYTES))

    def _written(self, records: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
        """`records`, backed by the file where that can be written."""
        if self._path is None or not len(records):
            return records
        try:
            _replace(self._path, self._header, records)
            return self._mapped(self._path)
        except (OSError, ValueError) as error:
            _log.warning("the tool vectors cannot be kept in %s: %s", self._path, error)
            return records


def _file_name(embedder: Embedder) -> str:
    readable = re.sub(r"[^a-z0-9]+", "-", embedder.name.lower()).strip("-")[:60]
    return f"vectors-{readable}-{hashlib.sha256(embedder.name.encode()).hexdigest()[:8]}.bin"


def _rows_by_key(records: npt.NDArray[np.void]) -> dict[bytes, int]:
    joined = np.ascontiguousarray(records["key"]).tobytes()
    return {joined[row * _KEY_BYTES : (row + 1) * _KEY_BYTES]: row for row in range(len(records))}


def _undamaged(records: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """The records whose vector has length one: lost pages read as zeros or noise."""
    vectors: Matrix = records["vector"]
    with np.errstate(all="ignore"):
        whole = np.abs(np.einsum("ij,ij->i", vectors, vectors) - 1) < _UNIT
    if whole.all():
        return records
    _log.warning("%d damaged tool vectors will be built again", int((~whole).sum()))
    return records[whole]


def _replace(path: Path, header: bytes, records: npt.NDArray[np.void]) -> None:
    """Write the whole file aside, then put it in place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        try:
            file.write(header)
            records.tofile(file)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                Path(file.name).unlink()
            raise
    Path(file.name).replace(path)
