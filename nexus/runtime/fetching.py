"""Weights on their way while a server runs: one download at a time, watched by whoever looks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from nexus.errors import Conflict, NexusError
from nexus.models.sources import usual_sources
from nexus.models.weights import KnownModel, Source, pull
from nexus.runtime.failures import where
from nexus.settings import Settings

_log = logging.getLogger("nexus.weights")

FetchState = Literal["fetching", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Fetch:
    """How one download stands.

    Attributes:
        model: The weights' name.
        done: Bytes that are here.
        total: Bytes that there are.
        source: Where they come from, once that is known.
        problem: Why it failed.
        remedy: What to do about that.
    """

    model: str
    state: FetchState
    done: int
    total: int
    source: str | None = None
    problem: str | None = None
    remedy: str | None = None

    @property
    def percent(self) -> int:
        """How much of it is here: 100 only at the end."""
        return 100 if self.state == "done" else min(99, 100 * self.done // self.total)


class _Stopped(Exception):
    """Somebody wants no more of it."""


SourcesOf = Callable[[Settings], Sequence[Source]]


def _usual(settings: Settings) -> Sequence[Source]:
    return usual_sources(ollama_url=settings.ollama_url, hub_url=settings.hub_url)


class Fetching:
    """Fetches weights beside the requests of a server.

    It runs in a thread that the end of the process does not wait for: what has come is on disk, and the next
    try goes on with it.

    Args:
        settings: Say where the weights are kept.
        sources: Where they may come from.
    """

    def __init__(self, settings: Settings, sources: SourcesOf = _usual) -> None:
        self._settings = settings
        self._sources = sources
        self._changing = threading.Lock()
        self._latest: Fetch | None = None
        self._stop = threading.Event()

    @property
    def latest(self) -> Fetch | None:
        """The download that is under way, or the last one; None if there was none."""
        return self._latest

    def start(self, model: KnownModel) -> Fetch:
        """Fetch the weights; if they are being fetched already, that goes on.

        Raises:
            Conflict: Others are being fetched.
        """
        with self._changing:
            if self._latest is not None and self._latest.state == "fetching":
                if self._latest.model != model.name:
                    raise Conflict(
                        f"{self._latest.model} is being fetched.", remedy="Wait for its end, or stop it."
                    )
                return self._latest
            self._latest, self._stop = Fetch(model.name, "fetching", 0, model.size), threading.Event()
            worker = threading.Thread(
                target=self._fetch, args=(model, self._stop), name="nexus-weights", daemon=True
            )
            worker.start()
            return self._latest

    def stop(self) -> Fetch | None:
        """Fetch no more, from the next sign of progress on; what has come is kept."""
        with self._changing:
            if self._latest is not None and self._latest.state == "fetching":
                self._stop.set()
                self._latest = replace(self._latest, state="stopped")
            return self._latest

    def _fetch(self, model: KnownModel, stop: threading.Event) -> None:
        def on_progress(done: int, total: int, source: str) -> None:
            if stop.is_set():
                raise _Stopped
            self._set(stop, done=done, total=total, source=source)

        try:
            pull(model, self._settings.models_dir, self._sources(self._settings), on_progress)
        except _Stopped:
            pass
        except NexusError as error:
            self._set(stop, state="failed", problem=error.message, remedy=error.remedy)
        # The thread's end: whatever it is, whoever watches has to be told that nothing more comes.
        except Exception as error:  # noqa: BLE001
            _log.error("the weights of %s were not fetched: %s", model.name, where(error))
            self._set(stop, state="failed", problem="Nexus failed inside; its log says where.", remedy=None)
        else:
            self._set(stop, state="done", done=model.size)

    def _set(self, stop: threading.Event, **facts: object) -> None:
        """Change what is told of the download that this stop belongs to, unless it was stopped meanwhile."""
        with self._changing:
            if self._latest is not None and stop is self._stop and not stop.is_set():
                self._latest = replace(self._latest, **facts)  # type: ignore[arg-type]  # the fields' own names
