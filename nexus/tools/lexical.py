"""Search by words: BM25 over stemmed words, its weights computed when the index is built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from Stemmer import Stemmer

from nexus.ports.embeddings import Matrix
from nexus.tools import search_text

Terms = npt.NDArray[np.int32]
"""The numbers of a text's words, in order, repeats kept."""

K1 = 1.5
B = 0.4
"""Below the usual 0.75: catalogues mix bare slugs with long descriptions (measured)."""

K3 = 1.2
"""How soon a word that a query repeats stops to count more: k3 of Okapi BM25 (Robertson et al., TREC-3),
at the usual value of k1. Without it requests for several things drown in the word they share."""

_STOP = (
    "a an the of to in on for and or is are was be it its this that with from by as at my me i you your "
    "can could would please do does"
)
STOP_WORDS = frozenset(_STOP.split())
_NO_TERM = -1


class Vocabulary:
    """Gives each stem a number; only ever grows, so that any index built on it can be read meanwhile."""

    def __init__(self, stems: Iterable[str] = ()) -> None:
        self._stems = {stem: number for number, stem in enumerate(stems)}
        self._numbers = _Numbers(self._stems)

    def __len__(self) -> int:
        return len(self._stems)

    @property
    def stems(self) -> list[str]:
        """Every stem, by its number."""
        return list(self._stems)

    def learn(self, text: str) -> Terms:
        """The terms of `text`, new ones included. For one caller at a time."""
        numbers = self._numbers
        found = [numbers[word] for word in search_text.words(text)]
        return np.array([number for number in found if number != _NO_TERM], np.int32)

    def look_up(self, query: str) -> Terms:
        """The known terms of a query. For any number of callers."""
        asked = [word for word in search_text.words(search_text.with_parts(query)) if word not in STOP_WORDS]
        stems = Stemmer("english").stemWords(asked)  # a Stemmer must not be shared between threads
        known = (self._stems.get(stem) for stem in stems)
        return np.array([number for number in known if number is not None], np.int32)


class _Numbers(dict[str, int]):
    """The number of each word met so far, so that it is stemmed once."""

    def __init__(self, stems: dict[str, int]) -> None:
        super().__init__(dict.fromkeys(STOP_WORDS, _NO_TERM))
        self._stems = stems
        self._stemmer = Stemmer("english")

    def __missing__(self, word: str) -> int:
        number = self[word] = self._stems.setdefault(self._stemmer.stemWord(word), len(self._stems))
        return number


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """For each term the texts that hold it and what it is worth there: `[starts[term]:starts[term + 1]]`.

    Attributes:
        texts: How many texts there are.
        starts: Where each term's part begins; one more than there were terms.
        text: Numbers of texts.
        weight: The BM25 weight of the term in that text.
    """

    texts: int
    starts: npt.NDArray[np.int64]
    text: npt.NDArray[np.int32]
    weight: Matrix


class Lexical:
    """An immutable BM25 index over texts already turned into terms."""

    def __init__(self, postings: Postings, vocabulary: Vocabulary) -> None:
        self.postings = postings
        self._vocabulary = vocabulary

    def scores(self, query: str) -> Matrix:
        """How well each text matches `query` by words: 0 where it shares none."""
        postings = self.postings
        scores = np.zeros(postings.texts, np.float32)
        terms, counts = np.unique(self._vocabulary.look_up(query), return_counts=True)
        for term, emphasis in zip(terms, (K3 + 1) * counts / (K3 + counts), strict=True):
            if term < len(postings.starts) - 1:  # later terms were learnt after this index was built
                part = slice(postings.starts[term], postings.starts[term + 1])
                scores[postings.text[part]] += np.float32(emphasis) * postings.weight[part]
        return scores

    def holding(self, name: str) -> npt.NDArray[np.int32]:
        """The texts that hold every word of `name` that any text holds."""
        postings = self.postings
        found: npt.NDArray[np.int32] | None = None
        for number in np.unique(self._vocabulary.look_up(search_text.split_name(name))):
            if number >= len(postings.starts) - 1:
                return np.zeros(0, np.int32)
            part = postings.text[postings.starts[number] : postings.starts[number + 1]]
            found = part if found is None else np.intersect1d(found, part, assume_unique=True)
        return np.zeros(0, np.int32) if found is None else found


def index_of(texts: Sequence[Terms], vocabulary: Vocabulary) -> Lexical:
    """The index over `texts`, whose terms are numbered by `vocabulary`."""
    lengths = np.array([len(terms) for terms in texts], np.float32)
    term, text, count = _occurrences(texts)
    frequency = np.bincount(term, minlength=len(vocabulary)).astype(np.float32)
    rarity = np.log1p((len(texts) - frequency + 0.5) / (frequency + 0.5))
    average = max(float(lengths.mean()), 1.0) if len(texts) else 1.0
    damping = K1 * (1 - B + B * lengths / average)
    weight = (rarity[term] * count / (count + damping[text])).astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(frequency, dtype=np.int64)])
    return Lexical(Postings(len(texts), starts, text.astype(np.int32), weight), vocabulary)


def _occurrences(
    texts: Sequence[Terms],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Term, text and count of each distinct word of each text, ordered by term, then text."""
    if not texts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    term = np.concatenate(texts).astype(np.int64)
    text = np.repeat(np.arange(len(texts)), [len(terms) for terms in texts])
    pairs, counts = np.unique(term * len(texts) + text, return_counts=True)
    return pairs // len(texts), pairs % len(texts), counts.astype(np.float32)
