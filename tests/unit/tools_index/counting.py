"""An embedder whose vectors are counted words, so that tests can tell what it was asked."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence

import numpy as np

from nexus.errors import ModelMissing
from nexus.ports.embeddings import Matrix
from nexus.tools import search_text

DIMENSIONS = 64


class WordCounts:
    """Vectors of hashed word counts. Remembers every text; can be held back, or be missing its model."""

    def __init__(self, name: str = "word-counts") -> None:
        self.name = name
        self.dimensions = DIMENSIONS
        self.texts: list[str] = []
        self.is_missing = False
        self.was_asked = asyncio.Event()
        self.may_embed = asyncio.Event()
        self.may_embed.set()

    async def embed(self, texts: Sequence[str]) -> Matrix:
        self.was_asked.set()
        await self.may_embed.wait()
        if self.is_missing:
            raise ModelMissing
        self.texts.extend(texts)
        counts = np.full((len(texts), DIMENSIONS), 1e-3, np.float32)
        for row, text in enumerate(texts):
            for word in search_text.words(text):
                counts[row, zlib.crc32(word.encode()) % DIMENSIONS] += 1
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)
