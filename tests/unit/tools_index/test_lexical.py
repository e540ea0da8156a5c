from __future__ import annotations

import numpy as np
import pytest

from nexus.tools.lexical import K1, K3, B, Lexical, Vocabulary, index_of


def index(*texts: str) -> Lexical:
    vocabulary = Vocabulary()
    return index_of([vocabulary.learn(text) for text in texts], vocabulary)


def test_a_text_without_a_common_word_scores_nothing():
    assert index("send mail", "write note").scores("note").tolist()[0] == 0


def test_words_match_in_every_form():
    assert (index("sending messages", "x").scores("send a message") > 0).tolist() == [True, False]


def test_scores_are_those_of_bm25():
    scores = index("mail mail box", "mail", "note").scores("mail")
    rarity = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    expected = [
        rarity * count / (count + K1 * (1 - B + B * length / (5 / 3))) for count, length in ((2, 3), (1, 1))
    ]
    assert scores.tolist() == pytest.approx([*expected, 0.0])


def test_a_repeated_word_counts_a_little_more():
    texts = index("mail", "note")
    once, twice = texts.scores("mail")[0], texts.scores("mail mail")[0]
    assert twice == pytest.approx(once * (K3 + 1) * 2 / (K3 + 2))
    assert once < twice < 2 * once


@pytest.mark.parametrize("query", ["", "the of a", "unknown"])
def test_a_query_without_known_words_scores_nothing(query: str):
    assert not index("send mail").scores(query).any()


def test_an_index_of_nothing_has_no_scores():
    assert index().scores("mail").tolist() == []
    assert index("", "").scores("mail").tolist() == [0, 0]


def test_an_index_stays_right_while_its_vocabulary_grows():
    vocabulary = Vocabulary()
    old = index_of([vocabulary.learn("send mail")], vocabulary)
    vocabulary.learn("quite new words")
    assert old.scores("new words").tolist() == [0]
    assert old.scores("mail")[0] > 0
