"""Real weights for tests, and the one engine that holds them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.errors import Unavailable
from nexus.models.sources import usual_sources
from nexus.models.weights import is_installed, known_model, pull
from nexus.settings import default_models_dir
from tests.bench.desk_systems import MeteredEngine, Nexus

SMALL = "qwen2.5-coder-0.5b"
DEFAULT = "qwen2.5-coder-1.5b"


class Engines:
    """At most one engine at a time: each holds its weights in memory."""

    def __init__(self) -> None:
        self._engine: MeteredEngine | None = None

    def of(self, file: Path) -> MeteredEngine:
        """The engine of that file; another one is closed first."""
        if self._engine is None or self._engine.file != file:
            self.close()
            self._engine = MeteredEngine(file)
        return self._engine

    def close(self) -> None:
        """Free the memory."""
        if self._engine is not None:
            asyncio.run(self._engine.close())
            self._engine = None


@pytest.fixture(name="engines", scope="session")
def _engines() -> Iterator[Engines]:
    """The holder of the one engine."""
    pytest.importorskip("xllamacpp", reason="the embedded engine is not installed: pip install '.[embedded]'")
    engines = Engines()
    yield engines
    engines.close()


@pytest.fixture(name="default_weights", scope="session")
def _default_weights() -> Path:
    """The file of the default model, kept where users keep theirs."""
    return _weights(DEFAULT)


@pytest.fixture(name="small_weights", scope="session")
def _small_weights() -> Path:
    """The file of the smallest model, kept where users keep theirs."""
    return _weights(SMALL)


@pytest.fixture(name="default_engine")
def _default_engine(engines: Engines, default_weights: Path) -> MeteredEngine:
    """The engine with the default model."""
    return engines.of(default_weights)


@pytest.fixture(name="small_engine")
def _small_engine(engines: Engines, small_weights: Path) -> MeteredEngine:
    """The engine with the smallest model."""
    return engines.of(small_weights)


@pytest.fixture(name="nexus", scope="session")
def _nexus(tmp_path_factory: pytest.TempPathFactory) -> Nexus:
    """What is shared by every run of Nexus: the embedder, and the tool vectors it made."""
    return Nexus(tmp_path_factory.mktemp("index"))


@pytest.fixture(name="desk_time")
def _desk_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's local time is the desk's."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def _weights(name: str) -> Path:
    model, directory = known_model(name), default_models_dir()
    if is_installed(model, directory):
        return directory / model.file_name
    try:
        return pull(model, directory, usual_sources(ollama_url="http://127.0.0.1:11434"))
    except Unavailable as error:
        pytest.skip(f"the weights cannot be had: {error.message}")
