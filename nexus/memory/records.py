"""Memories as the records of a vector store: a text, a vector and flat values to filter by."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from langchain_core.embeddings import Embeddings

from nexus.core.memory import Memory, MemoryId, from_json, to_json
from nexus.errors import InvalidInput, StoreUnavailable
from nexus.memory.sealing import Seal
from nexus.ports.embeddings import Matrix
from nexus.ports.memory import Which

NEVER = 1e15
"""The expiry, in seconds since 1970, of what does not expire."""

_log = logging.getLogger(__name__)

_FOR_ALL = "*"
"""Stands among the apps of what is for all of them."""

AnyOf = Callable[[str, Sequence[str]], dict[str, Any]]
"""The condition that a list under a name has any of some texts: each store says it in its own way."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a vector store keeps of a memory."""

    id: str
    text: str
    values: dict[str, Any]


class Made(Embeddings):
    """LangChain's view of vectors that are made already, in the order of the texts they are asked for.

    Nexus's embedders belong to the event loop; LangChain's stores ask for vectors in a thread.
    """

    def __init__(self, rows: Matrix) -> None:
        self._rows = rows

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """The vectors that were made for `texts`."""
        if len(texts) != len(self._rows):
            raise ValueError(f"{len(self._rows)} vectors were made, not {len(texts)}")
        return self._rows.tolist()

    def embed_query(self, text: str) -> list[float]:
        """Nobody asks: queries are embedded before."""
        raise NotImplementedError(text)


class Records:
    """Writes one user's memories as records, and reads them back.

    Args:
        user: Whose; stands in each record, so that no filter can miss it.
        model: The name of the embedder that makes the vectors.
        seal: How texts are written; what a filter compares is tagged by it.
        any_of: How the store looks into lists.
    """

    def __init__(self, user: str, model: str, seal: Seal, any_of: AnyOf) -> None:
        self._user = user
        self._any_of = any_of
        self.model = model
        self._seal = seal

    def written(self, memory: Memory) -> Record:
        """The record of a memory."""
        values: dict[str, Any] = {
            "user": self._user,
            "model": self.model,
            "memory": self._seal.close(_json(memory), self._about(memory.id)),
            "kind": memory.kind,
            "tool": self._seal.tag(memory.tool or ""),
            "subject": self._seal.tag(memory.subject),
            "thread": self._seal.tag(memory.thread or ""),
            "is_pending": memory.is_pending,
            "expires_at": memory.expires_at.timestamp() if memory.expires_at else NEVER,
            "apps": [self._seal.tag(app) for app in sorted(memory.apps)] or [_FOR_ALL],
        }
        return Record(memory.id, memory.text if self._seal.is_open else "", values)

    def read(self, memory: str, values: Mapping[str, Any]) -> Memory:
        """The memory that a record of this id was written for."""
        found = from_json(json.loads(self._seal.open(str(values["memory"]), self._about(memory))))
        if found.id != memory:
            raise ValueError(f"the record {memory} holds the memory {found.id}")
        return found

    def readable(self, found: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Memory]:
        """The memories of records by their ids, without what is none: blanked, broken or sealed otherwise.

        Raises:
            StoreUnavailable: They are sealed, and the key opens none of them.
        """
        read, locked = self.opened(found)
        if locked is not None and not read:
            raise locked
        return read

    def opened(
        self, found: Iterable[tuple[str, Mapping[str, Any]]]
    ) -> tuple[dict[str, Memory], StoreUnavailable | None]:
        """The same; and why one is not among them that is sealed and that the key does not open."""
        read: dict[str, Memory] = {}
        locked: StoreUnavailable | None = None
        for memory, values in found:
            if values.get("memory") is None:
                continue  # it is just being deleted
            try:
                read[memory] = self.read(memory, values)
            except StoreUnavailable as error:
                _log.warning("the memory %r cannot be opened: %s", memory, error)
                locked = error
            except (InvalidInput, ValueError, TypeError) as error:
                _log.warning("the record %r among the memories is none (%s)", memory, type(error).__name__)
        return read, locked

    def latest(self, found: Iterable[Memory], which: Which, now: datetime) -> list[Memory]:
        """Those that fit and have not expired, each once, the last updated first."""
        kept = {each.id: each for each in found if which.fits(each) and not each.is_expired(now)}
        return sorted(kept.values(), key=lambda each: (-each.updated_at.timestamp(), each.id))

    def where(self, which: Which, now: datetime) -> dict[str, Any]:
        """The filter for those that fit and have not expired, in the words that Chroma and Pinecone share."""
        conditions: list[dict[str, Any]] = [_is("user", self._user), {"expires_at": {"$gt": now.timestamp()}}]
        if which.kinds is not None:
            conditions.append({"kind": {"$in": sorted(which.kinds) or ["none"]}})
        if which.apps is not None:
            named = [_FOR_ALL, *(self._seal.tag(app) for app in sorted(which.apps))]
            conditions.append(self._any_of("apps", named))
        wanted = {"tool": which.tool, "subject": which.subject, "thread": which.thread}
        conditions += [_is(name, self._seal.tag(to)) for name, to in wanted.items() if to is not None]
        if which.is_pending is not None:
            conditions.append(_is("is_pending", which.is_pending))
        return {"$and": conditions}

    def searchable(self, which: Which, now: datetime) -> dict[str, Any]:
        """The same, of those alone whose vectors can be compared."""
        return {"$and": [*self.where(which, now)["$and"], _is("model", self.model)]}

    def expired(self, now: datetime) -> dict[str, Any]:
        """The filter for those whose time is over."""
        return {"$and": [_is("user", self._user), {"expires_at": {"$lte": now.timestamp()}}]}

    def of_other_models(self) -> dict[str, Any]:
        """The filter for those that have to be embedded anew."""
        return {"$and": [_is("user", self._user), {"model": {"$ne": self.model}}]}

    def _about(self, memory: str) -> str:
        return f"{self._user}/{memory}"


def pieces(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    """The items in runs of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def ids_of(memories: Sequence[Memory] | Sequence[MemoryId]) -> list[str]:
    """Each id once, in order."""
    return list(dict.fromkeys(each.id if isinstance(each, Memory) else each for each in memories))


def _json(memory: Memory) -> str:
    """Without escapes: Pinecone takes 40 KB of values for a record."""
    return json.dumps(to_json(memory), ensure_ascii=False)


def _is(name: str, value: str | bool) -> dict[str, Any]:  # noqa: FBT001 - what to compare with
    return {name: {"$eq": value}}
