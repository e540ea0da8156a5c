"""Whose thread it is: Nexus's own graph runs in no other's, no other in its own, however it is labelled."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from nexus.wiring.graphs import Loaded
from tests.api.serving import Office, pause, request, serving, story
from tests.clients import graphs_of_others as others

ODD: tuple[Any, ...] = ("", 5, ["nexus"], {"nexus": 1}, None)
THEIRS = {"assistant_id": "asks", "input": {"x": "a"}}


@pytest.fixture(name="office", scope="module")
def _office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    office = Office(tmp_path_factory.mktemp("whose") / "home", graphs=(Loaded("asks", others.asks),))
    office.tools.gate.set()
    return office


@pytest.fixture(name="client", scope="module")
def _client(office: Office) -> Iterator[httpx.Client]:
    with serving(office) as client:
        yield client


def labelled(client: httpx.Client, label: Any) -> str:
    """A new thread with that label."""
    made = client.post("/threads", json={"metadata": {"graph_id": label}}).raise_for_status().json()
    return made["thread_id"]


@pytest.mark.parametrize("label", ODD, ids=str)
def test_a_label_that_names_no_graph_opens_no_way_around(client: httpx.Client, office: Office, label: Any):
    thread = labelled(client, label)
    assert client.get(f"/threads/{thread}").json()["status"] == "idle"
    office.model.script.clear()
    office.model.calls(("send", {"to": "a@b.c", "subject": "x"}), answer="Sent.")
    client.post(f"/threads/{thread}/runs/wait", json=request("mail a@b.c")).raise_for_status()
    assert client.get(f"/threads/{thread}").json()["metadata"]["graph_id"] == "nexus"
    assert client.post(f"/threads/{thread}/runs", json=THEIRS).status_code == 409
    assert client.post(f"/threads/{thread}/copy").status_code == 409
    assert client.post(f"/threads/{thread}/state", json={"values": {"go": True}}).status_code == 422
    assert client.get("/").status_code == 200, "the page that lists the threads"


@pytest.mark.parametrize("label", ODD, ids=str)
def test_a_label_that_names_no_graph_is_replaced_by_the_first_that_runs(client: httpx.Client, label: Any):
    thread = labelled(client, label)
    client.post(f"/threads/{thread}/runs/wait", json=THEIRS).raise_for_status()
    assert client.get(f"/threads/{thread}").json()["metadata"]["graph_id"] == "asks"
    assert client.post(f"/threads/{thread}/runs", json=request("any mail?")).status_code == 409
    kept = client.patch(f"/threads/{thread}", json={"metadata": {"graph_id": "asks", "topic": "x"}})
    assert kept.raise_for_status().json()["metadata"] == {**kept.json()["metadata"], "topic": "x"}
    assert client.patch(f"/threads/{thread}", json={"metadata": {"graph_id": label}}).status_code == 422


def test_a_call_that_is_open_in_a_thread_without_a_label_keeps_other_graphs_out(
    client: httpx.Client, office: Office
):
    """As the command line left threads before it said whose they are."""
    thread, _ = pause(client, office)
    with closing(sqlite3.connect(office.home / "nexus.db")) as database, database:
        database.execute("UPDATE threads SET metadata = '{}' WHERE id = ?", (thread,))
    assert client.post(f"/threads/{thread}/runs", json=THEIRS).status_code == 409
    assert story(client, thread)["status"] == "waiting"
