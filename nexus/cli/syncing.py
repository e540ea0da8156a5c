"""The catalogue on its way, with a bar at a terminal and a line now and then in a pipe."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nexus.cli.exits import DONE, FAILED
from nexus.cli.session import Session
from nexus.cli.words import one_line
from nexus.errors import InvalidInput, NexusError, SettingsInvalid
from nexus.runtime.service import Service
from nexus.tools.composio.sync import Progress as OnProgress
from nexus.tools.composio.sync import Synced

_STEP = 10
"""Per cent between two lines in a pipe."""


async def sync(service: Service, session: Session, names: Sequence[str], *, every: bool) -> int:
    """Read the named toolkits (none: those that are on; `every`: all there are); the exit code.

    Raises:
        SettingsInvalid: Composio is off.
        InvalidInput: Nothing is on, and nothing is named.
        NotFound, Unavailable: As `sync_catalogue`.
    """
    if service.composio is None:
        raise SettingsInvalid(
            "Composio is off", field="COMPOSIO_API_KEY", remedy="Set it to the key of a Composio project."
        )
    wanted = None if every else frozenset(map(str.lower, names)) or await service.toolkits.wanted()
    if wanted is not None and not wanted:
        raise InvalidInput(
            "no app of Composio is on", field="NAME", remedy="Name some, or take --all; or enable some first."
        )
    with _progress() as show:
        synced = await service.composio.sync(wanted, show, must_exist=bool(names))
    await service.refresh()
    session.watcher.note(_in_words(synced, service.composio.catalogue.number_of_tools()), tone="good")
    await _make_findable(service, session)
    for toolkit, why in sorted(synced.failed.items()):
        session.watcher.note(f"{toolkit} could not be read: {one_line(why, limit=300)}", tone="bad")
    return FAILED if synced.failed else DONE


async def _make_findable(service: Service, session: Session) -> None:
    """Wait for the vectors of the tools that are on: until they are there, only words find a tool."""
    session.watcher.working("making the tools that are on findable by meaning")
    try:
        await service.parts.index.ready()
    except NexusError as error:
        session.watcher.note(f"Only words find tools: {one_line(str(error), limit=300)}", tone="warn")
    finally:
        session.watcher.close()


def _in_words(synced: Synced, total: int) -> str:
    return (
        f"Read {synced.tools:,} tools of {synced.toolkits:,} apps; {synced.unchanged:,} apps had not changed."
        f" {total:,} tools are on this machine now."
    )


@contextmanager
def _progress() -> Generator[OnProgress]:
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("apps"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("asking for the list of apps", total=None)

        def show(done: int, total: int, toolkit: str) -> None:
            progress.update(task, completed=done, total=total, description=one_line(toolkit, limit=30))

        yield show


def _lines(console: Console) -> OnProgress:
    """A line every few per cent."""
    shown = [-1]

    def show(done: int, total: int, toolkit: str) -> None:
        step = 100 * done // total // _STEP
        if step != shown[0]:
            shown[0] = step
            console.print(f"{done} of {total} apps ({one_line(toolkit)})", soft_wrap=True)

    return show
