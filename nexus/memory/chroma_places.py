"""Where Chroma keeps its collections: a folder of one user's own, or a server."""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx
from filelock import FileLock, Timeout

from nexus.errors import SettingsInvalid, StoreUnavailable

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

Result = TypeVar("Result")

SECONDS = 20.0
"""How long an answer of the server, or another process's turn at the folder, may take."""

FOLDER_MODE = 0o700
_DEFAULT_PORT = 8000
_TROUBLE = (
    *(httpx.HTTPError, OSError, subprocess.SubprocessError),
    *(ValueError, LookupError, TypeError, struct.error),
)
"""Of the disk, of the server, of a process, and of files and answers that are not as Chroma writes them."""

_INDEX_HEADER = struct.Struct("<i4Q")
"""Of hnswlib: version, an offset, places, places that are taken, bytes of each."""


class ChromaPlace(Protocol):
    """Lets jobs talk to Chroma, which blocks, in threads. Whatever fails is StoreUnavailable."""

    async def run(self, job: Callable[[ClientAPI], Result]) -> Result:
        """What `job` returns."""
        ...

    async def purge(self, memories: Sequence[str]) -> None:
        """Overwrite what the files still hold of deleted memories, where the files are ours."""
        ...


class ChromaFolder:
    """Embedded: Chroma's files in one folder.

    Chroma knows of one process. Several may use the folder here: each takes its turn under a lock of the
    folder, and opens it anew if another has had a turn since.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = asyncio.Lock()
        self._client: ClientAPI | None = None
        self._seen = ""

    async def run(self, job: Callable[[ClientAPI], Result]) -> Result:
        """What `job` returns, while nobody else uses the folder."""
        async with self._turn:
            return await asyncio.to_thread(self._run, job)

    async def purge(self, memories: Sequence[str]) -> None:
        """In a process of its own: two copies of SQLite in one process would undo each other's locks."""
        async with self._turn:
            await asyncio.to_thread(self._purge, memories)

    async def close(self) -> None:
        """Let go of the files."""
        async with self._turn:
            await asyncio.to_thread(self._close)

    def _run(self, job: Callable[[ClientAPI], Result]) -> Result:
        with _named_trouble("The Chroma folder"), self._alone():
            try:
                return job(self._opened())
            finally:
                for header in self._path.glob("*/header.bin"):
                    _blank_unused(header)

    def _opened(self) -> ClientAPI:
        turn = self._path / "nexus.turn"
        seen = turn.read_text() if turn.exists() else ""
        if self._client is None or seen != self._seen:
            self._close()
            from chromadb import PersistentClient  # noqa: PLC0415 - optional, and slow to import

            self._client = PersistentClient(str(self._path), settings=quiet_settings())
        # Even a look may write: Chroma moves what is in its log into its index when it is asked.
        self._seen = str(int(seen or 0) + 1)
        turn.write_text(self._seen)
        return self._client

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()  # pyright: ignore[reportAttributeAccessIssue] - not in the protocol
            self._client = None

    def _purge(self, memories: Sequence[str]) -> None:
        with _named_trouble("The Chroma folder"), self._alone():
            self._close()
            done = subprocess.run(  # noqa: S603 - our own module
                [sys.executable, "-m", "nexus.memory.chroma_purge", str(self._path / "chroma.sqlite3")],
                input="\n".join(memories),
                capture_output=True,
                text=True,
                timeout=SECONDS * 10,
                check=False,
            )
        if done.returncode:
            raise StoreUnavailable(
                "What was forgotten could not be overwritten in Chroma's file"
                f" ({(done.stderr.strip().splitlines() or ['no reason given'])[-1]}).",
                remedy="Free disk space, then forget it again.",
                retry_after=5.0,
            )

    @contextmanager
    def _alone(self) -> Generator[None]:
        try:
            self._path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            with FileLock(self._path / "nexus.lock", timeout=SECONDS, mode=0o600):
                yield
        except Timeout:
            raise StoreUnavailable(
                f"Another process has used the Chroma folder for more than {SECONDS:.0f} seconds.",
                retry_after=5.0,
            ) from None


class ChromaServer:
    """A Chroma server, reached over HTTP.

    Args:
        url: Where it listens.
        token: Sent as a bearer token, if it asks for one.
    """

    def __init__(self, url: str, token: str | None = None, *, timeout: float = SECONDS) -> None:
        self._url = urlsplit(url)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = timeout
        self._connecting = asyncio.Lock()
        self._client: ClientAPI | None = None

    async def run(self, job: Callable[[ClientAPI], Result]) -> Result:
        """What `job` returns."""
        async with self._connecting:
            client = self._client = self._client or await asyncio.to_thread(self._connected)
        return await asyncio.to_thread(self._run, job, client)

    async def purge(self, memories: Sequence[str]) -> None:
        """Nothing: the files are the server's."""

    async def close(self) -> None:
        """Let go of the connections."""
        client, self._client = self._client, None
        if client is not None:
            sessions = _sessions_of(client)
            client.close()  # pyright: ignore[reportAttributeAccessIssue] - not in the protocol
            for session in sessions:
                session.close()

    def _run(self, job: Callable[[ClientAPI], Result], client: ClientAPI) -> Result:
        with _named_trouble("The Chroma server"):
            return job(client)

    def _connected(self) -> ClientAPI:
        with _named_trouble("The Chroma server"):
            _reach_directly(self._url.hostname or "")
            # The client asks the server for its tenant as it is made, and never gives up waiting.
            alive = f"{self._url.geturl()}/api/v2/heartbeat"
            httpx.get(alive, timeout=self._timeout, headers=self._headers).raise_for_status()
            from chromadb import HttpClient  # noqa: PLC0415 - optional, and slow to import

            client = HttpClient(
                host=self._url.hostname or "",
                port=self._url.port or (443 if self._url.scheme == "https" else _DEFAULT_PORT),
                ssl=self._url.scheme == "https",
                headers=self._headers,
                settings=quiet_settings(),
            )
            # It waits for ever, and has no setting for it.
            for session in _sessions_of(client):
                session.timeout = httpx.Timeout(self._timeout)
            return client


def quiet_settings() -> Any:
    """Chroma's settings with nothing that tells anybody anything, whatever the environment says."""
    from chromadb.config import Settings  # noqa: PLC0415 - optional

    return Settings(
        anonymized_telemetry=False,
        chroma_otel_collection_endpoint="",
        chroma_product_telemetry_impl="nexus.memory.chroma_silence.Silence",
        chroma_telemetry_impl="nexus.memory.chroma_silence.Silence",
    )


@asynccontextmanager
async def open_chroma(where: Path | str, token: str | None = None) -> AsyncGenerator[ChromaPlace]:
    """The folder, or the server at a URL; closed at the end.

    Raises:
        SettingsInvalid: Chroma is not installed.
    """
    require_chroma()
    place = ChromaFolder(where) if isinstance(where, Path) else ChromaServer(where, token)
    try:
        yield place
    finally:
        await place.close()


def require_chroma() -> None:
    """Raise SettingsInvalid if Chroma is not installed."""
    try:
        import_module("langchain_chroma")
    except ImportError as error:
        raise SettingsInvalid(
            f"Chroma needs the package {error.name}, which is not installed",
            field="NEXUS_MEMORY",
            remedy="Install the chroma extra: pip install 'nexus-agent[chroma]'; or set it to sqlite.",
        ) from error


def _blank_unused(header: Path) -> None:
    """Overwrite the places of an index's files that no vector is in yet.

    Chroma's index (hnswlib) writes them as its memory happens to be: with what this process had there before,
    a text in clear or what was forgotten.
    """
    _, _, _, count, size = _INDEX_HEADER.unpack_from(header.read_bytes())
    for name, width in (("data_level0.bin", size), ("length.bin", 4)):
        with header.with_name(name).open("r+b") as file:
            file.seek(count * width)
            if any(rest := file.read()):
                file.seek(count * width)
                file.write(bytes(len(rest)))


def _reach_directly(host: str) -> None:
    """Whatever proxy the environment names: memories go to the server and to nobody else."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if host not in known.split(","):
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, (known, host)))


def _sessions_of(client: Any) -> list[httpx.Client]:
    """The connections of a client. Chroma has no public way to them, nor closes them itself."""
    return [each._server._session for each in (client, client._admin_client)]  # noqa: SLF001


@contextmanager
def _named_trouble(what: str) -> Generator[None]:
    from chromadb.errors import ChromaError, InternalError  # noqa: PLC0415 - optional

    try:
        yield
    except (*_TROUBLE, ChromaError, InternalError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise StoreUnavailable(
            f"{what} cannot be used right now ({reason}).",
            remedy="Check NEXUS_MEMORY and the disk it is on.",
            retry_after=5.0,
        ) from error
