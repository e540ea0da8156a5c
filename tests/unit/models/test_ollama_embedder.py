from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nexus.app import open_service
from nexus.errors import ModelMissing, ModelUnavailable, OutputInvalid, SettingsInvalid
from nexus.models.ollama_embedder import BATCH, AbsentEmbedder, open_ollama_embedder
from nexus.settings import Settings
from tests.servers.ollama import OllamaStandIn
from tests.servers.running import running

NOMIC = "nomic-embed-text"


@pytest.fixture(name="ollama")
def _ollama() -> OllamaStandIn:
    models = {f"{NOMIC}:latest": {"digest": "0a109f422b47e3a3", "dimensions": 16}, "chat:1b": {"size": 1}}
    models[NOMIC] = models[f"{NOMIC}:latest"]
    return OllamaStandIn(models=models)


@pytest.fixture(name="url")
def _url(ollama: OllamaStandIn) -> Iterator[str]:
    with running(ollama.app) as url:
        yield url


async def test_vectors_have_length_one_and_the_models_dimensions(url: str):
    embedder = await open_ollama_embedder(NOMIC, url=url)
    assert (embedder.name, embedder.dimensions) == ("ollama-nomic-embed-text-0a109f422b47", 16)
    rows = await embedder.embed(["tea", "chess", "tea"])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    assert np.array_equal(rows[0], rows[2])
    assert not np.array_equal(rows[0], rows[1])


async def test_many_texts_are_sent_in_batches_and_come_back_in_order(ollama: OllamaStandIn, url: str):
    embedder = await open_ollama_embedder(NOMIC, url=url)
    ollama.embedded.clear()
    texts = [f"text {number}" for number in range(2 * BATCH + 1)]
    rows = await embedder.embed(texts)
    assert [len(batch) for batch in ollama.embedded] == [BATCH, BATCH, 1]
    assert np.array_equal(rows[-1], (await embedder.embed(texts[-1:]))[0])


async def test_other_weights_under_the_same_name_have_another_name(ollama: OllamaStandIn, url: str):
    before = await open_ollama_embedder(NOMIC, url=url)
    ollama.models[NOMIC] = ollama.models[f"{NOMIC}:latest"] = {"digest": "ffff00001111", "dimensions": 24}
    after = await open_ollama_embedder(NOMIC, url=url)
    assert before.name != after.name
    with pytest.raises(OutputInvalid, match="24 dimensions, not 16"):
        await before.embed(["tea"])


async def test_a_model_that_is_not_there_is_named_with_the_remedy_when_it_is_needed(url: str):
    embedder = await open_ollama_embedder("mxbai-embed-large", url=url)
    with pytest.raises(ModelMissing, match="ollama pull mxbai-embed-large"):
        await embedder.embed(["tea"])


async def test_without_ollama_nothing_fails_before_a_vector_is_needed():
    embedder = await open_ollama_embedder(NOMIC, url="http://127.0.0.1:9")
    assert isinstance(embedder, AbsentEmbedder)
    with pytest.raises(ModelUnavailable, match="ollama serve"):
        await embedder.embed(["tea"])


async def test_texts_go_to_no_server_elsewhere():
    with pytest.raises(SettingsInvalid, match="NEXUS_OLLAMA_URL"):
        await open_ollama_embedder(NOMIC, url="https://ollama.example.com")
    with pytest.raises(SettingsInvalid, match="cloud"):
        await open_ollama_embedder("embed:cloud", url="http://127.0.0.1:9")


async def test_a_setting_that_names_no_embedding_model_is_refused(tmp_path: Path):
    with pytest.raises(SettingsInvalid, match="ollama:nomic-embed-text"):
        async with open_service(Settings(home=tmp_path, embeddings="nomic")):
            pass


async def test_memories_are_embedded_anew_when_the_model_changes(
    ollama: OllamaStandIn, url: str, tmp_path: Path
):
    settings = Settings(home=tmp_path, embeddings=f"ollama:{NOMIC}", ollama_url=url, model="ollama:chat:1b")
    async with open_service(settings) as service:
        assert service.parts.memories is not None
        await service.parts.memories.remember("Ana likes tea")
    ollama.models[NOMIC] = ollama.models[f"{NOMIC}:latest"] = {"digest": "ffff00001111", "dimensions": 24}
    async with open_service(settings) as service:
        assert service.parts.memories is not None
        await service.parts.memories.store.reembed()
        found = await service.parts.memories.store.search("Ana likes tea")
        assert [each.memory.text for each in found] == ["Ana likes tea"]
