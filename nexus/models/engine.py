"""llama.cpp in this process: one engine for one file, one call at a time, in the order they came."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from nexus.errors import ModelMissing, ModelUnavailable
from nexus.models.gguf import read_header

OnEvent = Callable[[Mapping[str, Any]], bool]
"""Takes one event of the stream, in the engine's thread; True means enough."""


class Server(Protocol):
    """The part of `xllamacpp.Server` that is used."""

    def handle_chat_completions(self, request: dict[str, Any], callback: OnEvent, /) -> None:
        """Blocks until done or until the callback says enough."""
        ...


# A call that is cancelled while its prompt is read stops after this many; larger batches read no faster.
BATCH = 256
PROMPT_CACHE_MIB = 512
_SILENT = -1
_LOOK = 0.3
_PULL = "Get one with: nexus model pull"


class EmbeddedEngine:
    """The weights in `file`, loaded on first use. Share one object: each holds its own copy in memory.

    Args:
        file: A GGUF file.
        num_ctx: The context window in tokens.
        threads: Threads that compute; by default as many as there are idle cores when it loads.
    """

    def __init__(self, file: Path, *, num_ctx: int, threads: int | None = None) -> None:
        self.file = file
        self.num_ctx = num_ctx
        self._threads = threads
        self._server: Server | None = None
        self._closed = threading.Event()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="nexus-model")

    async def chat(self, request: Mapping[str, Any], on_event: OnEvent, *, seconds: float) -> None:
        """Run a streamed chat completion, handing each event to `on_event`, until it says enough.

        `seconds` count from when the call's turn comes. A cancelled call that waits is taken out of the
        queue, one that runs stops at its next token or batch of its prompt.

        Raises:
            ModelMissing, ModelUnavailable: The engine cannot load, or not finish in time.
        """
        stop = threading.Event()
        if self._closed.is_set():
            raise ModelUnavailable("The embedded model was closed.")
        turn = self._worker.submit(self._run, dict(request), on_event, stop, seconds)
        try:
            await asyncio.wrap_future(turn)
        finally:
            stop.set()

    async def close(self) -> None:
        """Stop what runs and free the memory."""
        if self._closed.is_set():
            return
        self._closed.set()
        await asyncio.wrap_future(self._worker.submit(self._unload))
        self._worker.shutdown(wait=False)

    def _run(self, request: dict[str, Any], on_event: OnEvent, stop: threading.Event, seconds: float) -> None:
        server = self._loaded()
        deadline = time.monotonic() + seconds

        def enough(event: Mapping[str, Any]) -> bool:
            late = time.monotonic() > deadline
            return late or stop.is_set() or self._closed.is_set() or on_event(event)

        try:
            server.handle_chat_completions(request, enough)
        except (RuntimeError, ValueError) as error:
            raise ModelUnavailable(f"The embedded model failed: {error}", remedy="Try again.") from error
        if time.monotonic() > deadline:
            raise ModelUnavailable(
                f"The embedded model did not finish within {seconds:g} s.",
                remedy="Choose a smaller model, or raise NEXUS_MODEL_TIMEOUT.",
            )
        if self._closed.is_set():
            raise ModelUnavailable("The embedded model was closed.")

    def _loaded(self) -> Server:
        if self._closed.is_set():
            raise ModelUnavailable("The embedded model was closed.")
        if self._server is None:
            self._server = _load(self.file, self.num_ctx, self._threads or idle_cores())
        return self._server

    def _unload(self) -> None:
        self._server = None


def idle_cores() -> int:
    """How many cores other programs leave idle now, at least one. Looks for `_LOOK` seconds.

    llama.cpp's threads wait for each other by spinning: one too many makes it ten times slower.
    """
    import psutil  # noqa: PLC0415 - comes with the embedded engine

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    this = psutil.Process()
    this.cpu_percent()  # its next answer is about the time from here on
    busy = psutil.cpu_percent(_LOOK) * (psutil.cpu_count() or cores) - this.cpu_percent()
    return max(1, min(cores, round(cores - busy / 100)))


def _load(file: Path, num_ctx: int, threads: int) -> Server:
    read_header(file)
    try:
        import xllamacpp  # noqa: PLC0415 - 100 MB of library
    except ImportError as error:
        raise ModelMissing(
            "The embedded engine is not installed.", remedy="pip install 'nexus-agent[embedded]'"
        ) from error
    library: Any = xllamacpp
    params = library.CommonParams()
    params.model.path = str(file)
    params.n_ctx = num_ctx
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = BATCH
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.verbosity = _SILENT
    try:
        with _no_open_door(params):
            return library.Server(params)
    except RuntimeError as error:
        raise ModelUnavailable(
            f"{file.name} could not be loaded with a context of {num_ctx}.",
            remedy=f"Free some memory or lower NEXUS_NUM_CTX; else the file may be broken. {_PULL}",
        ) from error


@contextlib.contextmanager
def _no_open_door(params: Any) -> Generator[None]:
    """Keep others away from the HTTP server that the engine always starts.

    It listens on a socket in a private folder that is removed once it stands; where there are no such
    sockets, on a free loopback port behind a random key.
    """
    params.ui = params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    params.n_threads_http = 1
    params.port = 0
    params.cors_origins = ""
    params.api_keys = [secrets.token_urlsafe(32)]
    if os.name != "posix":
        yield
        return
    folder = tempfile.mkdtemp(prefix="nexus-")
    params.hostnames = [str(Path(folder) / "engine.sock")]
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
