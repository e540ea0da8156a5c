"""What tool selection is compared with, and our own behind the same face."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from langgraph.store.memory import InMemoryStore
from langgraph_bigtool.tools import get_default_retrieval_tool
from Stemmer import Stemmer

from nexus.core.tool import ToolSpec
from nexus.ports.embeddings import Embedder, Matrix
from nexus.ports.index import ANYONE, Scope
from nexus.tools import search_text
from nexus.tools.index import HybridIndex

DEPTH = 20
POOL = 100
_PIECE = 256

Search = Callable[[str], Awaitable[Sequence[str]]]
"""The slugs found for a query, best first."""


class Remembering:
    """An embedder that embeds each text once, so that every engine of a run shares the vectors.

    With a file, later runs share them too.
    """

    def __init__(self, embedder: Embedder, file: Path | None = None) -> None:
        self._embedder = embedder
        self._file = file
        self._known: dict[bytes, Matrix] = _kept(file)

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    async def embed(self, texts: Sequence[str]) -> Matrix:
        keys = [_key(text) for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        for start in range(0, len(new), _PIECE):
            piece = list(new.items())[start : start + _PIECE]
            embedded = await self._embedder.embed([text for _, text in piece])
            self._known.update(zip((key for key, _ in piece), embedded, strict=True))
        return np.array([self._known[key] for key in keys], np.float32)

    def keep(self) -> None:
        """Write down what was embedded."""
        if self._file is not None:
            keys = np.frombuffer(b"".join(self._known), "V16")
            np.savez(self._file, keys=keys, vectors=np.array(list(self._known.values())))


def _kept(file: Path | None) -> dict[bytes, Matrix]:
    if file is None or not file.exists():
        return {}
    with np.load(file) as kept:
        return dict(zip((key.tobytes() for key in kept["keys"]), kept["vectors"], strict=True))


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def words_alone(tools: Sequence[ToolSpec]) -> Search:
    """bm25s as its README shows it, over `name: description`."""
    index = bm25s.BM25()
    documents = [f"{tool.title}: {tool.description}" for tool in tools]
    index.index(bm25s.tokenize(documents, stopwords="en", show_progress=False), show_progress=False)
    return _retrieving(index, tools, _tokens)


def _tokens(query: str) -> Any:
    return bm25s.tokenize(query, stopwords="en", show_progress=False)


def tuned_words(tools: Sequence[ToolSpec]) -> Search:
    """bm25s at its best here: names split, words stemmed, toolkit and parameters in the text, b = 0.4."""
    index, stemmer = bm25s.BM25(b=0.4), Stemmer("english")

    def tokens(texts: Sequence[str]) -> Any:
        split = [" ".join(search_text.words(search_text.with_parts(text))) for text in texts]
        return bm25s.tokenize(split, stopwords="en", stemmer=stemmer, show_progress=False)

    index.index(tokens([search_text.lexical_text(tool) for tool in tools]), show_progress=False)
    return _retrieving(index, tools, lambda query: tokens([query]))


def _retrieving(index: bm25s.BM25, tools: Sequence[ToolSpec], tokens: Callable[[str], Any]) -> Search:
    async def search(query: str) -> Sequence[str]:
        asked = tokens(query)
        if not asked.ids[0]:
            return ()
        found, scores = index.retrieve(asked, k=min(POOL, len(tools)), show_progress=False)
        return [tools[place].slug for place, score in zip(found[0], scores[0], strict=True) if score > 0]

    return search


async def meaning_alone(tools: Sequence[ToolSpec], embedder: Embedder) -> Search:
    """MiniLM's cosine alone, over the texts our index embeds."""
    matrix = await embedder.embed([search_text.dense_text(tool) for tool in tools])

    async def search(query: str) -> Sequence[str]:
        scores = matrix @ (await embedder.embed([query]))[0]
        return [tools[place].slug for place in np.argsort(-scores, kind="stable")[:POOL]]

    return search


def reciprocal_ranks(searches: Sequence[Search]) -> Search:
    """The usual fusion of ranked lists, k = 60."""

    async def search(query: str) -> Sequence[str]:
        scores: dict[str, float] = {}
        for each in searches:
            for rank, slug in enumerate(await each(query), start=1):
                scores[slug] = scores.get(slug, 0.0) + 1 / (60 + rank)
        return sorted(scores, key=lambda slug: -scores[slug])

    return search


async def bigtool(tools: Sequence[ToolSpec], embedder: Embedder) -> Search:
    """langgraph-bigtool's default retrieval, over the store and the texts of its README.

    Only its limit of 2 is raised, so that there is a recall at 20. The same embedder as everybody's.
    """

    async def embed(texts: Sequence[str]) -> Any:
        return list(await embedder.embed(texts))  # arrays, not lists: the store would spend a second a query

    index: Any = {"embed": embed, "dims": embedder.dimensions, "fields": ["description"]}
    store = InMemoryStore(index=index)
    texts = [f"{tool.title}: {tool.description}" for tool in tools]
    await embedder.embed(texts)
    for tool, text in zip(tools, texts, strict=True):
        # One by one: the store refuses a batch in which two texts are the same.
        await store.aput(("tools",), tool.slug, {"description": text})
    _, retrieve = get_default_retrieval_tool(("tools",), limit=DEPTH)

    async def search(query: str) -> Sequence[str]:
        return await retrieve(query, store=store)

    return search


def ours(index: HybridIndex, scope: Scope = ANYONE) -> Search:
    """Our index, through its public interface."""

    async def search(query: str) -> Sequence[str]:
        return [hit.slug for hit in await index.search(query, limit=DEPTH, scope=scope)]

    return search
