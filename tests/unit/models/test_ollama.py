"""What is sent to Ollama, and what only Ollama does."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from nexus.errors import ModelMissing
from nexus.models.ollama import OllamaModel
from nexus.ports.model import ChatMessage
from tests.servers.ollama import QWEN_3B, OllamaStandIn
from tests.servers.running import running

ASK = [ChatMessage("system", "Be brief."), ChatMessage("user", "Hi")]
SCHEMA = {"type": "object", "properties": {"b": {"const": 1}, "a": {"const": 2}}, "required": ["b", "a"]}


@pytest.fixture(name="server")
def _server() -> OllamaStandIn:
    return OllamaStandIn()


@pytest.fixture(name="model")
async def _model(server: OllamaStandIn) -> AsyncIterator[OllamaModel]:
    with running(server.app) as url:
        model = OllamaModel(QWEN_3B, url=url, num_ctx=2048)
        yield model
        await model.close()


async def test_every_request_sets_the_context_the_seed_and_the_length(
    model: OllamaModel, server: OllamaStandIn
):
    await model.complete(ASK, schema=SCHEMA, max_tokens=99)
    await model.probability_of_yes(ASK)
    for request, length in zip(server.requests, (99, 1), strict=True):
        assert request["options"] == {"num_ctx": 2048, "num_predict": length, "temperature": 0.0, "seed": 7}
        assert request["keep_alive"] == "30m"
        assert request["think"] is False
        assert request["stream"] is True


async def test_the_server_is_told_not_to_shorten_a_prompt(model: OllamaModel, server: OllamaStandIn):
    await model.complete(ASK)
    assert (server.requests[0]["truncate"], server.requests[0]["shift"]) == (False, False)


async def test_the_schema_arrives_as_the_format_in_its_own_order(model: OllamaModel, server: OllamaStandIn):
    await model.complete(ASK, schema=SCHEMA)
    assert server.requests[0]["format"] == SCHEMA
    assert list(server.requests[0]["format"]["properties"]) == ["b", "a"]


async def test_a_missing_model_comes_with_the_command_that_gets_it(model: OllamaModel, server: OllamaStandIn):
    server.models.clear()
    with pytest.raises(ModelMissing) as caught:
        await model.complete(ASK)
    assert caught.value.remedy == f"Get it with: ollama pull {QWEN_3B}"


async def test_nothing_is_traced_even_if_the_environment_asks_for_it(
    model: OllamaModel, server: OllamaStandIn, monkeypatch: pytest.MonkeyPatch
):
    collector = OllamaStandIn()
    with running(collector.app) as url:
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", url)
        monkeypatch.setenv("LANGSMITH_API_KEY", "key")
        await model.complete(ASK)
    assert len(server.requests) == 1
    assert not collector.requests


async def test_a_proxy_of_the_environment_never_sees_a_prompt(
    model: OllamaModel, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert (await model.complete(ASK)).text == "Hello there."
