"""Memories in a Pinecone index, through `langchain-pinecone`. The index is not on this machine."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from nexus.core.memory import Memory, MemoryId
from nexus.errors import NotFound, SettingsInvalid, StoreUnavailable
from nexus.memory.records import Made, Record, Records, ids_of, pieces
from nexus.ports.clock import Clock
from nexus.ports.embeddings import Embedder, Matrix
from nexus.ports.memory import EVERY, Found, Which

if TYPE_CHECKING:
    from pinecone.db_data.index import Index

Result = TypeVar("Result")

SECONDS = 20.0
"""How long one answer may take, and how long a write may take to be seen."""

PIECE = 200
"""Records of one write: Pinecone takes 2 MB; that many are kept all or none."""

FETCHED = 100
"""Records of one read: their ids stand in the address."""

AMONG = 1000
"""Records that a search looks among at most, where some of the closest cannot be read."""

REEMBEDDED = 32
"""Records embedded between two writes, when the embedder has changed."""

_TEXT = "text"
_REVISION = "revision"
_METHODS = ("query", "upsert", "fetch", "delete", "list_paginated")
_NOT_ALLOWED = frozenset({401, 403})
_BUSY = frozenset({429, 500, 502, 503, 504})
_NOT_AS_EXPECTED = (ValueError, LookupError, TypeError, AttributeError)
"""What its client raises over an answer that is not Pinecone's."""

_log = logging.getLogger(__name__)


class PineconeMemories:
    """Implements `nexus.ports.memory.MemoryStore`; each user's records are a namespace of their own.

    Pinecone shows a write some time after it took it: `put` and `delete` return when it is seen. A list
    reads all that there is, since Pinecone cannot sort.
    """

    def __init__(
        self, index: PineconeIndex, records: Records, embedder: Embedder, clock: Clock, *, namespace: str
    ) -> None:
        self._index = index
        self._records = records
        self._embedder = embedder
        self._clock = clock
        self._namespace = namespace
        self._changing = asyncio.Lock()

    async def put(self, memories: Sequence[Memory]) -> None:
        """Keep them, two hundred at a time all or none, and delete what has expired."""
        kept = list({memory.id: memory for memory in memories}.values())
        rows = await self._embedder.embed([memory.text for memory in kept])
        records = [self._records.written(memory) for memory in kept]
        async with self._changing:
            await self._run(lambda index: self._write(index, records, rows))
        if kept:
            expired = await self._run(lambda index: self._expired(index, rows[0]))
            await self.delete(expired)

    async def get(self, memory: MemoryId) -> Memory:
        """That memory."""
        found = await self._run(lambda index: self._read(index, [memory]))
        if memory not in found or found[memory].is_expired(self._clock.now()):
            raise NotFound(f"There is no memory {memory}.")
        return found[memory]

    async def search(self, text: str, *, which: Which = EVERY, limit: int = 10) -> Sequence[Found]:
        """Those closest in meaning, the closest first."""
        query = (await self._embedder.embed([text]))[0]
        where = self._records.searchable(which, self._clock.now())

        def nearest(index: Index) -> list[Found]:
            store = self._langchain(index, Made(query[None]))

            def look(among: int) -> tuple[list[Found], StoreUnavailable | None, bool]:
                found = store.similarity_search_by_vector_with_score(query.tolist(), k=among, filter=where)
                read, locked = self._records.opened((each.id, each.metadata) for each, _ in found)
                near = [Found(read[each.id], score) for each, score in found if each.id in read]
                return near[:limit], locked, len(found) == among

            near, locked, are_more = look(limit)
            if len(near) < limit < AMONG and are_more:
                near, locked, _ = look(AMONG)
            if locked is not None and not near:
                self._read(index, self._ids(index))  # raises if nothing at all can be read
            return near

        return await self._run(nearest)

    async def list(self, which: Which = EVERY, *, limit: int = 100, offset: int = 0) -> Sequence[Memory]:
        """Those that fit, the last updated first."""
        found = await self._run(lambda index: self._read(index, self._ids(index)))
        return self._records.latest(found.values(), which, self._clock.now())[offset : offset + limit]

    async def delete(self, memories: Sequence[MemoryId]) -> int:
        """Delete them; what Pinecone keeps in backups of its own is Pinecone's."""
        ids = ids_of(memories)
        async with self._changing:
            return await self._run(lambda index: self._delete(index, ids))

    async def reembed(self, told: Callable[[int, int], None] | None = None) -> int:
        """Embed what another embedder embedded, a piece at a time."""
        old, _ = await self._run(self._of_other_models)
        done, kept = 0, 0
        for piece in pieces(list(old.values()), REEMBEDDED):
            rows = await self._embedder.embed([memory.text for memory in piece])
            async with self._changing:
                kept += await self._run(partial(self._renew, memories=piece, rows=rows))
            done += len(piece)
            if told is not None:
                told(done, len(old))
        return kept

    async def _run(self, job: Callable[[Index], Result]) -> Result:
        return await self._index.run(job, self._embedder.dimensions)

    def _write(self, index: Index, records: Sequence[Record], rows: Matrix) -> None:
        for start in range(0, len(records), PIECE):
            piece = records[start : start + PIECE]
            revision = hashlib.sha256(piece[-1].values["memory"].encode()).hexdigest()[:16]
            self._langchain(index, Made(rows[start : start + PIECE])).add_texts(
                [record.text for record in piece],
                [record.values | {_REVISION: revision} for record in piece],
                [record.id for record in piece],
                batch_size=PIECE,
                async_req=False,
            )
            self._await(index, piece[-1].id, revision)

    def _renew(self, index: Index, memories: Sequence[Memory], rows: Matrix) -> int:
        """Write the new vectors of those that are there as they were; how many are."""
        present, _ = self._records.opened(self._values(index, ids_of(memories)).items())
        there = [row for row, memory in enumerate(memories) if present.get(memory.id) == memory]
        self._write(index, [self._records.written(memories[row]) for row in there], rows[there])
        return len(there)

    def _await(self, index: Index, memory: str, revision: str | None) -> None:
        """Return when Pinecone shows that revision of a record; None: when it shows none."""
        waiting = Retrying(
            retry=retry_if_result(lambda shown: shown != revision),
            stop=stop_after_delay(SECONDS),
            wait=wait_exponential(0.05, max=1),
        )
        try:
            waiting(lambda: self._values(index, [memory]).get(memory, {}).get(_REVISION))
        except RetryError:
            _log.warning("Pinecone took a write and did not show it within %.0f seconds", SECONDS)

    def _values(self, index: Index, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What is there of them."""
        found: dict[str, dict[str, Any]] = {}
        for piece in pieces(ids, FETCHED):
            answer: Any = index.fetch(ids=list(piece), namespace=self._namespace)
            found |= {key: dict(vector.metadata or {}) for key, vector in answer.vectors.items()}
        return found

    def _read(self, index: Index, ids: Sequence[str]) -> dict[str, Memory]:
        """Those of these ids that are there, by their ids. Raises StoreUnavailable: none can be read."""
        return self._records.readable(self._values(index, ids).items())

    def _of_other_models(self, index: Index) -> tuple[dict[str, Memory], StoreUnavailable | None]:
        there = self._values(index, self._ids(index)).items()
        return self._records.opened(each for each in there if each[1].get("model") != self._records.model)

    def _ids(self, index: Index) -> list[str]:
        ids: list[str] = []
        after: str | None = None
        while True:
            page: Any = index.list_paginated(namespace=self._namespace, limit=100, pagination_token=after)
            ids += [each.id for each in page.vectors or ()]
            after = page.pagination.next if page.pagination else None
            if not after:
                return ids

    def _expired(self, index: Index, near: Matrix) -> list[MemoryId]:
        where: Any = self._records.expired(self._clock.now())
        answer: Any = index.query(
            vector=near.tolist(), top_k=1000, namespace=self._namespace, filter=where, include_metadata=False
        )
        return [MemoryId(match.id) for match in answer.matches]

    def _delete(self, index: Index, ids: Sequence[str]) -> int:
        there = list(self._values(index, ids))
        for piece in pieces(there, PIECE):
            index.delete(ids=list(piece), namespace=self._namespace)
            self._await(index, piece[-1], None)
        return len(there)

    def _langchain(self, index: Index, made: Made) -> Any:
        """LangChain's store over the user's namespace."""
        from langchain_pinecone import PineconeVectorStore  # noqa: PLC0415 - optional, and slow to import

        return PineconeVectorStore(index, made, _TEXT, self._namespace)


class PineconeIndex:
    """An index of that name, looked up when it is first needed. Whatever fails is StoreUnavailable.

    Args:
        name: Of the index; it has to be there.
        api_key: The project's.
        url: Where Pinecone's control plane is, if not at Pinecone.
    """

    def __init__(self, name: str, api_key: str, url: str | None = None, *, timeout: float = SECONDS) -> None:
        self._name = name
        self._api_key = api_key
        self._url = url
        self._timeout = timeout
        self._connecting = asyncio.Lock()
        self._index: Index | None = None
        self._dimensions = 0

    async def run(self, job: Callable[[Index], Result], dimensions: int) -> Result:
        """What `job` returns; it blocks, so it runs in a thread. The index must have such vectors."""
        async with self._connecting:
            index = self._index = self._index or await self._connected()
        if self._dimensions != dimensions:
            raise StoreUnavailable(
                f"The Pinecone index {self._name} has vectors of {self._dimensions} numbers,"
                f" and the embedding model makes {dimensions}.",
                remedy="Export the memories, make an index of that dimension, name it in NEXUS_MEMORY and"
                " import them.",
            )
        return await asyncio.to_thread(self._run, job, index)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._index is not None:
            await asyncio.to_thread(self._index.close)

    async def _connected(self) -> Index:
        try:
            # The client has no limit of its own for this.
            return await asyncio.wait_for(asyncio.to_thread(self._connect), self._timeout)
        except TimeoutError:
            raise StoreUnavailable(
                f"Pinecone did not answer within {self._timeout:.0f} seconds.", retry_after=5.0
            ) from None

    def _connect(self) -> Index:
        from pinecone import Pinecone  # noqa: PLC0415 - optional, and slow to import
        from urllib3 import Retry  # noqa: PLC0415 - comes with Pinecone

        with _named_trouble(self._name):
            client = Pinecone(api_key=self._api_key, host=self._url, source_tag="nexus")
            about: Any = client.describe_index(self._name)
            if about.metric not in {"cosine", "dotproduct"}:
                raise StoreUnavailable(
                    f"The Pinecone index {self._name} compares by {about.metric}.",
                    remedy="Make one with the metric cosine, and name it in NEXUS_MEMORY.",
                )
            self._dimensions = int(about.dimension)
            index: Any = client.Index(host=about.host)
        # Its own five attempts would make of one limit six.
        pool: Any = index._api_client.rest_client.pool_manager  # noqa: SLF001 - there is no public way
        pool.connection_pool_kw["retries"] = Retry(
            1, backoff_factor=0.25, status_forcelist=_BUSY, allowed_methods=None, raise_on_status=False
        )
        for method in _METHODS:
            setattr(index, method, partial(getattr(index, method), _request_timeout=self._timeout))
        return index

    def _run(self, job: Callable[[Index], Result], index: Index) -> Result:
        with _named_trouble(self._name):
            return job(index)


def has_any_of(name: str, texts: Sequence[str]) -> dict[str, Any]:
    """Pinecone's condition that a list has any of some texts."""
    return {name: {"$in": list(texts)}}


@asynccontextmanager
async def open_pinecone(
    name: str, api_key: str | None, url: str | None = None
) -> AsyncGenerator[PineconeIndex]:
    """The index of that name; closed at the end.

    Raises:
        SettingsInvalid: Pinecone is not installed, or there is no key.
    """
    if not api_key:
        raise SettingsInvalid(
            "Pinecone needs the key of a project",
            field="PINECONE_API_KEY",
            remedy="Or set NEXUS_MEMORY=sqlite.",
        )
    require_pinecone()
    index = PineconeIndex(name, api_key, url)
    try:
        yield index
    finally:
        await index.close()


def require_pinecone() -> None:
    """Raise SettingsInvalid if Pinecone is not installed."""
    try:
        import_module("langchain_pinecone")
    except ImportError as error:
        raise SettingsInvalid(
            f"Pinecone needs the package {error.name}, which is not installed",
            field="NEXUS_MEMORY",
            remedy="Install the pinecone extra: pip install 'nexus-agent[pinecone]'; or set it to sqlite.",
        ) from error


@contextmanager
def _named_trouble(index: str) -> Generator[None]:
    """Tells Pinecone's errors as the port does, without the headers that their texts repeat."""
    from pinecone.exceptions import PineconeApiException, PineconeException  # noqa: PLC0415 - optional
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - comes with Pinecone

    try:
        yield
    except PineconeApiException as error:
        remedy = "Check the index that NEXUS_MEMORY names."
        if error.status in _NOT_ALLOWED:
            remedy = "Check PINECONE_API_KEY."
        raise StoreUnavailable(
            f"The Pinecone index {index} cannot be used ({error.status}: {_message(error)}).",
            remedy=remedy,
            retry_after=5.0,
        ) from None
    except (PineconeException, HTTPError, OSError, *_NOT_AS_EXPECTED) as error:
        raise StoreUnavailable(
            f"The Pinecone index {index} cannot be reached ({type(error).__name__}).", retry_after=5.0
        ) from None


def _message(error: Any) -> str:
    """What an answer says is wrong; the control plane and the data plane say it in two ways."""
    try:
        body: Any = json.loads(error.body)
        found = body.get("message") or body["error"]["message"]
    except (TypeError, ValueError, KeyError, AttributeError):
        found = error.reason
    return " ".join(str(found).split())[:200]
