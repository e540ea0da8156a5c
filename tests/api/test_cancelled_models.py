"""A run that is stopped stops its model: its server sees the connection closed, an embedded one is free."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from nexus.models.embedded import EmbeddedModel
from nexus.models.engine import EmbeddedEngine
from nexus.models.ollama import OllamaModel
from nexus.models.openai_compatible import OpenAICompatibleModel
from nexus.ports.model import ChatMessage, Completion
from tests.api.serving import Office, request, serving
from tests.servers.ollama import QWEN_3B, OllamaStandIn
from tests.servers.openai import NAME, OpenAIStandIn
from tests.servers.running import running
from tests.servers.script import Fault, Script
from tests.servers.weights import small_weights

PATIENCE = 30
"""Seconds after which a model counts as not asked, or not stopped."""

Stop = Callable[[httpx.AsyncClient, str, threading.Event], Awaitable[None]]


def cancel(action: str) -> Stop:
    """Somebody cancels the run."""

    async def stop(client: httpx.AsyncClient, thread: str, asked: threading.Event) -> None:
        body = request("mail ana")
        run = (await client.post(f"/threads/{thread}/runs", json=body)).raise_for_status().json()["run_id"]
        assert await asyncio.to_thread(asked.wait, PATIENCE)
        wanted = {"wait": "true", "action": action}
        (await client.post(f"/threads/{thread}/runs/{run}/cancel", params=wanted)).raise_for_status()

    return stop


def leave(kind: str) -> Stop:
    """The client that waits for the run, or watches it, goes away."""

    async def stop(client: httpx.AsyncClient, thread: str, asked: threading.Event) -> None:
        body = request("mail ana", on_disconnect="cancel")
        call = asyncio.create_task(client.post(f"/threads/{thread}/runs/{kind}", json=body))
        assert await asyncio.to_thread(asked.wait, PATIENCE)
        call.cancel()
        await asyncio.wait({call})

    return stop


async def stopped(office: Office, stop: Stop, asked: threading.Event) -> list[dict[str, Any]]:
    """The runs of a thread whose only one was stopped while the model was asked."""
    with serving(office) as known:
        async with httpx.AsyncClient(base_url=known.base_url, timeout=PATIENCE, trust_env=False) as client:
            thread = (await client.post("/threads")).raise_for_status().json()["thread_id"]
            await stop(client, thread, asked)
            while (await client.get(f"/threads/{thread}")).raise_for_status().json()["status"] == "busy":
                pass
            return (await client.get(f"/threads/{thread}/runs")).raise_for_status().json()


@contextmanager
def ollama(script: OllamaStandIn) -> Iterator[Any]:
    with running(script.app) as url:
        yield OllamaModel(QWEN_3B, url=url, num_ctx=8192)


@contextmanager
def openai(script: OpenAIStandIn) -> Iterator[Any]:
    with running(script.app) as url:
        yield OpenAICompatibleModel(NAME, url=f"{url}/v1", num_ctx=8192)


SERVED: dict[str, tuple[type[Script], Callable[[Any], Any]]] = {
    "ollama": (OllamaStandIn, ollama),
    "openai": (OpenAIStandIn, openai),
}


@pytest.mark.parametrize("kind", SERVED)
@pytest.mark.parametrize(
    ("stop", "fault", "left"),
    [
        (cancel("interrupt"), "endless", ["interrupted"]),
        (cancel("rollback"), "slow", []),
        (leave("wait"), "slow", ["interrupted"]),
        (leave("stream"), "endless", ["interrupted"]),
    ],
    ids=["interrupted", "rolled back", "waiter left", "watcher left"],
)
async def test_a_models_server_sees_the_connection_closed_when_its_run_is_stopped(
    tmp_path: Path, kind: str, stop: Stop, fault: Fault, left: list[str]
):
    standin, served = SERVED[kind]
    script = standin(fault=fault)
    with served(script) as model:
        runs = await stopped(Office(tmp_path, model=model), stop, script.asked)
        assert await asyncio.to_thread(script.hung_up.wait, PATIENCE)
    assert [run["status"] for run in runs] == left


class Counting(EmbeddedModel):
    """Counts to 900 whatever it is asked, and says when it has begun."""

    def __init__(self, engine: EmbeddedEngine) -> None:
        super().__init__(engine, name="small")
        self.begun = threading.Event()
        self.written = ""

    async def complete(self, messages: Sequence[ChatMessage], **_: Any) -> Completion:
        del messages
        endless = [ChatMessage("user", "Count from 1 to 900, one number a line.")]
        return await super().complete(endless, max_tokens=900, on_text=self._note)

    def _note(self, text: str) -> None:
        self.written += text
        self.begun.set()


@pytest.mark.model
async def test_the_embedded_model_stops_in_the_middle_when_its_run_is_cancelled(tmp_path: Path):
    engine = EmbeddedEngine(small_weights(), num_ctx=1024)
    model = Counting(engine)
    runs = await stopped(Office(tmp_path, model=cast("Any", model)), cancel("interrupt"), model.begun)
    free: Future[None] = engine._worker.submit(lambda: None)
    await asyncio.wait_for(asyncio.wrap_future(free), PATIENCE)
    assert "900" not in model.written
    assert [run["status"] for run in runs] == ["interrupted"]
    await engine.close()
