"""Memories in Chroma, embedded or on a server, through `langchain-chroma`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nexus.core.memory import Memory, MemoryId
from nexus.errors import NotFound
from nexus.memory.chroma_places import ChromaPlace
from nexus.memory.records import Made, Record, Records, ids_of, pieces
from nexus.ports.clock import Clock
from nexus.ports.embeddings import Embedder, Matrix
from nexus.ports.memory import EVERY, Found, Which

if TYPE_CHECKING:
    from chromadb import Collection
    from chromadb.api import ClientAPI

Pairs = list[tuple[str, Any]]
"""Ids of records, and their values."""

PIECE = 1000
"""Records of one write; that many are kept all or none."""

REEMBEDDED = 32
"""Records embedded between two writes, when the embedder has changed."""

AMONG = 200
"""Records that a search looks among at most by the index, where some of the closest cannot be read."""

_INDEX: Any = {
    "hnsw": {
        "space": "cosine",
        "ef_construction": 200,
        "ef_search": AMONG,
        # With Chroma's 16 some of many texts that are alike cannot be reached.
        "max_neighbors": 64,
        # The index is written after each change: what is deleted must not stay in its file.
        "sync_threshold": 2,
        "batch_size": 2,
    }
}


class ChromaMemories:
    """Implements `nexus.ports.memory.MemoryStore`.

    Each user has collections of their own, one for each length of vectors. `delete` overwrites a record
    before it deletes it, and has the files purged where they are ours; a server's files are the server's.
    """

    def __init__(
        self,
        place: ChromaPlace,
        records: Records,
        embedder: Embedder,
        clock: Clock,
        *,
        collection: str,
    ) -> None:
        self._place = place
        self._records = records
        self._embedder = embedder
        self._clock = clock
        self._prefix = f"{collection}-"
        self._changing = asyncio.Lock()

    async def put(self, memories: Sequence[Memory]) -> None:
        """Keep them, a thousand at a time all or none, and delete what has expired."""
        kept = list({memory.id: memory for memory in memories}.values())
        rows = await self._embedder.embed([memory.text for memory in kept])
        records = [self._records.written(memory) for memory in kept]
        async with self._changing:
            await self._place.run(lambda client: self._write(client, records, rows))
        if expired := await self._place.run(self._expired):
            await self.delete(expired)

    async def get(self, memory: MemoryId) -> Memory:
        """That memory."""
        found = await self._place.run(
            lambda client: self._records.readable(self._pairs(client, ids=[memory]))
        )
        if memory not in found or found[memory].is_expired(self._clock.now()):
            raise NotFound(f"There is no memory {memory}.")
        return found[memory]

    async def search(self, text: str, *, which: Which = EVERY, limit: int = 10) -> Sequence[Found]:
        """Those closest in meaning, the closest first."""
        query = (await self._embedder.embed([text]))[0]
        where = self._records.searchable(which, self._clock.now())

        def nearest(client: ClientAPI) -> list[Found]:
            made = self._langchain(client, Made(query[None]))
            for among in dict.fromkeys((limit, max(limit, AMONG))):
                found = made.similarity_search_by_vector_with_relevance_scores(
                    query.tolist(), among, filter=where
                )
                if len(found) < among:
                    break
                read, _ = self._records.opened((document.id, document.metadata) for document, _ in found)
                if len(read) >= limit:
                    scores = {document.id: 1 - distance for document, distance in found}
                    return [Found(each, scores[memory]) for memory, each in read.items()][:limit]
            return self._exactly(client, query, where)[:limit]

        return await self._place.run(nearest)

    async def list(self, which: Which = EVERY, *, limit: int = 100, offset: int = 0) -> Sequence[Memory]:
        """Those that fit, the last updated first."""
        now = self._clock.now()
        where = self._records.where(which, now)
        found = await self._place.run(lambda client: self._read(client, self._pairs(client, where=where)))
        return self._records.latest(found.values(), which, now)[offset : offset + limit]

    async def delete(self, memories: Sequence[MemoryId]) -> int:
        """Delete them; an embedded Chroma's files hold nothing of them any more."""
        ids = ids_of(memories)
        async with self._changing:
            gone = await self._place.run(lambda client: self._delete(client, ids))
        if gone:
            await self._place.purge(gone)
        return len(gone)

    async def reembed(self, told: Callable[[int, int], None] | None = None) -> int:
        """Embed what another embedder embedded, a piece at a time, into the collection of the present one."""
        others = self._records.of_other_models()
        old, _ = await self._place.run(lambda client: self._records.opened(self._pairs(client, where=others)))
        done, kept = 0, 0
        for piece in pieces(list(old.values()), REEMBEDDED):
            rows = await self._embedder.embed([memory.text for memory in piece])
            async with self._changing:
                kept += await self._place.run(partial(self._renew, memories=piece, rows=rows))
            done += len(piece)
            if told is not None:
                told(done, len(old))
        return kept

    def _exactly(self, client: ClientAPI, query: Matrix, where: dict[str, Any]) -> list[Found]:
        """Those that fit, each compared: Chroma's index may miss some where few fit."""
        collection = client.get_collection(self._name, embedding_function=None)
        found: Any = collection.get(where=where, include=["metadatas", "embeddings"])
        rows = np.array(found["embeddings"], np.float32).reshape(-1, len(query))
        scores = dict(zip(found["ids"], (rows @ query).tolist(), strict=True))
        read = self._read(client, list(zip(found["ids"], found["metadatas"], strict=True)))
        return sorted(
            (Found(each, scores[memory]) for memory, each in read.items()), key=lambda each: -each.score
        )

    def _renew(self, client: ClientAPI, memories: Sequence[Memory], rows: Matrix) -> int:
        """Write the new vectors of those that are there as they were; how many are."""
        present, _ = self._records.opened(self._pairs(client, ids=ids_of(memories)))
        there = [row for row, memory in enumerate(memories) if present.get(memory.id) == memory]
        self._write(client, [self._records.written(memories[row]) for row in there], rows[there])
        return len(there)

    def _write(self, client: ClientAPI, records: Sequence[Record], rows: Matrix) -> None:
        for start in range(0, len(records), PIECE):
            piece, piece_rows = records[start : start + PIECE], rows[start : start + PIECE]
            made = self._langchain(client, Made(piece_rows))
            ids = [record.id for record in piece]
            made.add_texts([record.text for record in piece], [record.values for record in piece], ids)
            for collection in self._collections(client):
                if collection.name != self._name and ids:
                    collection.delete(ids=ids)

    def _read(self, client: ClientAPI, found: Pairs) -> dict[str, Memory]:
        """Those of the found ones that can be read. Raises StoreUnavailable: nothing that is kept can be."""
        read, locked = self._records.opened(found)
        if locked is not None and not read:
            self._records.readable(self._pairs(client))
        return read

    def _pairs(
        self, client: ClientAPI, *, ids: list[str] | None = None, where: dict[str, Any] | None = None
    ) -> Pairs:
        """Those of all collections; the present one's come last, so that they win."""
        pairs: Pairs = []
        for collection in self._collections(client):
            found: Any = collection.get(ids=ids, where=where, include=["metadatas"])
            pairs += zip(found["ids"], found["metadatas"], strict=True)
        return pairs

    def _expired(self, client: ClientAPI) -> list[MemoryId]:
        where: Any = self._records.expired(self._clock.now())
        return [
            MemoryId(memory)
            for collection in self._collections(client)
            for memory in collection.get(where=where, include=[])["ids"]
        ]

    def _delete(self, client: ClientAPI, ids: list[str]) -> list[str]:
        gone: list[str] = []
        for collection in self._collections(client) if ids else ():
            there = collection.get(ids=ids, include=["metadatas"])
            for piece in pieces(list(zip(there["ids"], there["metadatas"] or (), strict=True)), PIECE):
                _overwrite_and_delete(collection, piece)
                gone += [memory for memory, _ in piece]
        return list(dict.fromkeys(gone))

    @property
    def _name(self) -> str:
        """The collection for vectors of the present length."""
        return f"{self._prefix}{self._embedder.dimensions}"

    def _collections(self, client: ClientAPI) -> Iterator[Collection]:
        """This user's, the present one last."""
        names = [each.name for each in client.list_collections() if each.name.startswith(self._prefix)]
        for name in sorted(names, key=lambda each: each == self._name):
            yield client.get_collection(name, embedding_function=None)

    def _langchain(self, client: ClientAPI, made: Made) -> Any:
        """LangChain's store over the present collection, which is made if it is missing."""
        from langchain_chroma import Chroma  # noqa: PLC0415 - optional, and slow to import

        return Chroma(
            self._name, made, client=client, collection_configuration=_INDEX, collection_metadata=None
        )


def has_any_of(name: str, texts: Sequence[str]) -> dict[str, Any]:
    """Chroma's condition that a list has any of some texts. It takes no alternative of one."""
    conditions = [{name: {"$contains": text}} for text in texts]
    return conditions[0] if len(conditions) == 1 else {"$or": conditions}


def collection_of(name: str, user: str) -> str:
    """The start of the names of a user's collections, for the Nexus called `name`."""
    return f"{name}-{hashlib.sha256(user.encode()).hexdigest()[:32]}"


def _overwrite_and_delete(collection: Collection, records: Sequence[tuple[str, Any]]) -> None:
    """Chroma only marks a vector as deleted; so it, the text and the values are written over first."""
    ids = [memory for memory, _ in records]
    length = int(collection.name.rpartition("-")[2])
    nothing = np.eye(1, length, dtype=np.float32).repeat(len(ids), axis=0)
    blank: list[Any] = [dict.fromkeys(values) | {"user": ""} for _, values in records]
    for _ in range(3):  # it writes its index after two changes at the earliest
        collection.upsert(ids=ids, embeddings=nothing, metadatas=blank, documents=[""] * len(ids))
        # To be asked makes Chroma take the change into its index.
        collection.query(query_embeddings=nothing[:1], n_results=1, include=[])
    collection.delete(ids=ids)
    collection.query(query_embeddings=nothing[:1], n_results=1, include=[])
