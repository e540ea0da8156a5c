"""The definitions that a person has accepted, on disk. Those of a server's first start count as accepted."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus.errors import Unavailable

if TYPE_CHECKING:
    from nexus.tools.mcp.definitions import Definition


class Pins:
    """One file a server, readable by the user only.

    Args:
        folder: Made when the first file is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def accepted(self, server: str, offered: Sequence[Definition]) -> Sequence[bool]:
        """Whether each is as it was accepted, in their order. The first ever offered are accepted by it."""
        known = await self.facts(server)
        if known is None:
            await self.accept(server, offered)
            return [True] * len(offered)
        return [known.get(each.name) == each.facts for each in offered]

    async def accept(self, server: str, definitions: Iterable[Definition]) -> None:
        """These, and no others, are accepted from now on."""
        facts = {definition.name: definition.facts for definition in definitions}
        await asyncio.to_thread(self._write, server, facts)

    async def facts(self, server: str) -> Mapping[str, Any] | None:
        """What was accepted, by name; None if nothing ever was.

        Raises:
            Unavailable: The file cannot be read; nothing counts as accepted then.
        """
        return await asyncio.to_thread(self._read, server)

    def changed_at(self, server: str) -> int | None:
        """When what is accepted changed last, for comparing; None if nothing ever was."""
        try:
            return self._file(server).stat().st_mtime_ns
        except OSError:
            return None

    def _file(self, server: str) -> Path:
        return self._folder / f"{server}.json"

    def _read(self, server: str) -> Mapping[str, Any] | None:
        file = self._file(server)
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            found = error
        if not isinstance(found, dict):
            raise Unavailable(
                f"{file} cannot be read ({found}).", remedy=f"Remove it, then: nexus mcp accept {server}"
            )
        return found

    def _write(self, server: str, facts: Mapping[str, Any]) -> None:
        """Beside the file, then in its place; a temporary file is its owner's alone (0600)."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(facts, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(self._file(server))
