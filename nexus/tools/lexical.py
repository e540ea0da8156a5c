"""Search by words: BM25 over stemmed words, its weights computed when the index is built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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

_STOP = (
    "a an the of to in on for and or is are was be it its this that with from by as at my me i you your "
    "can could would please do does"
)
STOP_WORDS = frozenset(_STOP.split())


class Vocabulary:
    """Gives each stem a number; only ever grows, so that any index built on it can be read meanwhile."""

    def __init__(self) -> None:
        self._stems: dict[str, int] = {}
        self._words: dict[str, int] = {}
        self._stemmer = Stemmer("english")

    def __len__(self) -> int:
        return len(self._stems)

    def learn(self, text: str) -> Terms:
        """The terms of `text`, new ones included. For one caller at a time."""
        return np.array(
            [self._number(word) for word in search_text.words(text) if word not in STOP_WORDS], np.int32
        )

    def look_up(self, query: str) -> Terms:
        """The known terms of a query. For any number of callers."""
        asked = [word for word in search_text.words(search_text.with_parts(query)) if word not in STOP_WORDS]
        stems = Stemmer("english").stemWords(asked)  # a Stemmer must not be shared between threads
        known = (self._stems.get(stem) for stem in stems)
        return np.array([number for number in known if number is not None], np.int32)

    def _number(self, word: str) -> int:
        number = self._words.get(word)
        if number is None:
            stem: str = self._stemmer.stemWord(word)
            number = self._words[word] = self._stems.setdefault(stem, len(self._stems))
        return number


class Lexical:
    """An immutable BM25 index over texts already turned into terms."""

    def __init__(self, texts: Sequence[Terms], vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._texts = len(texts)
        lengths = np.array([len(terms) for terms in texts], np.float32)
        term, text, count = _occurrences(texts)
        frequency = np.bincount(term, minlength=len(vocabulary)).astype(np.float32)
        rarity = np.log1p((len(texts) - frequency + 0.5) / (frequency + 0.5))
        average = max(float(lengths.mean()), 1.0) if len(texts) else 1.0
        damping = K1 * (1 - B + B * lengths / average)
        self._starts = np.concatenate([[0], np.cumsum(frequency, dtype=np.int64)])
        self._text = text
        self._weight: Matrix = (rarity[term] * count / (count + damping[text])).astype(np.float32)

    def scores(self, query: str) -> Matrix:
        """How well each text matches `query` by words: 0 where it shares none."""
        scores = np.zeros(self._texts, np.float32)
        for term in self._known(self._vocabulary.look_up(query)):
            posting = slice(self._starts[term], self._starts[term + 1])
            scores[self._text[posting]] += self._weight[posting]
        return scores

    def _known(self, terms: Terms) -> Iterable[int]:
        """Terms learnt after this index was built are in none of its texts."""
        return (int(term) for term in terms if term < len(self._starts) - 1)


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
