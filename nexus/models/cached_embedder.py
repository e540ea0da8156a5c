"""An embedder that remembers the last texts: a request is embedded once, whoever looks for what by it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from nexus.ports.embeddings import Embedder, Matrix

KEPT = 512
"""Texts that are remembered, the last used: under a megabyte."""

_LONG = 32
"""A batch of more texts than this is a catalogue, not a question: it is not remembered."""


class CachedEmbedder:
    """Gives what `embedder` gives; only what it does not know is embedded."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: OrderedDict[str, Matrix] = OrderedDict()

    @property
    def name(self) -> str:
        """What the vectors depend on."""
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        """The length of each vector."""
        return self._embedder.dimensions

    async def embed(self, texts: Sequence[str]) -> Matrix:
        """One row for each text, in order."""
        if not 0 < len(texts) <= _LONG:
            return await self._embedder.embed(texts)
        known = {text: self._known[text] for text in texts if text in self._known}
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known |= zip(new, await self._embedder.embed(new), strict=True)
        for text in texts:
            self._known[text] = known[text]
            self._known.move_to_end(text)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return np.array([known[text] for text in texts], np.float32)
