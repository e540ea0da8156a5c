"""Weights on their way, with a bar at a terminal and a line now and then in a pipe."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from nexus.cli.exits import DONE
from nexus.cli.session import Stopped
from nexus.cli.watcher import Watcher
from nexus.cli.words import one_line, size_in_words
from nexus.models.sources import usual_sources
from nexus.models.state import weights_of
from nexus.models.weights import KnownModel, OnProgress, is_installed, pull
from nexus.settings import Settings

_STEP = 10
"""Per cent between two lines in a pipe."""


async def pull_weights(
    watcher: Watcher, settings: Settings, name: str | None, *, file: Path | None = None
) -> int:
    """Make sure the weights are here; the exit code.

    Raises:
        InvalidInput: The model is not one that Nexus keeps weights of.
        Unavailable: No source could give them.
    """
    model = await weights_of(settings, name)
    if is_installed(model, settings.models_dir):
        watcher.note(f"{model.name} is here already.", tone="good")
        return DONE
    watcher.note(announcement(model, settings))
    stop = threading.Event()
    try:
        path = await asyncio.to_thread(_pull, model, settings, file, stop)
    except asyncio.CancelledError:
        stop.set()  # the thread that fetches ends at its next sign of progress
        raise
    watcher.note(f"{model.name} is here, checked by its SHA-256: {path}", tone="good")
    return DONE


def announcement(model: KnownModel, settings: Settings) -> str:
    """What will be fetched, before it is."""
    return (
        f"Fetching the weights of {model.name} ({size_in_words(model.size)}, licence {model.licence}) into"
        f" {settings.models_dir}. Ctrl-C stops; what has come is kept."
    )


def _pull(model: KnownModel, settings: Settings, file: Path | None, stop: threading.Event) -> Path:
    sources = usual_sources(ollama_url=settings.ollama_url, file=file, hub_url=settings.hub_url)
    with _progress() as show:

        def on_progress(done: int, total: int, source: str) -> None:
            if stop.is_set():
                raise Stopped
            show(done, total, source)

        return pull(model, settings.models_dir, sources, on_progress)


@contextmanager
def _progress() -> Generator[OnProgress]:
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("looking for a source", total=None)

        def show(done: int, total: int, source: str) -> None:
            progress.update(task, completed=done, total=total, description=f"from {one_line(source)}")

        yield show


def _lines(console: Console) -> OnProgress:
    """A line for each source, and one every few per cent."""
    shown: dict[str, int] = {}

    def show(done: int, total: int, source: str) -> None:
        step = 100 * done // total // _STEP
        if shown.get(source) != step:
            shown[source] = step
            console.print(f"{step * _STEP} % from {one_line(source)}", soft_wrap=True)

    return show
