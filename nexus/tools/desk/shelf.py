"""A shelf: the items of one kind, one file each, with ids that are short and never used twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Final

from nexus.errors import ArgumentsInvalid, NotFound
from nexus.tools.desk.folder import TRASH, Folder

_SHOWN_IDS: Final = 12


class Shelf:
    """The files `{place}/{prefix}-{number}{suffix}`, and any other file of that suffix the person puts there.

    An id is a file's name without its suffix. What is asked for is only ever compared with the files that
    are there; it never becomes a path.
    """

    def __init__(self, folder: Folder, *, place: str, prefix: str, suffix: str, noun: str) -> None:
        self._folder = folder
        self._place = place
        self._prefix = prefix
        self._suffix = suffix
        self._noun = noun

    def ids(self) -> list[str]:
        """Every id, `mail-2` before `mail-10`."""
        return sorted(self._paths(), key=_number_last)

    def read(self, item_id: str) -> bytes:
        """The file of an id that `ids` or `find` gave."""
        return self._folder.read(self.path_of(item_id))

    def path_of(self, item_id: str) -> str:
        """Where the item's file is, relative to the desk. Raises NotFound if it was removed meanwhile."""
        path = self._paths().get(item_id)
        if path is None:
            raise NotFound(f"the {self._noun} {item_id} is gone; {self._in_words()}.")
        return path

    def find(self, field: str, asked: str) -> str:
        """The id that is meant by `asked`: `mail-3`, `Mail-3.eml` and `3` are the same. Raises NotFound."""
        wanted = asked.strip().casefold().removesuffix(self._suffix)
        wanted = f"{self._prefix}-{wanted}" if wanted.isdecimal() else wanted
        found = [item_id for item_id in self._paths() if item_id.casefold() == wanted]
        if len(found) > 1:
            raise ArgumentsInvalid(f"{asked[:80]!r} could be {' or '.join(found)}", field=field)
        if not found:
            raise NotFound(f"no {self._noun} {asked[:80]!r}; {self._in_words()}.")
        return found[0]

    def add(self, write: Callable[[str], bytes]) -> str:
        """Make a new item from what `write` makes of its id; gives the id."""
        with self._folder.changing():
            item_id = f"{self._prefix}-{self._next_number()}"
            self._folder.create(f"{self._place}/{item_id}{self._suffix}", write(item_id))
        return item_id

    def add_named(self, stem: str, content: bytes) -> bool:
        """Make the item of exactly that name; False if it is there or was thrown away."""
        with self._folder.changing():
            if stem in self._paths() or f"{TRASH}/{self._place}/{stem}{self._suffix}" in self._trashed():
                return False
            self._folder.create(f"{self._place}/{stem}{self._suffix}", content)
        return True

    def change(self, item_id: str, rewrite: Callable[[bytes], bytes]) -> None:
        """Replace the item's file by what `rewrite` makes of it, with nobody writing in between."""
        with self._folder.changing():
            path = self.path_of(item_id)
            self._folder.replace(path, rewrite(self._folder.read(path)))

    def discard(self, item_id: str) -> None:
        """Move the item to the trash."""
        with self._folder.changing():
            self._folder.discard(self.path_of(item_id))

    def _paths(self) -> dict[str, str]:
        names = self._folder.names(self._place, self._suffix)
        return {path[len(self._place) + 1 : -len(self._suffix)]: path for path in names}

    def _trashed(self) -> Sequence[str]:
        return self._folder.names(f"{TRASH}/{self._place}", self._suffix)

    def _next_number(self) -> int:
        # What is in the trash keeps its number: an approval for event-7 must never meet another event-7.
        stems = [PurePosixPath(path).stem for path in (*self._paths().values(), *self._trashed())]
        return max((_number_of(stem, self._prefix) for stem in stems), default=0) + 1

    def _in_words(self) -> str:
        ids = self.ids()
        if not ids:
            return f"there is no {self._noun} at all"
        return f"there is {listed(ids)}" if len(ids) == 1 else f"there are {listed(ids)}"


def listed(names: Sequence[str]) -> str:
    """Some names in words, with how many were left out."""
    rest = len(names) - _SHOWN_IDS
    shown = ", ".join(names[:_SHOWN_IDS])
    return f"{shown} and {rest} more" if rest > 0 else shown


def _number_of(stem: str, prefix: str) -> int:
    number = stem.removeprefix(f"{prefix}-").split("~")[0]
    return int(number) if number.isdecimal() and len(number) < 10 else 0  # noqa: PLR2004


def _number_last(item_id: str) -> tuple[str, int, str]:
    head, _, tail = item_id.rpartition("-")
    return (head, int(tail), "") if tail.isdecimal() and len(tail) < 10 else (item_id, 0, "")  # noqa: PLR2004
