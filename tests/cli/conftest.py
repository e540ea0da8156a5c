"""Homes for the command line's tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.console import SCRIPTED, Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home under the scripted program, in surroundings without settings of the developer's."""
    for name in [name for name in os.environ if name.startswith("NEXUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)
    return Home(tmp_path, module=SCRIPTED)


@pytest.fixture
def real(tmp_path: Path) -> Home:
    """An empty home under the program as it is shipped, on a machine without any model."""
    nowhere = {"NEXUS_MODELS_DIR": str(tmp_path / "models"), "NEXUS_OLLAMA_URL": "http://127.0.0.1:9"}
    return Home(tmp_path, variables=nowhere)
