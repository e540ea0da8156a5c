"""The places where a process can die: before and after everything it writes and sends.

They are numbered as they come, so nobody has to list them.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from nexus.core.tool import ToolSpec
from nexus.store.database import Database, Result


class Points:
    """Counts the places where the process could die, and dies at the one that was asked for.

    Args:
        deadly: The number of that place.
        file: Where the names of the places are written as they come, for somebody who outlives the process.
    """

    def __init__(self, deadly: int | None = None, file: Path | None = None) -> None:
        self.names: list[str] = []
        self._deadly = deadly
        self._file = file.open("a", buffering=1) if file else None

    def reach(self, name: str) -> None:
        """This is a place to die."""
        if len(self.names) == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        self.names.append(name)
        if self._file is not None:
            self._file.write(name + "\n")

    def database(self) -> type[Database]:
        """A database with places around everything that it writes."""
        points = self

        class MortalDatabase(Database):
            async def write(self, change: Callable[[sqlite3.Connection, datetime], Result]) -> Result:
                def mortal(connection: sqlite3.Connection, now: datetime) -> Result:
                    points.reach("in a transaction, before its first statement")
                    result = change(connection, now)
                    points.reach("in a transaction, before its commit")
                    return result

                result = await super().write(mortal)
                points.reach("after a commit")
                return result

        return MortalDatabase

    def around_checkpoints(self, saver: AsyncSqliteSaver) -> None:
        """Stand around every write of a checkpoint."""
        for name in ("aput", "aput_writes", "adelete_for_runs"):
            setattr(saver, name, self._mortal(name, getattr(saver, name)))

    async def around_the_call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, acted: bool) -> None:
        """Stand before and after the effect; a `Sabotage`."""
        del spec, arguments
        self.reach("after the send" if acted else "before the send")

    def _mortal(self, name: str, write: Callable[..., Any]) -> Callable[..., Any]:
        async def mortal(*args: Any, **more: Any) -> Any:
            self.reach(f"before {name}")
            result = await write(*args, **more)
            self.reach(f"after {name}")
            return result

        return mortal
