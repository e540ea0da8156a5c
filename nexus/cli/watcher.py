"""What a flow tells whoever watches it: a person at a terminal, a pipe, or a program that reads JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from nexus.cli.question import as_json
from nexus.cli.rendering import Event
from nexus.cli.words import SHORT, one_line
from nexus.core.approval import Approval
from nexus.core.tool import ToolSpec
from nexus.errors import NexusError

Entry: TypeAlias = tuple[Mapping[str, Any], Sequence[str]]
"""One entry of a list: its facts for a program, its cells for a person."""


class Watcher(Protocol):
    """Is told what happens, in order."""

    def opened(self, thread_id: str) -> None:
        """The thread that everything after this belongs to."""
        ...

    def event(self, event: Event) -> None:
        """Something happened in a run."""
        ...

    def asks(self, approval: Approval, spec: ToolSpec | None, *, now: datetime, limit: int = SHORT) -> None:
        """A person must decide on this; values longer than `limit` are cut, and say so."""
        ...

    def note(self, text: str, *, tone: str = "quiet") -> None:
        """A remark to a person, from the program itself."""
        ...

    def table(self, columns: Sequence[str], entries: Sequence[Entry], *, nothing: str) -> None:
        """A list: all facts of each entry for a program, the cells for a person; `nothing` if it is empty."""
        ...

    def error(self, error: NexusError, *, code: int) -> None:
        """What was asked for could not be done."""
        ...

    def working(self, what: str | None) -> None:
        """What goes on now and takes a while; None if nothing does."""
        ...

    def close(self) -> None:
        """Nothing more will come, or something else is about to use the terminal."""
        ...


class JsonLines:
    """One JSON object a line on standard output; escapes leave nothing for a terminal to obey."""

    def opened(self, thread_id: str) -> None:
        """As an event."""
        self.event({"event": "thread", "thread_id": thread_id})

    def event(self, event: Event) -> None:
        """As it is."""
        sys.stdout.write(json.dumps(event, default=str) + "\n")
        sys.stdout.flush()

    def asks(
        self,
        approval: Approval,
        spec: ToolSpec | None,
        *,
        now: datetime,  # noqa: ARG002 - programs are told the times themselves
        limit: int = SHORT,  # noqa: ARG002 - and everything
    ) -> None:
        """The whole approval, with its digest."""
        self.event({"event": "approval", **as_json(approval), "title": spec.title if spec else None})

    def note(self, text: str, *, tone: str = "quiet") -> None:
        """Programs need no remarks."""

    def table(self, columns: Sequence[str], entries: Sequence[Entry], *, nothing: str) -> None:  # noqa: ARG002
        """All facts, an entry a line."""
        for facts, _ in entries:
            self.event(facts)

    def error(self, error: NexusError, *, code: int) -> None:
        """The class, the words and the exit code; a line on standard error as well."""
        facts = {"error": type(error).__name__, "message": error.message, "remedy": error.remedy}
        self.event({"event": "error", **facts, "exit_code": code})
        sys.stderr.write(f"error: {one_line(error.message, limit=600)}\n")

    def working(self, what: str | None) -> None:
        """Programs need no spinner."""

    def close(self) -> None:
        """Nothing is open."""
