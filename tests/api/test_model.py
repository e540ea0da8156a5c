"""/model over HTTP: what thinks, and fetching its weights, for admins alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from nexus.models.weights import DEFAULT_MODEL
from tests.api.serving import serving
from tests.api.shipped import Shipped, thinking
from tests.servers.hub import HALF, HubStandIn
from tests.servers.running import running


@pytest.fixture(name="hub")
def _hub() -> HubStandIn:
    return HubStandIn(gate=threading.Event())


@pytest.fixture(name="client")
def _client(hub: HubStandIn, tmp_path: Path) -> Iterator[httpx.Client]:
    with running(hub.app) as url, thinking():
        with serving(Shipped(tmp_path / "home", more={"hub_url": url})) as client:
            yield client
        assert hub.gate is not None
        hub.gate.set()


def test_missing_weights_are_fetched_while_the_server_runs(client: httpx.Client, hub: HubStandIn):
    shown = client.get("/model").json()
    assert (shown["model"], shown["by_default"], shown["is_ready"]) == (
        f"embedded:{DEFAULT_MODEL}",
        True,
        False,
    )
    assert ("weights are not here" in shown["problem"], shown["fetch"]) == (True, None)
    assert client.post("/model/pull").status_code == 202
    assert until(client, "fetching", done=HALF)["percent"] == 50
    refused = client.post("/model/pull", json={"model": "qwen2.5-coder-0.5b"})
    assert (refused.status_code, f"{DEFAULT_MODEL} is being fetched" in refused.text) == (409, True)
    assert hub.gate is not None
    hub.gate.set()
    assert until(client, "done")["percent"] == 100
    assert client.get("/model").json()["is_ready"]


def test_fetching_can_be_stopped_and_gone_on_with(client: httpx.Client, hub: HubStandIn):
    client.post("/model/pull", json={"model": DEFAULT_MODEL}).raise_for_status()
    until(client, "fetching", done=HALF)
    assert client.delete("/model/pull").json()["fetch"]["state"] == "stopped"
    assert hub.gate is not None
    hub.gate.set()
    client.post("/model/pull").raise_for_status()
    until(client, "done")
    assert hub.ranges.count(None) == 1, "it never began anew"


def test_weights_that_nobody_knows_are_refused_with_the_known_names(client: httpx.Client):
    refused = client.post("/model/pull", json={"model": "llama"})
    assert (refused.status_code, DEFAULT_MODEL in refused.text) == (422, True)
    kept = client.post("/model/pull", json={"model": "ollama:qwen2.5-coder:3b"})
    assert (kept.status_code, "ollama pull qwen2.5-coder:3b" in kept.text) == (422, True)


def until(client: httpx.Client, state: str, *, done: int = 0) -> dict[str, int]:
    """The download once it stands so; asking is all the waiting there is."""
    for _ in range(5_000):
        fetch = client.get("/model").json()["fetch"]
        if fetch and fetch["state"] == state and fetch["done"] >= done:
            return fetch
    raise AssertionError(fetch)
