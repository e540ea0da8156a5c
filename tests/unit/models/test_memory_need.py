"""What a model will need, and headers that lie."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from nexus.errors import ModelFailed, ModelMissing
from nexus.models.gguf import read_header
from nexus.models.memory_need import MemoryNeed, fits, need_of_file, need_of_ollama
from tests.servers.ollama import OllamaStandIn
from tests.servers.running import running

SHAPE = {
    "block_count": 28,
    "attention.head_count": 12,
    "attention.head_count_kv": 2,
    "embedding_length": 1536,
}


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def number(key: str, value: int) -> bytes:
    return text(key) + struct.pack("<II", 4, value)


def header(*pairs: bytes, count: int | None = None, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, 0, len(pairs) if count is None else count) + b"".join(pairs)


def usual(**changed: int) -> bytes:
    architecture = text("general.architecture") + struct.pack("<I", 8) + text("qwen2")
    tokens = text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 3) + text("a") * 3
    sizes = {**SHAPE, **{name.replace("__", "."): value for name, value in changed.items()}}
    return header(architecture, tokens, *(number(f"qwen2.{name}", value) for name, value in sizes.items()))


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return tmp_path / "m.gguf"


def test_the_cache_is_two_bytes_for_each_key_and_value_of_every_layer(file: Path):
    file.write_bytes(usual())
    need = need_of_file(file, num_ctx=8192)
    assert need.kv_cache == 2 * 28 * 2 * 128 * 2 * 8192
    assert need.weights == file.stat().st_size


def test_ollama_is_asked_for_the_same_facts():
    facts = {"general.architecture": "qwen2", **{f"qwen2.{name}": value for name, value in SHAPE.items()}}
    with running(OllamaStandIn(models={"q:1": {"size": 1000, "model_info": facts}}).app) as url:
        need = need_of_ollama("q:1", url=url, num_ctx=1024)
        assert (need.weights, need.kv_cache) == (1000, 2 * 28 * 2 * 128 * 2 * 1024)
        with pytest.raises(ModelMissing):
            need_of_ollama("q:2", url=url, num_ctx=1024)


def test_a_card_holds_a_model_beside_its_driver():
    assert fits(MemoryNeed(weights=3 << 30, kv_cache=1 << 28, compute=1 << 28))
    assert not fits(MemoryNeed(weights=4 << 30, kv_cache=0, compute=0))


def test_a_list_is_its_length(file: Path):
    file.write_bytes(usual())
    assert read_header(file)["tokenizer.ggml.tokens"] == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GGU",
        b"PK\x03\x04" * 50,
        header(version=99),
        header(count=1 << 60),
        header(text("k") + struct.pack("<I", 77)),
        header(struct.pack("<Q", 1 << 62) + b"k"),
        header(text("k") + struct.pack("<IQ", 8, 1 << 62)),
        header(text("k") + struct.pack("<IIQ", 9, 4, 1 << 62)),
        header(text("k") + struct.pack("<IIQ", 9, 4, 1 << 20)),
        header(text("k") + struct.pack("<IIQ", 9, 9, 1)),
        header(text("k") + struct.pack("<IIQ", 9, 8, 1 << 20)),
        usual()[:-3],
    ],
)
def test_a_hostile_or_broken_header_is_refused_quickly(file: Path, content: bytes):
    file.write_bytes(content)
    with pytest.raises(ModelMissing, match="not a usable GGUF file"):
        read_header(file)


@pytest.mark.parametrize("changed", [{"attention__head_count": 0}, {"block_count": 1 << 31}])
def test_absurd_sizes_are_refused(file: Path, changed: dict[str, int]):
    file.write_bytes(usual(**changed))
    with pytest.raises(ModelFailed):
        need_of_file(file, num_ctx=8192)


def test_a_file_that_is_not_there_comes_with_a_remedy(file: Path):
    with pytest.raises(ModelMissing) as caught:
        read_header(file)
    assert "nexus model pull" in (caught.value.remedy or "")
