"""The apps of a catalogue, and which of them a request names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from nexus.tools import search_text

_LONGEST_NAME = 3  # words that an app's name may be written as: `google big query`


class Apps:
    """Which tool belongs to which app."""

    def __init__(self, toolkits: Sequence[str]) -> None:
        numbers: dict[str, int] = {}
        self._of_tool = np.array([numbers.setdefault(each, len(numbers)) for each in toolkits], np.int32)
        self._numbers = numbers
        self._by_name = {_joined(name): name for name in numbers if _joined(name)}

    def named_in(self, request: str) -> frozenset[str]:
        """The toolkits whose name stands in `request`, in one word or several, in any case."""
        words = search_text.words(request)
        found: set[str] = set()
        place = 0
        while place < len(words):
            name, length = self._name_at(words, place)
            if name is not None:
                found.add(name)
            place += length
        return frozenset(found)

    def tools_of(self, toolkits: Iterable[str]) -> npt.NDArray[np.bool_]:
        """For each tool, True if it belongs to one of `toolkits`."""
        wanted = np.zeros(len(self._numbers) + 1, np.bool_)
        wanted[[self._numbers[each] for each in toolkits if each in self._numbers]] = True
        return wanted[self._of_tool]

    def are_of(self, toolkit: str, places: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        """For each of the tools at `places`, True if it belongs to `toolkit`."""
        return self._of_tool[places] == self._numbers[toolkit]

    def share_of(self, toolkit: str, places: npt.NDArray[np.integer]) -> float:
        """How many of the tools at `places` belong to `toolkit`, from 0 to 1."""
        return float(np.mean(self.are_of(toolkit, places))) if len(places) else 0.0

    def _name_at(self, words: Sequence[str], place: int) -> tuple[str | None, int]:
        """The longest name that begins at `place`, and how many words it takes."""
        for length in range(min(_LONGEST_NAME, len(words) - place), 0, -1):
            name = self._by_name.get("".join(words[place : place + length]))
            if name is not None:
                return name, length
        return None, 1


def _joined(name: str) -> str:
    return "".join(search_text.words(name))
