"""Indexes that are closed at the end of each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nexus.ports.embeddings import Embedder
from nexus.tools.index import HybridIndex
from tests.unit.tools_index.indexing import Make


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Indexes over one cache folder, closed at the end."""
    made: list[HybridIndex] = []

    def build(embedder: Embedder | None, folder: Path | None = tmp_path, **options: object) -> HybridIndex:
        made.append(HybridIndex(embedder, folder, **options))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for index in made:
        await index.close()
