"""The tool index: words and meaning together, over every enabled tool, on this machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from nexus.core.tool import ToolSpec
from nexus.errors import NexusError
from nexus.ports.embeddings import Embedder
from nexus.ports.index import ANYONE, Hit, Scope
from nexus.tools import search_text
from nexus.tools.catalogue import Catalogue, Entry, no_tools, no_words
from nexus.tools.examples import ExampleVectors
from nexus.tools.first_pass import first_pass_over
from nexus.tools.fusion import Asked
from nexus.tools.ranking import best
from nexus.tools.vectors import VectorCache
from nexus.tools.words_file import read_words, write_words

_log = logging.getLogger(__name__)

_PIECE = 256  # texts embedded between two reports of progress
_ROUND = 16 * _PIECE  # texts embedded between two writes of the cache

Progress = Callable[[int, int], None]
"""Called on the event loop with the number of tools that have a vector, and of all tools."""

_PATIENCE = 3.0  # seconds a search waits for vectors that are being built
_WORTH_WAITING = 1_000  # tools without a vector up to which it waits: about what is built in that time


class HybridIndex:
    """Local search by words (BM25) and, once their vectors are built, by meaning.

    `update` returns when the tools are findable by words; vectors are built behind it, incrementally.
    Without an embedder, or when it fails, search goes by words alone and `failure` says why.
    What can be kept between processes is, in `cache_dir`: a damaged file there costs time, never an error.
    """

    def __init__(
        self, embedder: Embedder | None, cache_dir: Path | None, *, on_progress: Progress | None = None
    ) -> None:
        self._embedder = embedder
        self._cache_dir = cache_dir
        self._on_progress = on_progress
        self._catalogue: Catalogue | None = None
        self._vectors: VectorCache | None = None
        self._examples = ExampleVectors(embedder) if embedder else None
        self._changing = asyncio.Lock()
        self._building: asyncio.Task[None] | None = None
        self.failure: NexusError | None = None

    async def update(self, tools: Sequence[ToolSpec]) -> None:
        """Make exactly these tools findable. Unchanged ones cost nothing."""
        async with self._changing:
            self._catalogue = await asyncio.to_thread(self._updated, tools)
        if self._embedder is not None and self._vectors is not None:
            self._start_building(self._embedder, self._vectors)

    async def search(self, query: str, *, limit: int = 15, scope: Scope = ANYONE) -> Sequence[Hit]:
        """The best `limit` tools for `query`, best first. An empty query finds nothing."""
        await self._soon_ready()
        catalogue = self._catalogue
        if catalogue is None or limit < 1 or not search_text.words(query):
            return ()
        query = search_text.asked(query)
        texts = [query, *search_text.sentences(query)]
        asked = await self._asked(texts, scope) if catalogue.has_meaning else Asked(texts)
        return await asyncio.to_thread(best, catalogue, asked, scope.connected, limit)

    async def _asked(self, texts: Sequence[str], scope: Scope) -> Asked:
        """The texts with their vectors and the user's examples; without them if none can be had."""
        if self._examples is None:
            return Asked(texts)
        examples = {tool: [*map(search_text.asked, each)] for tool, each in scope.examples.items()}
        try:
            return Asked(texts, *await self._examples.embed(texts, examples))
        except NexusError as error:
            self.failure = error
            return Asked(texts)

    async def _soon_ready(self) -> None:
        """Wait a little for vectors that are being built: a small catalogue has them in a second."""
        building, catalogue = self._building, self._catalogue
        if building is None or building.done() or catalogue is None:
            return
        if 0 < catalogue.without_vector <= _WORTH_WAITING:
            await asyncio.wait([building], timeout=_PATIENCE)

    async def ready(self) -> None:
        """Wait until every tool has its vector; raises what prevents that."""
        while (building := self._building) is not None and not building.done():
            await asyncio.wait([building])
        if building is not None and not building.cancelled():
            building.result()
        if self.failure is not None:
            raise self.failure

    async def close(self) -> None:
        """Stop building vectors; what is built so far is kept."""
        if self._building is not None:
            self._building.cancel()
            await asyncio.wait([self._building])
        if self._vectors is not None and self._catalogue is not None:
            await asyncio.to_thread(self._vectors.store, self._catalogue.vector_keys)

    def _updated(self, tools: Sequence[ToolSpec]) -> Catalogue:
        """The catalogue of exactly `tools`; the present one if they are the same."""
        current = self._catalogue
        known = current.words if current else read_words(self._cache_dir) or no_words()
        catalogue = (current or no_tools()).with_tools({tool.slug: tool for tool in tools}, known)
        if catalogue.words is not known and catalogue.entries:
            write_words(self._cache_dir, catalogue.words)
        if self._embedder is None or catalogue is current:
            return catalogue
        if self._vectors is None:
            self._vectors = VectorCache(self._embedder, self._cache_dir)
        return _with_vectors(catalogue, self._vectors)

    def _start_building(self, embedder: Embedder, vectors: VectorCache) -> None:
        if self._building is None or self._building.done():
            self._building = asyncio.create_task(self._build(embedder, vectors), name="tool-vectors")

    async def _build(self, embedder: Embedder, vectors: VectorCache) -> None:
        """Embed what has no vector until nothing is left, also of tools that come meanwhile."""
        self.failure = None
        try:
            while absent := self._absent(vectors):
                await self._build_round(embedder, vectors, absent)
            await self._quicken()
        except NexusError as error:
            self.failure = error
            _log.warning("tools are searched by words alone: %s", error)

    def _absent(self, vectors: VectorCache) -> list[Entry]:
        if self._catalogue is None:
            return []
        return [entry for entry in self._catalogue.entries.values() if entry.vector_key not in vectors]

    async def _build_round(self, embedder: Embedder, vectors: VectorCache, absent: list[Entry]) -> None:
        """Embed a part of `absent`, keep it, and let search use it."""
        absent.sort(key=lambda entry: len(entry.spec.description))
        for start in range(0, min(len(absent), _ROUND), _PIECE):
            piece = absent[start : start + _PIECE]
            embedded = await embedder.embed([search_text.dense_text(entry.spec) for entry in piece])
            async with self._changing:
                vectors.add([entry.vector_key for entry in piece], embedded)
            self._report(len(absent) - start - len(piece))
        async with self._changing:
            if self._catalogue is not None:
                self._catalogue = await asyncio.to_thread(_stored, self._catalogue, vectors)

    async def _quicken(self) -> None:
        """Make the first pass over many vectors; until then, search reads all of them."""
        async with self._changing:
            if self._catalogue is not None and self._catalogue.first_pass is None:
                made = await asyncio.to_thread(first_pass_over, self._catalogue.matrix)
                self._catalogue = replace(self._catalogue, first_pass=made)

    def _report(self, absent: int) -> None:
        if self._on_progress is not None and self._catalogue is not None:
            total = len(self._catalogue.slugs)
            self._on_progress(max(total - absent, 0), total)


def _stored(catalogue: Catalogue, vectors: VectorCache) -> Catalogue:
    vectors.store(catalogue.vector_keys)
    return _with_vectors(catalogue, vectors)


def _with_vectors(catalogue: Catalogue, vectors: VectorCache) -> Catalogue:
    matrix, rows = vectors.rows_of(catalogue.vector_keys)
    return replace(catalogue, matrix=matrix, rows=rows, first_pass=None)
