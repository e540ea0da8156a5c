from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nexus.tools.lexical import Vocabulary, index_of
from nexus.tools.words_file import Words, read_words, write_words

KEYS = [bytes([number]) * 16 for number in range(3)]


def words(*texts: str) -> Words:
    vocabulary = Vocabulary()
    terms = [vocabulary.learn(text) for text in texts]
    return Words(KEYS[: len(texts)], terms, vocabulary, index_of(terms, vocabulary))


def test_what_was_written_is_read(tmp_path: Path):
    made = words("send mails", "", "write a note to köln \ud800")
    write_words(tmp_path, made)
    found = read_words(tmp_path)
    assert found is not None
    assert found.keys == made.keys
    assert [terms.tolist() for terms in found.texts] == [terms.tolist() for terms in made.texts]
    assert found.vocabulary.stems == made.vocabulary.stems
    for query in ("sending", "note", "koln", "nothing"):
        assert found.lexical.scores(query).tolist() == made.lexical.scores(query).tolist()


def test_no_texts_are_written_and_read_too(tmp_path: Path):
    write_words(tmp_path, words())
    found = read_words(tmp_path)
    assert found is not None
    assert found.keys == []
    assert found.lexical.scores("mail").tolist() == []


def test_what_is_read_can_be_added_to(tmp_path: Path):
    write_words(tmp_path, words("send mails", "write notes"))
    found = read_words(tmp_path)
    assert found is not None
    terms = [*found.texts, found.vocabulary.learn("mail notes often")]
    assert terms[2][0] == terms[0][1]
    assert terms[2][1] == terms[1][1]
    assert index_of(terms, found.vocabulary).scores("often").tolist()[:2] == [0, 0]


def test_nothing_is_read_where_nothing_is(tmp_path: Path):
    assert read_words(tmp_path) is None
    assert read_words(tmp_path / "nowhere") is None
    assert read_words(None) is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    write_words(tmp_path / "file", words("mail"))
    write_words(None, words("mail"))
    assert read_words(tmp_path / "file") is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"not words",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-1],
        lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]),
        lambda whole: whole[:200] + b"\0" * (len(whole) - 200),
        lambda whole: whole[:97] + b"\xff" + whole[98:],
        lambda whole: whole + b"\0" * 64,
        lambda whole: whole.replace(b"nexus-words 1", b"nexus-words 0"),
    ],
    ids=["empty", "foreign", "half", "cut", "bit", "zeros", "sizes", "longer", "layout"],
)
def test_a_file_that_is_not_whole_and_ours_is_not_read(tmp_path: Path, damage: Callable[[bytes], bytes]):
    write_words(tmp_path, words("send mails", "write notes"))
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert read_words(tmp_path) is None


def test_words_of_another_text_pipeline_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_words(tmp_path, words("mail"))
    monkeypatch.setattr("nexus.tools.search_text.WORDS_VERSION", "another")
    assert read_words(tmp_path) is None
