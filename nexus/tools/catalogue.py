"""One state of the searched tools: never changed, only replaced, so that a search sees one throughout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from nexus.core.tool import ToolSpec
from nexus.ports.embeddings import Matrix
from nexus.tools import search_text
from nexus.tools.apps import Apps
from nexus.tools.first_pass import FirstPass
from nexus.tools.lexical import Vocabulary, index_of
from nexus.tools.vectors import Rows
from nexus.tools.words_file import Words

_MOST_ABSENT = 0.1  # share of tools that may lack a vector before search goes by words alone


class Entry(NamedTuple):
    """A tool, with the keys that its vector and its words are kept under."""

    spec: ToolSpec
    vector_key: bytes
    words_key: bytes


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The tools, what words and vectors there are of them, all in one order.

    Attributes:
        entries: The tools by slug.
        rows: For each tool its row in `matrix`, or -1.
        first_pass: Over `matrix`, where that is large and it has been made.
    """

    entries: Mapping[str, Entry]
    words: Words
    matrix: Matrix | None = None
    rows: Rows | None = None
    first_pass: FirstPass | None = None

    @cached_property
    def slugs(self) -> tuple[str, ...]:
        """The tools' names."""
        return tuple(self.entries)

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each tool is in that order."""
        return {slug: place for place, slug in enumerate(self.entries)}

    @cached_property
    def vector_keys(self) -> list[bytes]:
        """What the tools' vectors are kept under."""
        return [entry.vector_key for entry in self.entries.values()]

    @cached_property
    def apps(self) -> Apps:
        """The apps that the tools belong to."""
        return Apps([entry.spec.toolkit for entry in self.entries.values()])

    def named_in(self, request: str) -> dict[str, float]:
        """The toolkits whose name stands in `request`, and how probably it is them that is meant.

        That is the share of their own tools among all that use the words of the name: `github` is used by
        its own tools for the most part, `box` or `make` by many others as the common words they are.
        """
        holding = self.words.lexical.holding
        return {name: self.apps.share_of(name, holding(name)) for name in self.apps.named_in(request)}

    @cached_property
    def without_vector(self) -> int:
        """How many tools have no vector (yet)."""
        return len(self.entries) if self.rows is None else int(np.count_nonzero(self.rows < 0))

    @property
    def has_meaning(self) -> bool:
        """True if enough tools have a vector for search to use them."""
        return self.without_vector <= _MOST_ABSENT * len(self.entries) and bool(self.entries)

    def with_tools(self, tools: Mapping[str, ToolSpec], known: Words) -> Catalogue:
        """The catalogue of exactly `tools`, without vectors; this one if they are the same.

        Texts whose words are in `known` are not read again.
        """
        entries = {slug: _entry(spec, self.entries.get(slug)) for slug, spec in tools.items()}
        if _are_same(entries, self.entries):
            return self
        return Catalogue(entries, _words_of(list(entries.values()), known))


def no_tools() -> Catalogue:
    """The catalogue before the first update."""
    return Catalogue({}, no_words())


def no_words() -> Words:
    """The words of no text."""
    vocabulary = Vocabulary()
    return Words([], [], vocabulary, index_of([], vocabulary))


def _entry(spec: ToolSpec, known: Entry | None) -> Entry:
    if known is not None and known.spec == spec:
        return known
    key = search_text.dense_key(spec)
    return Entry(spec, key, search_text.lexical_key(spec, key))


def _are_same(entries: Mapping[str, Entry], others: Mapping[str, Entry]) -> bool:
    return len(entries) == len(others) and all(
        entry is other for entry, other in zip(entries.values(), others.values(), strict=True)
    )


def _words_of(entries: list[Entry], known: Words) -> Words:
    """The words of `entries`; `known` itself if it is exactly about them."""
    keys = [entry.words_key for entry in entries]
    if keys == known.keys:
        return known
    place = {key: number for number, key in enumerate(known.keys)}
    vocabulary = known.vocabulary
    texts = [
        known.texts[place[entry.words_key]]
        if entry.words_key in place
        else vocabulary.learn(search_text.lexical_text(entry.spec))
        for entry in entries
    ]
    return Words(keys, texts, vocabulary, index_of(texts, vocabulary))
