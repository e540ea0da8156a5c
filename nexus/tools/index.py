"""The tool index: words and meaning together, over every enabled tool, on this machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nexus.core.tool import ToolSpec
from nexus.errors import NexusError
from nexus.ports.embeddings import Embedder, Matrix
from nexus.ports.index import Hit
from nexus.tools import search_text
from nexus.tools.lexical import Lexical, Terms, Vocabulary
from nexus.tools.vectors import Rows, VectorCache

_log = logging.getLogger(__name__)

DENSE_WEIGHT = 0.7
"""Share of meaning in the score, the rest is words (measured)."""

_PIECE = 256  # texts embedded between two reports of progress
_ROUND = 16 * _PIECE  # texts embedded between two writes of the cache
_MOST_ABSENT = 0.1  # share of tools that may lack a vector before search goes by words alone

Progress = Callable[[int, int], None]
"""Called on the event loop with the number of tools that have a vector, and of all tools."""

_PATIENCE = 3.0  # seconds a search waits for vectors that are being built


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """What is kept of one tool."""

    spec: ToolSpec
    key: bytes
    terms: Terms


@dataclass(frozen=True, slots=True, eq=False)
class _Snapshot:
    """One state of the index. Never changed, only replaced, so a search sees one state throughout."""

    entries: dict[str, _Entry]
    slugs: tuple[str, ...]
    keys: Sequence[bytes]
    lexical: Lexical
    matrix: Matrix | None = None
    rows: Rows | None = None

    @property
    def has_meaning(self) -> bool:
        """True if enough tools have a vector for search to use them."""
        if self.rows is None or not len(self.rows):
            return False
        return bool(np.mean(self.rows < 0) <= _MOST_ABSENT)


class HybridIndex:
    """Local search by words (BM25) and, once their vectors are built, by meaning.

    `update` returns when the tools are findable by words; vectors are built behind it, incrementally.
    Without an embedder, or when it fails, search goes by words alone and `failure` says why.
    """

    def __init__(
        self, embedder: Embedder | None, cache_dir: Path | None, *, on_progress: Progress | None = None
    ) -> None:
        self._embedder = embedder
        self._cache_dir = cache_dir
        self._on_progress = on_progress
        self._vocabulary = Vocabulary()
        self._snapshot = _Snapshot({}, (), (), Lexical([], self._vocabulary))
        self._vectors: VectorCache | None = None
        self._changing = asyncio.Lock()
        self._building: asyncio.Task[None] | None = None
        self.failure: NexusError | None = None

    async def update(self, tools: Sequence[ToolSpec]) -> None:
        """Make exactly these tools findable. Unchanged ones cost nothing."""
        async with self._changing:
            current = self._snapshot
            snapshot = await asyncio.to_thread(self._indexed, {tool.slug: tool for tool in tools}, current)
            if self._embedder is not None and self._vectors is None:
                self._vectors = await asyncio.to_thread(VectorCache, self._embedder, self._cache_dir)
            if self._vectors is not None and snapshot is not current:
                snapshot = await asyncio.to_thread(_with_vectors, snapshot, self._vectors)
            self._snapshot = snapshot
        if self._embedder is not None and self._vectors is not None:
            self._start_building(self._embedder, self._vectors)

    async def search(self, query: str, *, limit: int = 15) -> Sequence[Hit]:
        """The best `limit` tools for `query`, best first. An empty query finds nothing."""
        await self._soon_ready()
        snapshot = self._snapshot
        if limit < 1 or not search_text.words(query):
            return ()
        vector = await self._embedded(query) if snapshot.has_meaning else None
        return await asyncio.to_thread(_best, snapshot, query, vector, limit)

    async def _soon_ready(self) -> None:
        """Wait a little for vectors that are being built: a small catalogue has them in a second."""
        if self._building is not None and not self._building.done():
            await asyncio.wait([self._building], timeout=_PATIENCE)

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
        if self._vectors is not None:
            await asyncio.to_thread(self._vectors.store, self._snapshot.keys)

    def _indexed(self, tools: dict[str, ToolSpec], current: _Snapshot) -> _Snapshot:
        """The snapshot of `tools` by words; `current` itself if they are the same."""
        entries = {slug: self._entry(tool, current.entries.get(slug)) for slug, tool in tools.items()}
        if list(entries.values()) == list(current.entries.values()):
            return current
        lexical = Lexical([entry.terms for entry in entries.values()], self._vocabulary)
        return _Snapshot(entries, tuple(entries), [entry.key for entry in entries.values()], lexical)

    def _entry(self, spec: ToolSpec, known: _Entry | None) -> _Entry:
        if known is not None and known.spec == spec:
            return known
        terms = self._vocabulary.learn(search_text.lexical_text(spec))
        return _Entry(spec, search_text.dense_key(spec), terms)

    def _start_building(self, embedder: Embedder, vectors: VectorCache) -> None:
        if self._building is None or self._building.done():
            self._building = asyncio.create_task(self._build(embedder, vectors), name="tool-vectors")

    async def _build(self, embedder: Embedder, vectors: VectorCache) -> None:
        """Embed what has no vector until nothing is left, also of tools that come meanwhile."""
        self.failure = None
        try:
            while absent := [entry for entry in self._snapshot.entries.values() if entry.key not in vectors]:
                await self._build_round(embedder, vectors, absent)
        except NexusError as error:
            self.failure = error
            _log.warning("tools are searched by words alone: %s", error)

    async def _build_round(self, embedder: Embedder, vectors: VectorCache, absent: list[_Entry]) -> None:
        """Embed a part of `absent`, keep it, and let search use it."""
        absent.sort(key=lambda entry: len(entry.spec.description))
        for start in range(0, min(len(absent), _ROUND), _PIECE):
            piece = absent[start : start + _PIECE]
            embedded = await embedder.embed([search_text.dense_text(entry.spec) for entry in piece])
            async with self._changing:
                vectors.add([entry.key for entry in piece], embedded)
            self._report(len(absent) - start - len(piece))
        async with self._changing:
            await asyncio.to_thread(vectors.store, self._snapshot.keys)
            self._snapshot = await asyncio.to_thread(_with_vectors, self._snapshot, vectors)

    def _report(self, absent: int) -> None:
        if self._on_progress is not None:
            total = len(self._snapshot.slugs)
            self._on_progress(max(total - absent, 0), total)

    async def _embedded(self, query: str) -> Matrix | None:
        """The vector of `query`; None if there is none to be had."""
        if self._embedder is None:
            return None
        try:
            return (await self._embedder.embed([query]))[0]
        except NexusError as error:
            self.failure = error
            return None


def _with_vectors(snapshot: _Snapshot, vectors: VectorCache) -> _Snapshot:
    matrix, rows = vectors.rows_of(snapshot.keys)
    return replace(snapshot, matrix=matrix, rows=rows)


def _best(snapshot: _Snapshot, query: str, vector: Matrix | None, limit: int) -> Sequence[Hit]:
    """The best tools by words, and by meaning if there is a vector to compare with."""
    scores = _share_of_best(snapshot.lexical.scores(query))
    if vector is None:
        limit = min(limit, int(np.count_nonzero(scores)))
    else:
        scores = _fused(snapshot, scores, vector)
    best = _highest(scores, limit)
    top = float(scores[best[0]]) if len(best) else 1.0
    return tuple(Hit(snapshot.slugs[place], float(scores[place]) / (top or 1.0)) for place in best)


def _fused(snapshot: _Snapshot, by_words: Matrix, vector: Matrix) -> Matrix:
    """Words and meaning together; a tool without a vector is judged by its words alone."""
    if snapshot.matrix is None or snapshot.rows is None:
        return by_words
    present = snapshot.rows >= 0
    by_meaning = by_words.copy()
    by_meaning[present] = _spread((snapshot.matrix @ vector)[snapshot.rows[present]])
    return (DENSE_WEIGHT * by_meaning + (1 - DENSE_WEIGHT) * by_words).astype(np.float32)


def _share_of_best(scores: Matrix) -> Matrix:
    """Scores from 0 (no word in common) to 1 (the best match)."""
    top = scores.max(initial=0)
    return scores / top if top > 0 else scores


def _spread(scores: Matrix) -> Matrix:
    """Scores stretched from 0 (the worst) to 1 (the best)."""
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.ones_like(scores)


def _highest(scores: Matrix, limit: int) -> npt.NDArray[np.int64]:
    """The places of the `limit` highest scores, highest first."""
    limit = min(limit, len(scores))
    if limit == 0:
        return np.zeros(0, np.int64)
    places = np.argpartition(-scores, limit - 1)[:limit]
    return places[np.argsort(-scores[places], kind="stable")]
