"""The terminal: colour, a spinner and boxes where there is one; the same words, plainly, in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.status import Status
from rich.table import Table
from rich.text import Text

from nexus.cli.question import (
    account,
    deciders,
    heading,
    ordered,
    provenance,
    reason,
    reminded,
    standing,
    words,
)
from nexus.cli.rendering import Event, Line, line_of, work_after
from nexus.cli.watcher import Entry
from nexus.cli.words import SHORT, WHOLE, Row, one_line, rows
from nexus.core.approval import Approval
from nexus.core.display import visible
from nexus.core.tool import ToolSpec
from nexus.errors import NexusError

_STYLES = {
    "plain": "",
    "quiet": "dim",
    "strong": "bold",
    "good": "green",
    "bad": "red",
    "warn": "yellow",
    "answer": "bold cyan",
}

_LABEL_WIDTH = 8


def is_interactive() -> bool:
    """True if a person sits at both ends: keys come in, and what is shown is seen."""
    return sys.stdin.isatty() and sys.stdout.isatty()


class Screen:
    """Shows a run to a person. Every text of others must be visible text already; markup is never read."""

    def __init__(self) -> None:
        self._out = Console(markup=False, emoji=False, highlight=False)
        self._err = Console(markup=False, emoji=False, highlight=False, stderr=True)
        self._spinner: Status | None = None
        self._has_answered = False
        self._written = ""

    @property
    def is_terminal(self) -> bool:
        """True if colour and boxes can be seen."""
        return self._out.is_terminal

    def opened(self, thread_id: str) -> None:
        """Name the thread, so that it can be continued whatever happens next."""
        self.line(Line("thread", one_line(thread_id), "quiet"))
        self.working("looking for tools")

    def event(self, event: Event) -> None:
        """The event's line, and what goes on after it."""
        line = line_of(event)
        if event.get("event") == "ended" and not self._has_answered and event.get("answer"):
            line = Line("answer", visible(str(event["answer"])), "answer")
        self._has_answered = event.get("event") == "answer"
        self._written = f"{self._written}{event['text']}" if event.get("event") == "writing" else ""
        if line is not None:
            self.line(line)
        self.working(visible(self._written) or work_after(event))

    def asks(self, approval: Approval, spec: ToolSpec | None, *, now: datetime, limit: int = SHORT) -> None:
        """The exact arguments, each with its origin, why it asks and until when."""
        self.close()
        title = f"{heading(approval, spec)} ({one_line(approval.call.tool)})"
        shown = rows(ordered(approval.call.arguments, spec), approval.origins, limit=limit)
        self._box(
            title,
            shown,
            [
                *account(spec),
                reason(approval),
                *provenance(approval),
                *deciders(approval),
                *reminded(approval),
                standing(approval, now),
                *words(approval),
            ],
        )

    def note(self, text: str, *, tone: str = "quiet") -> None:
        """A remark."""
        self.close()
        self._print(Text(visible(text, limit=WHOLE), _STYLES[tone]))

    def line(self, line: Line) -> None:
        """A labelled line; what does not fit goes on under the text, not under the label."""
        if not self.is_terminal:
            self._print(Text(f"{line.label}: {_indented(line.text)}"))
            return
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=_LABEL_WIDTH, justify="right", style="dim")
        grid.add_column(overflow="fold")
        grid.add_row(Text(line.label), Text(line.text, _STYLES[line.tone]))
        self._print(grid)

    def table(self, columns: Sequence[str], entries: Sequence[Entry], *, nothing: str) -> None:
        """A table at a terminal; in a pipe one line each, cells parted by tabs."""
        self.close()
        if not entries:
            self._err.print(Text(nothing, "dim"))
        elif not self.is_terminal:
            for _, cells in entries:
                # Written as it is: rich would turn the tabs into spaces.
                self._out.file.write("\t".join(one_line(cell, limit=WHOLE) for cell in cells) + "\n")
        else:
            table = Table(box=ROUNDED, header_style="dim", border_style="dim")
            for column in columns:
                table.add_column(column, overflow="fold")
            for _, cells in entries:
                table.add_row(*(Text(visible(cell, limit=WHOLE)) for cell in cells))
            self._print(table)

    def error(self, error: NexusError, *, code: int) -> None:  # noqa: ARG002 - the shell gets the code
        """One red line, and what to do about it."""
        self.close()
        line = Text("error: ", "bold red") + Text(one_line(error.message, limit=600), "red")
        self._err.print(line, soft_wrap=True)
        if error.remedy:
            self._err.print(Text(one_line(error.remedy, limit=600)), soft_wrap=True)

    def working(self, what: str | None) -> None:
        """Turn the spinner, with a word on what it turns for; None stops it."""
        if what is None or not self.is_terminal:
            self.close()
        elif self._spinner is None:
            self._spinner = self._out.status(Text(what, "dim"), spinner="dots")
            self._spinner.start()
        else:
            self._spinner.update(Text(what, "dim"))

    def close(self) -> None:
        """Stop the spinner, so that the terminal is free."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None

    def _box(self, title: str, shown: Sequence[Row], facts: Sequence[str]) -> None:
        if not self.is_terminal:
            self._print(Text(title))
            for row in shown:
                self._print(Text(f"  {one_line(row.name)}: {_indented(row.value)}  [{row.origin}]"))
            for fact in facts:
                self._print(Text(f"  {fact}"))
            return
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("argument", style="cyan", overflow="fold")
        table.add_column("value", overflow="fold", ratio=1)
        table.add_column("came from", style="dim")
        for row in shown:
            table.add_row(Text(row.name), Text(row.value), Text(row.origin))
        body: list[RenderableType] = [table if shown else Text("no arguments", "dim"), Text("")]
        body += [Text(fact, "dim") for fact in facts]
        self._print(
            Panel(Group(*body), title=Text(title, "bold yellow"), title_align="left", border_style="yellow")
        )

    def _print(self, content: RenderableType) -> None:
        self._out.print(content, soft_wrap=not self.is_terminal)


def _indented(text: str) -> str:
    """Text whose later lines cannot be taken for lines of the program's own."""
    return text.replace("\n", "\n      ")
