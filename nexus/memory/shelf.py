"""Memories held in the process, with their vectors: what a search goes over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nexus.core.memory import Memory, MemoryId
from nexus.ports.clock import Clock
from nexus.ports.embeddings import Matrix
from nexus.ports.memory import Found, Which


@dataclass(frozen=True, slots=True)
class Placed:
    """A memory and its vector; None if it has none of the present embedder."""

    memory: Memory
    vector: Matrix | None


class Shelf:
    """All memories of one user, up to the change `number`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._placed: Mapping[MemoryId, Placed] = {}
        self._matrix: tuple[Mapping[MemoryId, Placed], Sequence[Memory], Matrix] | None = None
        self.number = 0

    def take(self, number: int, changed: Mapping[MemoryId, Placed | None]) -> None:
        """Put the changed ones in place; None is gone."""
        both = {**self._placed, **changed}
        # In one step: a search in another thread sees what was, or what is.
        self._placed = {key: placed for key, placed in both.items() if placed is not None}
        self.number = number

    @property
    def is_empty(self) -> bool:
        """True if nothing is there, expired or not."""
        return not self._placed

    def get(self, memory: MemoryId) -> Memory | None:
        """That memory, if it has not expired."""
        placed = self._placed.get(memory)
        if placed is None or placed.memory.is_expired(self._clock.now()):
            return None
        return placed.memory

    def latest(self, which: Which) -> list[Memory]:
        """Those that fit, the last updated first."""
        now = self._clock.now()
        found = [
            placed.memory
            for placed in self._placed.values()
            if which.fits(placed.memory) and not placed.memory.is_expired(now)
        ]
        return sorted(found, key=lambda each: (-each.updated_at.timestamp(), each.id))

    def expired(self) -> list[MemoryId]:
        """Those whose time is over."""
        now = self._clock.now()
        return [key for key, placed in self._placed.items() if placed.memory.is_expired(now)]

    def without_vector(self) -> list[Memory]:
        """Those that have to be embedded."""
        return [placed.memory for placed in self._placed.values() if placed.vector is None]

    def nearest(self, query: Matrix, which: Which, limit: int) -> list[Found]:
        """The closest that fit, exactly: every vector is compared."""
        memories, matrix = self._vectors(len(query))
        scores, now = matrix @ query, self._clock.now()
        found: list[Found] = []
        for row in np.argsort(-scores, kind="stable"):
            if len(found) >= limit:
                break
            memory = memories[row]
            if which.fits(memory) and not memory.is_expired(now):
                found.append(Found(memory, float(scores[row])))
        return found

    def _vectors(self, dimensions: int) -> tuple[Sequence[Memory], Matrix]:
        known, placed = self._matrix, self._placed
        if known is not None and known[0] is placed:
            return known[1:]
        rows = [(each.memory, each.vector) for each in placed.values() if each.vector is not None]
        memories = [memory for memory, _ in rows]
        matrix = np.array([vector for _, vector in rows], np.float32).reshape(-1, dimensions)
        self._matrix = (placed, memories, matrix)
        return memories, matrix
