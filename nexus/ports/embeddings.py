"""Turning texts into vectors, on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Matrix: TypeAlias = npt.NDArray[np.float32]
"""One row a text, or one vector."""


class Embedder(Protocol):
    """Maps texts to vectors whose dot product says how close their meanings are.

    Never blocks the event loop; safe for many callers at once; asks nobody outside this machine.
    """

    @property
    def name(self) -> str:
        """What the vectors depend on, model and pipeline: equal names give equal vectors."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of each vector."""
        ...

    async def embed(self, texts: Sequence[str]) -> Matrix:
        """One L2-normalised float32 row for each text, in order.

        Raises:
            ModelMissing: The model, its vocabulary or its engine is not installed.
        """
        ...
