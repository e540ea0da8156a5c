"""From a request to the best tools: words, meaning, the apps it names, and what is known of the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nexus.ports.embeddings import Matrix
from nexus.ports.index import Hit
from nexus.tools.catalogue import Catalogue
from nexus.tools.vectors import Rows

DENSE_WEIGHT = 0.7
"""Share of meaning in the score, the rest is words (measured)."""

NAMED = 0.2
"""What it adds to a tool's score that the request names its app, if the name can mean nothing else. More
helps no more (0.1 to 0.3, half of composio_handmade); a tool that does not fit stays behind those that do."""

OTHERS = 4
"""One place in so many is kept for tools of apps that are not connected, for what no connected app can do."""

_MORE_THAN_NOT = 0.5

_Places = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as the index takes it.

    Attributes:
        texts: The whole request, then its sentences if it has several.
        vectors: One row for each text; None where words alone are searched.
        examples: Vectors of requests that tools have served, by tool.
    """

    texts: Sequence[str]
    vectors: Matrix | None = None
    examples: Mapping[str, Matrix] = field(default_factory=dict[str, Matrix])


def best(catalogue: Catalogue, asked: Asked, connected: frozenset[str] | None, limit: int) -> Sequence[Hit]:
    """The best tools for what is asked; those of connected apps first."""
    scores = _scores(catalogue, asked)
    found = scores > 0 if asked.vectors is None else np.ones(len(scores), np.bool_)
    named = catalogue.named_in(asked.texts[0])
    for toolkit, certainty in named.items():
        scores += np.float32(NAMED * certainty) * (catalogue.apps.tools_of([toolkit]) & found)
    first = None if connected is None else catalogue.apps.tools_of(connected | _certain(named))
    places = _in_order(np.where(found, scores, -1), first, min(limit, int(found.sum())))
    top = float(scores[places].max(initial=0)) or 1.0
    return tuple(Hit(catalogue.slugs[place], float(scores[place]) / top) for place in places)


def _certain(named: Mapping[str, float]) -> frozenset[str]:
    """The toolkits that are meant more probably than not."""
    return frozenset(toolkit for toolkit, certainty in named.items() if certainty > _MORE_THAN_NOT)


def _in_order(scores: Matrix, first: _Mask | None, limit: int) -> _Places:
    """The best places: those of `first` before the others, for whom a few are kept. Below 0 is not found."""
    if first is None:
        return _highest(scores, limit)
    favoured = _highest(np.where(first, scores, -1), limit - limit // OTHERS)
    favoured = favoured[first[favoured] & (scores[favoured] >= 0)]
    others = _highest(np.where(first, -1, scores), limit - len(favoured))
    return np.concatenate([favoured, others[~first[others] & (scores[others] >= 0)]])


def _scores(catalogue: Catalogue, asked: Asked) -> Matrix:
    """What each tool is worth for the whole request and, where it has several, for the sentence it fits best.

    One vector cannot mean several things, and of many words each counts little: half of the score from
    the best sentence makes up for it (nDCG@10 on half of Seal-Tools 82 → 94, StableToolBench 75 → 77).
    """
    by_words = (_share_of_best(catalogue.words.lexical.scores(text)) for text in asked.texts)
    whole, *sentences = _fused(catalogue, list(by_words), asked)
    return (whole + np.max(sentences, axis=0)) / 2 if sentences else whole


def _fused(catalogue: Catalogue, by_words: list[Matrix], asked: Asked) -> list[Matrix]:
    """Words and meaning together, for each text; a tool without a vector is judged by its words alone."""
    matrix, rows = catalogue.matrix, catalogue.rows
    if matrix is None or rows is None or asked.vectors is None:
        return by_words
    cosines = (matrix @ asked.vectors.T)[rows]
    _pull(cosines, matrix, rows, asked.vectors, _examples(catalogue, rows, asked.examples))
    present = rows >= 0
    return [_mixed(words, cosine, present) for words, cosine in zip(by_words, cosines.T, strict=True)]


def _mixed(by_words: Matrix, cosines: Matrix, present: _Mask) -> Matrix:
    by_meaning = by_words.copy()
    by_meaning[present] = _spread(cosines[present])
    return (DENSE_WEIGHT * by_meaning + (1 - DENSE_WEIGHT) * by_words).astype(np.float32)


def _examples(catalogue: Catalogue, rows: Rows, examples: Mapping[str, Matrix]) -> dict[int, Matrix]:
    """The examples by the places of their tools, as far as these are there and have a vector."""
    places = ((catalogue.places.get(slug), vectors) for slug, vectors in examples.items())
    return {place: vectors for place, vectors in places if place is not None and rows[place] >= 0}


def _pull(cosines: Matrix, matrix: Matrix, rows: Rows, asked: Matrix, examples: Mapping[int, Matrix]) -> None:
    """Put in the cosine to the mean of the description and the examples, never to the nearest of them.

    With the nearest, one odd example would make its tool the best for whatever resembles it (measured).
    """
    if not examples:
        return
    places = np.fromiter(examples, np.int64, len(examples))
    starts = np.cumsum([0, *map(len, examples.values())])[:-1]
    sums = matrix[rows[places]] + np.add.reduceat(np.concatenate(list(examples.values())), starts)
    cosines[places] = sums @ asked.T / np.linalg.norm(sums, axis=1, keepdims=True)


def _share_of_best(scores: Matrix) -> Matrix:
    """Scores from 0 (no word in common) to 1 (the best match)."""
    top = scores.max(initial=0)
    return scores / top if top > 0 else scores


def _spread(scores: Matrix) -> Matrix:
    """Scores stretched from 0 (the worst) to 1 (the best)."""
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.ones_like(scores)


def _highest(scores: Matrix, limit: int) -> _Places:
    """The places of the `limit` highest scores, highest first."""
    limit = min(limit, len(scores))
    if limit <= 0:
        return np.zeros(0, np.int64)
    places = np.argpartition(-scores, limit - 1)[:limit]
    return places[np.argsort(-scores[places], kind="stable")]
