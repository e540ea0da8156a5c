"""Files that a person hands over with a message, kept where the agent's tools find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Attached:
    """Where a file is: what it has become (`note`, `e-mail`), and under which name the tools know it."""

    kind: str
    name: str


class Attachments(Protocol):
    """One user's. Nothing that is there is ever replaced."""

    endings: tuple[str, ...]
    """The kinds of files it takes, by the ends of their names, e.g. `.txt`."""

    async def keep(self, name: str, content: bytes) -> Attached:
        """Keep a file that is called `name` where it comes from; of that only the letters count.

        Raises:
            InvalidInput: It is of another kind, too large, or not what its name says. Nothing was kept.
        """
        ...
