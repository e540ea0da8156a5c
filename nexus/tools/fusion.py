"""Words and meaning together: what the tools are worth for a request, and which of them are worth a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nexus.ports.embeddings import Matrix
from nexus.tools.catalogue import Catalogue
from nexus.tools.first_pass import products

EVIDENCE = 20.0
"""The BM25 score at which words count half as much as they can: that of about four words that hardly another
tool has. Few or common words prove little, many rare ones as much as meaning (chosen on half of six sets)."""

REFINED = 512
"""Tools whose cosine is computed exactly after a first pass: with them, 99.7 % of the best 20 are those of
an exact search (600 requests, 24,407 tools; 768 give 99.8 %), and 99.7 % of the first fives are the same."""

REFINED_LOWEST = 64
"""As many at the other end: with the lowest cosine the scale of `_spread` begins."""

Places = npt.NDArray[np.int64]
"""Numbers of tools, in the order of the catalogue."""

Mask = npt.NDArray[np.bool_]


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


class _ByWords(NamedTuple):
    """How well tools match a text by words, from 0 (none in common) to 1 (the best), and what that proves."""

    shares: Matrix
    weight: np.float32


class Found(NamedTuple):
    """The tools worth a look, and what each of them is worth: from 0 to 1."""

    places: Places
    scores: Matrix


def found(catalogue: Catalogue, asked: Asked, masks: Sequence[Mask], limit: int) -> Found:
    """Every tool that can be among the best `limit` of all, and of those in each of `masks`.

    Without vectors these are the tools that share a word with the request.
    """
    by_words = [_by_words(catalogue.words.lexical.scores(text)) for text in asked.texts]
    matrix, rows, vectors = catalogue.matrix, catalogue.rows, asked.vectors
    if matrix is None or rows is None or vectors is None:
        scores = _together([words.shares for words in by_words])
        places = np.flatnonzero(scores > 0)
        return Found(places, scores[places])
    examples = _examples(catalogue, rows, asked.examples)
    present = rows >= 0
    if catalogue.first_pass is None:
        places, cosines = np.arange(len(rows)), products(matrix, vectors)[rows]
    else:
        estimates = catalogue.first_pass.estimates(vectors)[rows]
        wanted = _worth_a_look(_mixed_each(by_words, estimates, present), masks, max(REFINED, limit))
        wanted |= np.any([each <= -_nth(-each, REFINED_LOWEST) for each in estimates.T], axis=0)
        wanted[list(examples)] = True
        places = np.flatnonzero(wanted)
        cosines = products(matrix[rows[places]], vectors)
    _pull(cosines, matrix[rows[list(examples)]], np.searchsorted(places, list(examples)), vectors, examples)
    by_words = [_ByWords(words.shares[places], words.weight) for words in by_words]
    return Found(places, _together(_mixed_each(by_words, cosines, present[places])))


def _worth_a_look(scores: Sequence[Matrix], masks: Sequence[Mask], depth: int) -> Mask:
    """The best `depth` of all, and of those in each mask, for any of the texts."""
    wanted = np.zeros(len(scores[0]), np.bool_)
    for each in scores:
        wanted |= each >= _nth(each, depth)
        for mask in masks:
            wanted |= mask & (each >= _nth(each[mask], depth))
    return wanted


def _mixed_each(by_words: Sequence[_ByWords], cosines: Matrix, present: Mask) -> list[Matrix]:
    """What each tool is worth for each text."""
    return [_mixed(words, cosine, present) for words, cosine in zip(by_words, cosines.T, strict=True)]


def _mixed(words: _ByWords, cosines: Matrix, present: Mask) -> Matrix:
    """Meaning and words together, from 0 to 1; a tool without a vector is judged by its words alone.

    Of a chatty request in a large catalogue some words fit some tool by chance; so words count by what they
    prove. With a fixed share no one value serves both such requests and those in the words of the tools.
    """
    by_meaning = np.where(present, _spread(cosines, present), words.shares)
    return (by_meaning + words.weight * words.shares) / (1 + words.weight)


def _by_words(scores: Matrix) -> _ByWords:
    best = np.float32(scores.max(initial=0))
    return _ByWords(scores / best if best > 0 else scores, best / np.float32(best + EVIDENCE))


def _together(scores: Sequence[Matrix]) -> Matrix:
    """For the whole request and, where it has several, for the sentence that the tool fits best.

    One vector cannot mean several things, and of many words each counts little: half of the score from
    the best sentence makes up for it (nDCG@10 on half of Seal-Tools 82 → 94, StableToolBench 75 → 77).
    """
    whole, *sentences = scores
    return (whole + np.max(sentences, axis=0)) / 2 if sentences else whole


def _examples(
    catalogue: Catalogue, rows: npt.NDArray[np.int64], examples: Mapping[str, Matrix]
) -> dict[int, Matrix]:
    """The examples by the places of their tools, as far as these are there and have a vector."""
    places = ((catalogue.places.get(slug), vectors) for slug, vectors in examples.items())
    return {place: vectors for place, vectors in places if place is not None and rows[place] >= 0}


def _pull(
    cosines: Matrix, described: Matrix, here: Places, asked: Matrix, examples: Mapping[int, Matrix]
) -> None:
    """Put in the cosine to the mean of the description and the examples, never to the nearest of them.

    With the nearest, one odd example would make its tool the best for whatever resembles it (measured).
    `described` are the vectors of the tools that have examples, `here` their rows in `cosines`.
    """
    if not examples:
        return
    starts = np.cumsum([0, *map(len, examples.values())])[:-1]
    sums = described + np.add.reduceat(np.concatenate(list(examples.values())), starts)
    cosines[here] = sums @ asked.T / np.linalg.norm(sums, axis=1, keepdims=True)


def _spread(cosines: Matrix, present: Mask) -> Matrix:
    """Cosines stretched from 0 (the lowest that is present) to 1 (the best)."""
    low = np.min(cosines, where=present, initial=1)
    high = np.max(cosines, where=present, initial=-1)
    return (cosines - low) / (high - low) if high > low else np.ones_like(cosines)


def _nth(scores: Matrix, depth: int) -> np.float32:
    """The score at that depth, counted from the best; the lowest if there are not so many."""
    depth = min(depth, len(scores))
    return np.partition(scores, -depth)[-depth] if depth else np.float32(0)
