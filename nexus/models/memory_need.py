"""What a model will need in memory, before it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.errors import ModelFailed
from nexus.models.engine import BATCH
from nexus.models.gguf import read_header
from nexus.models.ollama_server import OllamaServer

CARD_BYTES = 4 << 30
"""The class of graphics card the project aims at."""

DRIVER_BYTES = 300 << 20
"""What a driver and a desktop take of a card."""

_F16 = 2
_F32 = 4
# Ollama's batch, and that many rows of probabilities: newer ones take less.
_OLLAMA_BATCH = 512
# Work buffers of a layer that llama.cpp holds at once, as it reports for Qwen2.5.
_BUFFERS = 4
# Sizes no model has, so that a hostile header cannot make the sum absurd.
_MOST = 1 << 24


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes for the weights, the context's keys and values, and the engine's work space."""

    weights: int
    kv_cache: int
    compute: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.kv_cache + self.compute


def need_of_file(file: Path, *, num_ctx: int) -> MemoryNeed:
    """What the embedded engine will need for `file`.

    Raises:
        ModelMissing: There is no such file, or it is no GGUF file.
        ModelFailed: Its header does not say how large it is inside.
    """
    facts = read_header(file)
    return _need(facts, weights=file.stat().st_size, num_ctx=num_ctx, batch=BATCH, output_rows=1)


def need_of_ollama(model: str, *, url: str, num_ctx: int) -> MemoryNeed:
    """What Ollama will need for `model`.

    Raises:
        ModelMissing, ModelUnavailable: Ollama does not have it, or does not answer.
        ModelFailed: Ollama does not say how large it is inside.
    """
    server = OllamaServer(url)
    facts = server.show(model).get("model_info") or {}
    size = next((tag.size for tag in server.tags() if tag.name in {model, f"{model}:latest"}), 0)
    return _need(facts, weights=size, num_ctx=num_ctx, batch=_OLLAMA_BATCH, output_rows=_OLLAMA_BATCH)


def fits(need: MemoryNeed, card_bytes: int = CARD_BYTES) -> bool:
    """True if a card of that size holds all of it beside its driver."""
    return need.total + DRIVER_BYTES <= card_bytes


def _need(
    facts: Mapping[str, Any], *, weights: int, num_ctx: int, batch: int, output_rows: int
) -> MemoryNeed:
    shape = _Shape(facts)
    layers, heads, width = (
        shape.size("block_count"),
        shape.size("attention.head_count"),
        shape.size("embedding_length"),
    )
    kv_heads = shape.size("attention.head_count_kv", heads)
    inner = shape.size("feed_forward_length", 4 * width)
    each = width // heads
    keys, values = shape.size("attention.key_length", each), shape.size("attention.value_length", each)
    return MemoryNeed(
        weights=weights,
        kv_cache=layers * kv_heads * (keys + values) * _F16 * num_ctx,
        compute=_F32 * (_BUFFERS * batch * (inner + width) + output_rows * shape.vocabulary()),
    )


class _Shape:
    """The sizes of a model, out of its metadata."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts
        self._kind = facts.get("general.architecture")

    def size(self, name: str, default: int | None = None) -> int:
        """One positive size.

        Raises:
            ModelFailed: It is missing, or no possible size.
        """
        value = self._facts.get(f"{self._kind}.{name}")
        if value is None and default is not None:
            return default
        if not isinstance(value, int) or not 0 < value <= _MOST:
            raise ModelFailed(f"The model's metadata has no usable {name}: {value!r}.")
        return value

    def vocabulary(self) -> int:
        """How many tokens it knows; GGUF and Ollama say it in two ways."""
        tokens = self._facts.get("tokenizer.ggml.tokens")
        if isinstance(tokens, list):
            return len(tokens)
        return tokens if isinstance(tokens, int) else self.size("vocab_size", 152_064)
