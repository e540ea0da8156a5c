"""A cheap first look at very many vectors, so that few of them have to be read whole."""

from __future__ import annotations

import numpy as np

from nexus.ports.embeddings import Matrix

WORTH_IT = 8_192
"""Vectors from which on reading all of them takes longer than two passes."""

_DIRECTIONS = 96
_SAMPLE = 4_096


class FirstPass:
    """Estimates dot products from the directions in which the vectors are longest.

    These are the first principal components, of the uncentred vectors (Pearson 1901; `eigh`). A quarter
    of MiniLM's 384 directions holds 75 % of the squared length of tools' vectors.
    """

    def __init__(self, matrix: Matrix) -> None:
        sample = matrix[:: max(len(matrix) // _SAMPLE, 1)]
        _, directions = np.linalg.eigh(sample.T @ sample)
        self._directions: Matrix = np.ascontiguousarray(directions.T[: -_DIRECTIONS - 1 : -1], np.float32)
        self._heads: Matrix = matrix @ self._directions.T  # beside each other, so that they are read fast

    def estimates(self, asked: Matrix) -> Matrix:
        """About `matrix @ asked.T`."""
        return products(self._heads, products(asked, self._directions))


def products(vectors: Matrix, asked: Matrix) -> Matrix:
    """`vectors @ asked.T`, on one core: BLAS would share the work among all, and wait for the busiest.

    Measured over 40,000 vectors with one of two cores busy: 0.7 ms, and 8 ms with BLAS.
    """
    return np.einsum("ij,kj->ik", vectors, asked)


def first_pass_over(matrix: Matrix | None) -> FirstPass | None:
    """A first pass over as many vectors as make it worth it; None over fewer."""
    return FirstPass(matrix) if matrix is not None and len(matrix) >= WORTH_IT else None
