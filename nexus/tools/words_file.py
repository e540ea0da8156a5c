"""What search by words reads, in one memory-mapped file, so that a start does not read every text."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from Stemmer import version as stemmer_version

from nexus.tools import search_text
from nexus.tools.lexical import Lexical, Postings, Terms, Vocabulary

_log = logging.getLogger(__name__)
_FILE = "words.bin"
_KEY_BYTES = 16
_DIGEST_BYTES = 32
_ALIGNMENT = 64
_TYPES = ("V16", "<i8", "<i4", "u1", "<i8", "<i4", "<f4")
"""Keys, where each text's terms begin, the terms; the stems; then the postings: starts, texts, weights."""

_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The texts of a catalogue as terms, by content key, and the index over them."""

    keys: Sequence[bytes]
    texts: Sequence[Terms]
    vocabulary: Vocabulary
    lexical: Lexical


def read_words(folder: Path | None) -> Words | None:
    """What `write_words` kept in `folder`; None if there is nothing, or nothing that is whole and ours."""
    if folder is None:
        return None
    path = folder / _FILE
    try:
        # As a plain array: each of the many slices of a memmap costs microseconds.
        return _words(_arrays(np.asarray(np.memmap(path, np.uint8, "r"))))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be used and will be made again: %s", path, error)
        return None


def write_words(folder: Path | None, words: Words) -> None:
    """Keep `words` in `folder`. A file that cannot be written is logged: the next start is slower."""
    if folder is None:
        return
    try:
        _replace(folder / _FILE, list(_parts(words)))
    except OSError as error:
        _log.warning("the words of the tools cannot be kept in %s: %s", folder, error)


def _head() -> bytes:
    """Says what the file depends on: layout, text pipeline and stemmer."""
    head = f"nexus-words 1 {search_text.WORDS_VERSION} {stemmer_version()}\n"
    return head.encode().ljust(_ALIGNMENT)


def _parts(words: Words) -> Iterator[npt.NDArray[np.generic]]:
    postings = words.lexical.postings
    yield np.frombuffer(b"".join(words.keys), "V16")
    yield np.cumsum([0, *map(len, words.texts)], dtype="<i8")
    yield np.concatenate([np.zeros(0, "<i4"), *words.texts]).astype("<i4")
    yield np.frombuffer("\n".join(words.vocabulary.stems).encode("utf-8", "surrogatepass"), "u1")
    yield postings.starts.astype("<i8")
    yield postings.text.astype("<i4")
    yield postings.weight.astype("<f4")


def _words(arrays: Sequence[npt.NDArray[np.generic]]) -> Words:
    keys, begins, terms, stems, starts, text, weight = arrays
    joined = keys.tobytes()
    ends = begins.tolist()
    vocabulary = Vocabulary(
        stems.tobytes().decode("utf-8", "surrogatepass").split("\n") if len(stems) else ()
    )
    postings = Postings(len(keys), starts, text, weight)  # type: ignore[arg-type]  # as _TYPES says
    return Words(
        [joined[place : place + _KEY_BYTES] for place in range(0, len(joined), _KEY_BYTES)],
        [terms[begin:end] for begin, end in pairwise(ends)],  # type: ignore[misc]  # same
        vocabulary,
        Lexical(postings, vocabulary),
    )


def _arrays(content: _Bytes) -> list[npt.NDArray[np.generic]]:
    """The arrays in a file. Raises ValueError if it is not one of ours, or not exactly as it was written."""
    sizes_at = _ALIGNMENT + _DIGEST_BYTES
    body_at = sizes_at + 8 * len(_TYPES)
    if content[:_ALIGNMENT].tobytes() != _head():
        raise ValueError("it has another layout")
    if _digest([content[sizes_at:]]) != content[_ALIGNMENT:sizes_at].tobytes():
        raise ValueError("it is damaged")
    arrays: list[npt.NDArray[np.generic]] = []
    for kind, size in zip(_TYPES, content[sizes_at:body_at].view("<i8").tolist(), strict=True):
        body_at += -body_at % _ALIGNMENT
        arrays.append(content[body_at : body_at + size].view(kind))
        body_at += size
    return arrays


def _replace(path: Path, parts: Sequence[npt.NDArray[np.generic]]) -> None:
    """Write the file aside, then put it in place in one step. Its digest makes a flush to disk needless."""
    sizes = np.array([part.nbytes for part in parts], "<i8")
    blocks: list[npt.NDArray[np.generic]] = [sizes]
    place = _ALIGNMENT + _DIGEST_BYTES + sizes.nbytes
    for part in parts:
        blocks += [np.zeros(-place % _ALIGNMENT, np.uint8), part]
        place += -place % _ALIGNMENT + part.nbytes
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        try:
            file.write(_head() + _digest(blocks))
            for block in blocks:
                file.write(block.tobytes())
        except BaseException:
            with suppress(OSError):
                Path(file.name).unlink()
            raise
    Path(file.name).replace(path)


def _digest(blocks: Sequence[npt.NDArray[np.generic]]) -> bytes:
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for block in blocks:
        digest.update(np.ascontiguousarray(block).view(np.uint8).data)
    return digest.digest()
