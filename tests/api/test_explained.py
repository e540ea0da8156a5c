"""Where a thread stands is told in words, also while nothing can be written, and stays true after forks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest

from nexus.errors import ModelUnavailable
from nexus.testing import FakeClock
from tests.api.serving import Office, go_on, new_thread, pause, request, serving, settled, story


@contextmanager
def locked(office: Office, file: str = "nexus.db") -> Iterator[None]:
    """Another program holds the write lock of a file."""
    with sqlite3.connect(office.home / file, isolation_level=None) as lock:
        lock.execute("BEGIN IMMEDIATE")
        yield
        lock.execute("ROLLBACK")


def decide(client: httpx.Client, approval: dict[str, str], **answer: str) -> None:
    path = f"/approvals/{approval['id']}/decision"
    client.post(path, json=answer, params={"wait": "true"}).raise_for_status()


@pytest.mark.parametrize("file", ["nexus.db", "checkpoints.db"])
def test_what_explains_can_be_read_while_nothing_can_be_written(
    client: httpx.Client, office: Office, file: str
):
    thread, approval = pause(client, office)
    with locked(office, file):
        told = story(client, thread)
        assert client.get("/approvals").raise_for_status().json() == [approval]
        assert client.get(f"/approvals/{approval['id']}").raise_for_status().json() == approval
        assert client.get("/outcomes").raise_for_status().json() == []
        assert client.get("/reviews").raise_for_status().json() == []
    assert told["explanation"] == "send was not sent: it waits for you to decide."


def test_that_the_time_is_over_can_be_read_while_nothing_can_be_written(office: Office):
    office.clock = FakeClock()
    with serving(office) as client:
        thread, approval = pause(client, office)
        office.clock.advance(timedelta(days=2))
        with locked(office):
            assert client.get(f"/approvals/{approval['id']}").json()["state"] == "expired"
            assert story(client, thread)["approvals"] == []


def test_every_end_of_a_thread_says_what_happened(client: httpx.Client, office: Office):
    assert story(client, new_thread(client))["explanation"] == "Nothing was begun in it."
    done, approval = pause(client, office)
    decide(client, approval, type="approve")
    assert story(client, done)["explanation"] == "The request was served, and answered."
    refused, approval = pause(client, office)
    decide(client, approval, type="reject")
    assert "you said no" in story(client, refused)["explanation"]
    broken = new_thread(client)
    office.model.script[:] = [ModelUnavailable()]
    client.post(f"/threads/{broken}/runs/wait", json=request("mail a@b.c"))
    assert "goes on from there" in settled(client, broken)["explanation"]


def test_a_fork_whose_run_fails_leaves_no_question_that_nobody_waits_for(
    client: httpx.Client, office: Office
):
    thread, approval = pause(client, office)
    past = client.post(f"/threads/{thread}/history", json={"limit": 50}).raise_for_status().json()
    office.model.script[:] = [ModelUnavailable()]
    body = go_on(checkpoint=past[-1]["checkpoint"])
    client.post(f"/threads/{thread}/runs/wait", json=body)
    settled(client, thread)
    assert client.get("/approvals").json() == []
    assert client.get(f"/approvals/{approval['id']}").json()["state"] == "superseded"
    path = f"/approvals/{approval['id']}/decision"
    assert client.post(path, json={"type": "approve"}).status_code == 409
    assert office.tools.made == []


def test_a_fork_that_asks_anew_closes_the_question_before_it(client: httpx.Client, office: Office):
    thread, approval = pause(client, office)
    past = client.post(f"/threads/{thread}/history", json={"limit": 50}).raise_for_status().json()
    office.model.script.clear()
    office.model.calls(("send", {"to": "a@b.c", "subject": "y"}), answer="Sent.")
    body = go_on(checkpoint=past[-1]["checkpoint"])
    client.post(f"/threads/{thread}/runs/wait", json=body).raise_for_status()
    (asked,) = client.get("/approvals").json()
    assert asked["arguments"] == {"to": "a@b.c", "subject": "y"}
    assert client.get(f"/approvals/{approval['id']}").json()["state"] == "superseded"


def test_a_run_that_fails_while_it_waits_for_a_person_goes_on_waiting(client: httpx.Client, office: Office):
    thread, approval = pause(client, office)
    client.post(f"/threads/{thread}/runs/wait", json=request("and more"))
    assert [each["id"] for each in story(client, thread)["approvals"]] == [approval["id"]]
