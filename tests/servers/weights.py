"""The real small weights, for tests that run a model; fetched once, kept where users keep theirs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from nexus.errors import Unavailable
from nexus.models.sources import usual_sources
from nexus.models.weights import KNOWN_MODELS, is_installed, pull
from nexus.settings import default_models_dir

SMALL = KNOWN_MODELS["qwen2.5-coder-0.5b"]


def small_weights() -> Path:
    """The file of the 0.5B model; skips the test, with the reason, where it cannot be had."""
    try:
        return _fetch()
    except Unavailable as error:
        pytest.skip(f"the weights cannot be had: {error.message}")


@cache
def _fetch() -> Path:
    directory = default_models_dir()
    if is_installed(SMALL, directory):
        return directory / SMALL.file_name
    return pull(SMALL, directory, usual_sources(ollama_url="http://127.0.0.1:11434"))
