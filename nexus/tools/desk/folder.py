"""The one folder the desk lives in: nothing leaves it, nothing is half-written or overwritten by accident."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Final

from filelock import FileLock

from nexus.errors import OutcomeUnknown, Refused, ToolFailed

LOCK_NAME: Final = ".desk.lock"
TRASH: Final = "trash"

_LARGEST_FILE = 32 * 1024 * 1024
_LOCK_SECONDS = 10
# A named pipe must not hang the reader; a link planted between the check and the open is not followed.
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class Folder:
    """Reads and writes plain files under one root; every path is relative to it, with `/` between parts.

    Links below the root are refused, whatever they point to: the person's other files are not the desk's.
    Files are for the owner only (0600, folders 0700). A write is on the disk when it returns.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser().resolve()
        self._lock_file = self._root / LOCK_NAME

    @contextmanager
    def changing(self) -> Generator[None]:
        """Hold the desk for one change: reading, numbering and writing are one step for all processes."""
        self._make_folder(self._root)
        with FileLock(self._lock_file, timeout=_LOCK_SECONDS, mode=0o600):
            yield

    def names(self, place: str, suffix: str) -> list[str]:
        """The relative paths of the visible plain files below `place` that end in `suffix`, sorted."""
        return sorted(self._walk(place, suffix))

    def read(self, relative: str) -> bytes:
        """The content of a plain file."""
        with os.fdopen(os.open(self._locate(relative), _READ_FLAGS), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Refused(f"{relative} is not a plain file.")
            if found.st_size > _LARGEST_FILE:
                raise ToolFailed(f"{relative} is too large to read ({found.st_size:,} bytes).")
            return file.read(_LARGEST_FILE)

    def make(self, place: str) -> None:
        """Make a folder, unless it is there."""
        self._make_folder(self._locate(place))

    def create(self, relative: str, content: bytes) -> None:
        """Write a new file. Raises FileExistsError if anything is there already."""
        target = self._locate(relative)
        with _written_beside(self._make_folder(target.parent), content) as temporary:
            _link_new(temporary, target)
        _confirm(target)

    def replace(self, relative: str, content: bytes) -> None:
        """Put `content` in the place of a file, at once or not at all."""
        target = self._locate(relative)
        with _written_beside(self._make_folder(target.parent), content) as temporary:
            temporary.replace(target)
        _confirm(target)

    def keep_copy(self, relative: str) -> None:
        """Put a copy of a file into the trash, so that what replaces it takes nothing from the person."""
        self.create(self._free_in_trash(relative), self.read(relative))

    def discard(self, relative: str) -> None:
        """Move a file to the trash, under a name that is free there."""
        source = self._locate(relative)
        target = self._locate(self._free_in_trash(relative))
        self._make_folder(target.parent)
        source.rename(target)
        _confirm(source)
        _confirm(target)

    def _free_in_trash(self, relative: str) -> str:
        path = PurePosixPath(TRASH, relative)
        number = 1
        while self._locate(str(path)).exists():
            number += 1
            path = PurePosixPath(TRASH, relative).with_stem(f"{PurePosixPath(relative).stem}~{number}")
        return str(path)

    def _walk(self, place: str, suffix: str) -> Generator[str]:
        path = self._locate(place)
        if not path.is_dir():
            return
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.name.isprintable():
                    continue
                inside = f"{place}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(inside, suffix)
                elif entry.name.lower().endswith(suffix) and entry.is_file(follow_symlinks=False):
                    yield inside

    def _locate(self, relative: str) -> Path:
        """The path of `relative`; refused if it could be anywhere but under the root."""
        parts = relative.split("/")
        if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
            raise Refused(f"{relative!r} is outside of the desk's folder.")
        path = self._root
        for part in parts:
            path /= part
            if path.is_symlink():
                raise Refused(f"{relative} is a link; the desk does not follow links.")
        return path

    def _make_folder(self, path: Path) -> Path:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
        return path


@contextmanager
def _written_beside(folder: Path, content: bytes) -> Generator[Path]:
    """A finished file, on the disk, in the folder where it will be placed; gone afterwards if it was not."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield Path(name)
    finally:
        with suppress(OSError):
            Path(name).unlink(missing_ok=True)


def _link_new(temporary: Path, target: Path) -> None:
    """Give the file its name, unless that name is taken."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems (FAT, some network drives) have no links: take the name first, then fill it.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        temporary.replace(target)


def _confirm(path: Path) -> None:
    """Wait until the folder's entry is on the disk; the change itself can be seen already."""
    if os.name == "nt":  # pragma: no cover - Windows cannot open folders
        return
    try:
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OutcomeUnknown(f"{path.name} was changed, but the disk does not confirm it.") from error
