"""Vectors of requests that tools have served: in memory only, for they are what users wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nexus.ports.embeddings import Embedder, Matrix

_KEPT = 4_096  # vectors, about 6 MB; more users than that costs them a second at their next search


class ExampleVectors:
    """Embeds what is asked together with whatever examples have no vector yet."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Matrix] = {}

    async def embed(
        self, asked: Sequence[str], examples: Mapping[str, Sequence[str]]
    ) -> tuple[Matrix, dict[str, Matrix]]:
        """The vectors of what is asked, and for each tool those of its examples, one a row."""
        wanted = dict.fromkeys(text for texts in examples.values() for text in texts)
        new = [text for text in wanted if text not in self._known]
        vectors = await self._embedder.embed([*asked, *new])
        present = {text: self._known[text] for text in wanted if text in self._known}
        present |= zip(new, vectors[len(asked) :], strict=True)
        self._keep(present)
        return vectors[: len(asked)], {
            slug: np.array([present[text] for text in texts]) for slug, texts in examples.items() if texts
        }

    def _keep(self, present: dict[str, Matrix]) -> None:
        """Remember these, and of the others only as many as there is room for."""
        self._known = present if len(self._known) > _KEPT else self._known | present
