"""The header of a GGUF file, read with bounds: what a model is, before its weights are trusted to C++."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TypeAlias

from nexus.errors import ModelMissing

Value: TypeAlias = "str | int | float | bool"

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_PAIRS = 4_096
_MAX_KEY = 65_535
_MAX_TEXT = 1 << 24
_MAX_ELEMENTS = 1 << 24
_MAX_HEADER = 256 << 20
_TEXT, _LIST = 8, 9
_FORMS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_PULL = "Name a GGUF file, or get one with: nexus model pull"


def read_header(file: Path) -> Mapping[str, Value]:
    """The metadata of `file`; a list is given as its length.

    Raises:
        ModelMissing: There is no such file, or it is no whole GGUF header.
    """
    try:
        with file.open("rb") as stream:
            return _Header(stream).read()
    except FileNotFoundError as error:
        raise ModelMissing(f"There is no file {file}.", remedy=_PULL) from error
    except OSError as error:
        raise ModelMissing(f"{file} cannot be read ({error.strerror}).", remedy=_PULL) from error
    except (ValueError, struct.error) as error:
        raise ModelMissing(f"{file} is not a usable GGUF file: {error}.", remedy=_PULL) from error


class _Header:
    """Reads forward, never further than the bounds allow."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = _MAX_HEADER

    def read(self) -> dict[str, Value]:
        """Every pair of the header."""
        if self._take(4) != _MAGIC:
            raise ValueError("it does not begin with GGUF")
        if (version := self._number("<I")) not in _VERSIONS:
            raise ValueError(f"version {version} is not known")
        self._number("<Q")  # how many tensors there are
        pairs = self._count(_MAX_PAIRS, "pairs")
        return dict(self._pair() for _ in range(pairs))

    def _pair(self) -> tuple[str, Value]:
        key = self._text(_MAX_KEY)
        return key, self._value(self._number("<I"))

    def _value(self, kind: int) -> Value:
        if kind == _TEXT:
            return self._text(_MAX_TEXT)
        if kind == _LIST:
            return self._list()
        return self._number(self._form(kind))

    def _list(self) -> int:
        """The length of a list; its elements are passed over."""
        kind = self._number("<I")
        length = self._count(_MAX_ELEMENTS, "elements")
        if kind == _TEXT:
            for _ in range(length):
                self._take(self._count(_MAX_TEXT, "bytes in a text"))
        elif kind == _LIST:
            raise ValueError("it has a list of lists")
        else:
            self._skip(length * struct.calcsize(self._form(kind)))
        return length

    def _form(self, kind: int) -> str:
        if kind not in _FORMS:
            raise ValueError(f"value kind {kind} is not known")
        return _FORMS[kind]

    def _text(self, limit: int) -> str:
        return self._take(self._count(limit, "bytes in a text")).decode("utf-8", errors="replace")

    def _count(self, limit: int, what: str) -> int:
        count = self._number("<Q")
        if count > limit:
            raise ValueError(f"it claims {count} {what}")
        return count

    def _number(self, form: str) -> int:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _take(self, size: int) -> bytes:
        self._spend(size)
        taken = self._stream.read(size)
        if len(taken) != size:
            raise ValueError("it ends in the middle of its header")
        return taken

    def _skip(self, size: int) -> None:
        self._spend(size)
        if not size:
            return
        self._stream.seek(size - 1, 1)
        if not self._stream.read(1):
            raise ValueError("it ends in the middle of its header")

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ValueError("its header is too large")
