"""A run's own webhook, over the official Python SDK: told of its end, signed, and of what it asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from nexus.core.signature import check_signed
from nexus.settings import Settings
from nexus.wiring.graphs import Loaded
from tests.api.serving import Office, request, serving
from tests.clients import graphs_of_others as others
from tests.clients.asking import refused, until
from tests.servers.receiver import Received, Receiver, receiving


@dataclass
class Reaching(Office):
    """An office whose messages may go to this machine."""

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, port=0, webhook_allow=("127.0.0.0/8",))


@pytest.fixture(name="receiver", scope="module")
def _receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(name="reaching", scope="module")
def _reaching(
    tmp_path_factory: pytest.TempPathFactory, note: Callable[[FastAPI], None]
) -> Iterator[tuple[Office, str]]:
    graphs = tuple(Loaded(name, getattr(others, name)) for name in ("asks", "fails", "waits"))
    office = Reaching(tmp_path_factory.mktemp("hooks") / "home", graphs=graphs)
    office.tools.gate.set()
    with serving(office, note) as client:
        yield office, str(client.base_url)


@pytest.fixture(name="office")
def _office(reaching: tuple[Office, str]) -> Office:
    return reaching[0]


@pytest.fixture(name="sdk")
async def _sdk(reaching: tuple[Office, str], receiver: Receiver) -> AsyncIterator[LangGraphClient]:
    receiver.received.clear()
    async with get_client(url=reaching[1], api_key=None, timeout=30) as client:
        yield client


async def told(receiver: Receiver) -> tuple[Received, dict[str, Any]]:
    """The next message."""
    await asyncio.to_thread(receiver.wait)
    return receiver.received[-1], json.loads(receiver.received[-1].body)


async def test_a_runs_webhook_is_told_what_it_asks_and_then_its_end(
    sdk: LangGraphClient, receiver: Receiver, office: Office
):
    thread, url = (await sdk.threads.create())["thread_id"], f"{receiver.url}/runs"
    office.model.script.clear()
    office.model.calls(("send", {"to": "a@b.c", "subject": "x"}), answer="Sent.")
    run = await sdk.runs.create(thread, "nexus", input=request("mail a@b.c")["input"], webhook=url)
    message, body = await told(receiver)
    assert (body["type"], body["run_id"], body["status"]) == ("run.ended", run["run_id"], "interrupted")
    (question,) = body["interrupts"]
    assert question["value"]["action_requests"][0]["args"] == {"to": "a@b.c", "subject": "x"}
    assert (message.path, message.headers["webhook-id"]) == ("/runs", f"msg_{run['run_id']}")
    yes = {"resume": {"decisions": [{"type": "approve"}]}}
    await sdk.runs.create(thread, "nexus", command=yes, webhook=url)
    _, body = await told(receiver)
    assert (body["status"], body["interrupts"]) == ("success", [])
    assert body["values"]["messages"][-1]["content"] == "Sent."
    listed: Any = await sdk.http.get("/webhooks/endpoints")
    (endpoint,) = (each for each in listed if each["url"] == url)
    assert endpoint["events"] == ["run.ended"]
    rotated: Any = await sdk.http.post(f"/webhooks/endpoints/{endpoint['id']}/rotate", json=None)
    await sdk.runs.create(None, "asks", input={"x": "a"}, webhook=url)
    message, _ = await told(receiver)
    check_signed([rotated["secret"]], message.headers, message.body, now=office.clock.now())


async def test_a_failure_and_a_stop_are_told_too(sdk: LangGraphClient, receiver: Receiver):
    url = f"{receiver.url}/ends"
    failed: Any = await sdk.runs.create(None, "fails", input={"x": "a"}, webhook=url)
    _, body = await told(receiver)
    assert (body["run_id"], body["status"]) == (failed["run_id"], "error")
    assert "hunter2" not in json.dumps(body)
    thread = (await sdk.threads.create())["thread_id"]
    stopped = await sdk.runs.create(thread, "waits", input={"x": "webhook"}, webhook=url)
    await until(sdk, thread, stopped["run_id"], "running")
    await sdk.runs.cancel(thread, stopped["run_id"])
    _, body = await told(receiver)
    assert (body["run_id"], body["status"]) == (stopped["run_id"], "interrupted")


async def test_a_webhook_that_must_not_be_reached_starts_nothing(sdk: LangGraphClient):
    thread = (await sdk.threads.create())["thread_id"]
    for url in ("https://10.0.0.1/in", "file:///etc/passwd", "http://127.0.0.1:1/#in"):
        with refused(422):
            await sdk.runs.create(thread, "asks", input={"x": "a"}, webhook=url)
    assert await sdk.runs.list(thread) == []


async def test_webhooks_of_runs_take_no_endpoint_of_the_users_own(
    sdk: LangGraphClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    """Those of runs have a number of their own; for a new one the one goes that no run named for longest."""
    monkeypatch.setattr("nexus.store.endpoints.MOST", 2)
    monkeypatch.setattr("nexus.store.endpoints.MOST_OF_RUNS", 3)
    monkeypatch.setattr("nexus.store.endpoints.AT_REST", timedelta(0))

    async def listed() -> dict[str, str]:
        found: Any = await sdk.http.get("/webhooks/endpoints")
        return {each["url"]: each["id"] for each in found}

    for endpoint in (await listed()).values():
        await sdk.http.delete(f"/webhooks/endpoints/{endpoint}")
    urls = [f"{receiver.url}/{number}" for number in range(5)]
    for url in urls[:3]:
        await sdk.runs.create(None, "asks", input={"x": "a"}, webhook=url)
        await told(receiver)
    await delivered(sdk)
    await sdk.runs.create(None, "asks", input={"x": "a"}, webhook=urls[0])
    await told(receiver)
    await delivered(sdk)
    await sdk.runs.create(None, "asks", input={"x": "a"}, webhook=urls[3])
    await told(receiver)
    assert set(await listed()) == {urls[0], urls[2], urls[3]}
    for url in ("https://hooks.example.invalid/1", "https://hooks.example.invalid/2"):
        await sdk.http.post("/webhooks/endpoints", json={"url": url})
    with refused(409):
        await sdk.http.post("/webhooks/endpoints", json={"url": "https://hooks.example.invalid/3"})
    monkeypatch.setattr("nexus.store.endpoints.AT_REST", timedelta(hours=1))
    with refused(409):
        await sdk.runs.create(None, "asks", input={"x": "a"}, webhook=urls[4])


async def delivered(sdk: LangGraphClient) -> None:
    """Until nothing is on its way any more; asking is all the waiting there is."""
    for _ in range(10_000):
        if not await sdk.http.get("/webhooks/deliveries?state=pending"):
            return
    raise AssertionError("something is not delivered")
