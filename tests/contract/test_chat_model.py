"""What every chat model promises, whoever runs it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from nexus.errors import (
    ModelMissing,
    ModelUnavailable,
    NexusError,
    OutputCut,
    OutputInvalid,
    PromptTooLong,
)
from nexus.models.embedded import EmbeddedModel
from nexus.models.engine import EmbeddedEngine
from nexus.models.ollama import OllamaModel
from nexus.models.openai_compatible import OpenAICompatibleModel
from nexus.ports.model import ChatMessage, ChatModel
from tests.servers.ollama import QWEN_3B, OllamaStandIn
from tests.servers.openai import NAME, OpenAIStandIn
from tests.servers.running import running
from tests.servers.script import Script
from tests.servers.weights import SMALL, small_weights

CONTEXT = 1024
ASK = [ChatMessage("system", "You answer in JSON."), ChatMessage("user", "Mail Bob about Friday.")]
STEP = {
    "type": "object",
    "properties": {
        "zone": {"type": "string", "maxLength": 12},
        "action": {"enum": ["mail", "wait"]},
        "number": {"type": "integer", "minimum": 3, "maximum": 9},
    },
    "required": ["zone", "action", "number"],
    "additionalProperties": False,
}


@dataclass
class Served:
    """A model over HTTP, and the script of its server."""

    model: ChatModel
    script: Script


@pytest.fixture(name="engine", scope="module")
def _engine() -> Iterator[EmbeddedEngine]:
    """One engine for all tests, as there is one for a process."""
    engine = EmbeddedEngine(small_weights(), num_ctx=CONTEXT)
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(params=["ollama", "openai", pytest.param("embedded", marks=pytest.mark.model)], name="model")
def _model(request: pytest.FixtureRequest) -> ChatModel:
    """Each implementation."""
    if request.param == "embedded":
        return EmbeddedModel(request.getfixturevalue("engine"), name=SMALL.name)
    served: Served = request.getfixturevalue(f"{request.param}_served")
    served.script.yes = 0.75
    return served.model


@pytest.fixture(params=["ollama", "openai"], name="served")
def _served(request: pytest.FixtureRequest) -> Served:
    """Each implementation that talks to a server."""
    return request.getfixturevalue(f"{request.param}_served")


@pytest.fixture
def ollama_served() -> Iterator[Served]:
    """Ollama's stand-in."""
    script = OllamaStandIn()
    with running(script.app) as url:
        model = OllamaModel(QWEN_3B, url=url, num_ctx=CONTEXT)
        yield Served(model, script)
        script.hung_up.set()
        asyncio.run(model.close())


@pytest.fixture
def openai_served() -> Iterator[Served]:
    """The OpenAI-compatible stand-in."""
    script = OpenAIStandIn()
    with running(script.app) as url:
        model = OpenAICompatibleModel(NAME, url=f"{url}/v1", num_ctx=CONTEXT)
        yield Served(model, script)
        script.hung_up.set()
        asyncio.run(model.close())


def hurried(served: Served, seconds: float) -> ChatModel:
    """The same model, allowed less time."""
    if isinstance(served.model, OllamaModel):
        return OllamaModel(QWEN_3B, url=served.model._url, num_ctx=CONTEXT, request_timeout=seconds)
    url = served.model.name.removeprefix("openai:").partition("#")[0]
    return OpenAICompatibleModel(NAME, url=url, num_ctx=CONTEXT, request_timeout=seconds)


async def failure_of(model: ChatModel, **more: Any) -> NexusError:
    """The error a step ends with."""
    with pytest.raises(NexusError) as caught:
        await model.complete(ASK, schema=STEP, **more)
    return caught.value


async def test_a_step_is_json_valid_for_its_schema_with_properties_in_its_order(model: ChatModel):
    done = await model.complete(ASK, schema=STEP, max_tokens=80)
    step = json.loads(done.text)
    assert list(step) == ["zone", "action", "number"]
    assert step["action"] in {"mail", "wait"}
    assert 3 <= step["number"] <= 9


async def test_a_completion_says_what_it_cost(model: ChatModel):
    done = await model.complete(ASK, schema=STEP, max_tokens=80)
    assert done.prompt_tokens > 5
    assert done.completion_tokens > 2
    assert done.seconds > 0


async def test_text_arrives_in_pieces_on_the_threads_own_loop(model: ChatModel):
    heard: list[tuple[str, int]] = []
    done = await model.complete(
        ASK,
        schema=STEP,
        max_tokens=80,
        on_text=lambda text: heard.append((text, threading.get_ident())),
    )
    assert "".join(text for text, _ in heard) == done.text
    assert len(heard) > 2
    assert {thread for _, thread in heard} == {threading.get_ident()}


async def test_without_a_schema_the_answer_is_free_text(model: ChatModel):
    assert (await model.complete([ChatMessage("user", "Say hello.")], max_tokens=60)).text.strip()


async def test_the_same_prompt_gives_the_same_answer(model: ChatModel):
    first = await model.complete(ASK, schema=STEP, max_tokens=80)
    assert (await model.complete(ASK, schema=STEP, max_tokens=80)).text == first.text


async def test_a_prompt_that_does_not_fit_beside_its_answer_is_refused(model: ChatModel):
    with pytest.raises(PromptTooLong) as caught:
        await model.complete([ChatMessage("user", "word " * CONTEXT)], max_tokens=80)
    assert "NEXUS_NUM_CTX" in str(caught.value)


async def test_what_is_no_schema_is_refused_before_the_model_is_asked(model: ChatModel):
    with pytest.raises(OutputInvalid, match="/type"):
        await model.complete(ASK, schema={"type": "text"})


async def test_eight_callers_at_once_are_all_answered(model: ChatModel):
    asked = [[ChatMessage("user", f"Mail number {number}.")] for number in range(8)]
    done = await asyncio.gather(*(model.complete(each, schema=STEP, max_tokens=80) for each in asked))
    assert all(json.loads(each.text)["action"] for each in done)


async def test_the_probability_of_yes_lies_between_zero_and_one(model: ChatModel):
    found = await model.probability_of_yes([ChatMessage("user", "Is the sky blue? Answer yes or no.")])
    assert found is not None
    assert 0 <= found <= 1


async def test_a_model_names_its_setting_and_its_context(model: ChatModel):
    assert model.name.partition(":")[0] in {"ollama", "openai", "embedded"}
    assert model.context_tokens == CONTEXT


async def test_an_answer_cut_by_its_length_is_an_error(served: Served):
    served.script.fault = "length"
    assert type(await failure_of(served.model)) is OutputCut


@pytest.mark.model
async def test_the_embedded_models_answer_cut_by_its_length_is_an_error(engine: EmbeddedEngine):
    assert type(await failure_of(EmbeddedModel(engine, name="x"), max_tokens=3)) is OutputCut


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        ("500", ModelUnavailable, "log"),
        ("busy", ModelUnavailable, "Try again"),
        ("cut", ModelUnavailable, "Try again"),
        ("junk", OutputInvalid, "model server"),
        ("load", OutputInvalid, "Try again"),
        ("missing", ModelMissing, ""),
        ("over-long", PromptTooLong, "NEXUS_NUM_CTX"),
        ("shortened", PromptTooLong, "NEXUS_NUM_CTX"),
    ],
)
async def test_each_fault_of_a_server_is_its_error_with_a_remedy(
    served: Served, fault: Any, kind: type[NexusError], says: str
):
    served.script.fault = fault
    error = await failure_of(served.model)
    assert type(error) is kind
    assert error.remedy
    assert says in error.remedy


async def test_after_a_fault_the_next_step_works(served: Served):
    served.script.fault = "cut"
    await failure_of(served.model)
    served.script.fault = None
    assert await served.model.complete(ASK, schema=STEP)


async def test_a_server_that_does_not_answer_in_time_is_unavailable(served: Served):
    served.script.fault = "slow"
    error = await failure_of(hurried(served, 0.2))
    assert type(error) is ModelUnavailable
    assert "0.2 s" in error.message


async def test_an_answer_that_never_ends_is_ended(served: Served):
    served.script.fault = "endless"
    assert type(await failure_of(hurried(served, 0.3))) is ModelUnavailable


async def test_a_cancelled_call_hangs_up(served: Served):
    served.script.fault = "endless"
    heard = asyncio.Event()
    call = asyncio.create_task(served.model.complete(ASK, on_text=lambda _: heard.set()))
    await heard.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(served.script.hung_up.wait, 10)


@pytest.mark.parametrize(
    "reply",
    [
        '{"zone": "a", "action": "mail"',
        "no JSON",
        '{"zone": "a", "zone": "b"}',
        '{"number": NaN}',
        "[" * 5000,
    ],
)
async def test_text_that_is_not_strict_json_is_never_repaired(served: Served, reply: str):
    served.script.replies.append(reply)
    error = await failure_of(served.model)
    assert type(error) is OutputInvalid
    assert "not JSON" in error.message


async def test_json_that_does_not_fit_is_an_error_that_names_the_path(served: Served):
    served.script.replies.append('{"zone": "a", "action": "mail", "number": 12}')
    error = await failure_of(served.model)
    assert type(error) is OutputInvalid
    assert "/number" in error.message


async def test_a_server_without_probabilities_gives_none(served: Served):
    assert await served.model.probability_of_yes(ASK) is None


async def test_a_yes_is_weighed_against_a_no(served: Served):
    served.script.yes = 0.75
    assert await served.model.probability_of_yes(ASK) == pytest.approx(0.75)


async def test_a_server_that_is_down_is_unavailable_and_the_error_says_how_to_start_it():
    with running(OllamaStandIn().app) as url:
        pass
    ollama = OllamaModel(QWEN_3B, url=url, num_ctx=CONTEXT)
    error = await failure_of(ollama)
    assert type(error) is ModelUnavailable
    assert error.remedy == "Start Ollama with: ollama serve"
    await ollama.close()
    openai = OpenAICompatibleModel(NAME, url=f"{url}/v1", num_ctx=CONTEXT)
    assert type(await failure_of(openai)) is ModelUnavailable
    await openai.close()
