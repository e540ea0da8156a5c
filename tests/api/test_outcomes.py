"""Calls of which nobody knows whether they acted: listed, explained and resolved over HTTP."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from nexus.core.tool import ToolSpec
from nexus.errors import OutcomeUnknown
from tests.api.serving import Office, pause, settled

MAIL = {"to": "a@b.c", "subject": "x"}


def loses(office: Office, times: int = 1) -> Callable[[ToolSpec, Mapping[str, Any]], str]:
    """The next calls get no answer; those after them do."""

    def behave(*_: Any) -> str:
        if len(office.tools.made) <= times:
            raise OutcomeUnknown("The post office did not answer.", reference="log_7")
        return "Sent."

    return behave


@pytest.fixture(name="lost")
def _lost(client: httpx.Client, office: Office) -> dict[str, Any]:
    """The one outcome that is unknown, as it is listed."""
    office.tools.behaviour = loses(office)
    thread, approval = pause(client, office)
    answer = {"type": "approve", "digest": approval["digest"]}
    path = f"/approvals/{approval['id']}/decision"
    client.post(path, json=answer, params={"wait": "true"}).raise_for_status()
    (outcome,) = client.get("/outcomes").raise_for_status().json()
    assert outcome["thread_id"] == thread
    return outcome


def resolve(client: httpx.Client, outcome: dict[str, Any], **body: Any) -> httpx.Response:
    url, headers = f"/outcomes/{outcome['id']}/resolution", {"content-type": "application/json"}
    return client.post(url, content=json.dumps(body), headers=headers, params={"wait": "true"})


def test_it_is_explained_what_was_sent_when_where_to_and_what_is_known(
    client: httpx.Client, lost: dict[str, Any]
):
    answer = client.get(f"/outcomes/{lost['id']}")
    assert answer.json() == lost
    assert (lost["tool"], lost["arguments"], lost["toolkit"]) == ("send", MAIL, "desk")
    assert (lost["state"], lost["known"]) == ("open", "The post office did not answer.")
    assert (lost["reference"], lost["tries"]) == ("log_7", 1)
    told = " ".join(lost["explanation"])
    for fact in (
        "sent to desk",
        lost["sent_at"][:10],
        lost["id"],
        "log_7",
        "The post office did not answer.",
    ):
        assert fact in told
    assert answer.headers["etag"] == f'"{lost["approval"]["digest"]}"'
    assert "The post office did not answer" in lost["approval"]["reason"]


def test_its_question_is_the_one_that_the_thread_asks(client: httpx.Client, lost: dict[str, Any]):
    (approval,) = client.get("/approvals").json()
    assert lost["approval"] == approval
    assert approval["question"] == "outcome"


def test_that_it_happened_ends_it_with_the_result_and_nothing_is_sent_again(
    client: httpx.Client, office: Office, lost: dict[str, Any]
):
    done = resolve(client, lost, type="happened", result="It is in the outbox.").raise_for_status().json()
    assert (done["outcome"]["state"], done["thread"]["status"]) == ("happened", "idle")
    assert "It is in the outbox." in done["outcome"]["said"]
    assert done["outcome"]["known"] == "The post office did not answer."
    assert "as told by api: It is in the outbox." in done["outcome"]["explanation"][-1]
    assert len(office.tools.made) == 1
    assert client.get("/outcomes").json() == []
    (resolved,) = client.get("/outcomes", params={"unresolved": "false"}).json()
    assert resolved == done["outcome"]


def test_another_try_is_sent_once_under_a_key_of_its_own(
    client: httpx.Client, office: Office, lost: dict[str, Any]
):
    done = resolve(client, lost, type="retry", digest=lost["approval"]["digest"]).raise_for_status().json()
    assert (done["outcome"]["state"], done["thread"]["answer"]) == ("retried", "Sent.")
    first, second = (key for _, _, key in office.tools.made)
    assert (first, second) == (lost["id"], lost["id"].removesuffix("1") + "2")
    assert client.get("/outcomes").json() == []


def test_a_second_try_that_is_lost_too_is_an_outcome_of_its_own(
    client: httpx.Client, office: Office, lost: dict[str, Any]
):
    office.tools.behaviour = loses(office, times=2)
    resolve(client, lost, type="retry").raise_for_status()
    (again,) = client.get("/outcomes").json()
    assert again["id"] == lost["id"].removesuffix("1") + "2"
    assert client.get(f"/outcomes/{lost['id']}").json()["state"] == "retried"


def test_what_is_given_up_stays_unknown_and_the_model_is_told_why(
    client: httpx.Client, office: Office, lost: dict[str, Any]
):
    words = {"reason": "too late now", "comment": "asked Ben first"}
    done = resolve(client, lost, type="give_up", **words).raise_for_status().json()
    assert done["outcome"]["approval"]["comment"] == "asked Ben first"
    assert "Ben" not in str(done["thread"])
    assert done["outcome"]["state"] == "given_up"
    assert "given up by api" in done["outcome"]["explanation"][-1]
    told = [step["text"] for step in done["thread"]["steps"] if step["kind"] == "result"]
    assert "gave up on it: too late now" in told[-1]
    assert len(office.tools.made) == 1


def test_it_is_resolved_once_whichever_way_it_is_answered(
    client: httpx.Client, office: Office, lost: dict[str, Any]
):
    answer = {"type": "respond", "message": "I see it", "digest": lost["approval"]["digest"]}
    client.post(f"/approvals/{lost['approval']['id']}/decision", json=answer).raise_for_status()
    refused = resolve(client, lost, type="retry")
    assert (refused.status_code, refused.json()["approval"]["state"]) == (409, "responded")
    settled(client, lost["thread_id"])
    assert len(office.tools.made) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"type": "retry", "digest": "another"}, 409),
        ({"type": "happened"}, 422),
        ({"type": "happened", "result": ""}, 422),
        ({"type": "happened", "result": "x" * 4_001}, 422),
        ({"type": "happened", "result": "\ud800"}, 400),
        ({"type": "edit", "arguments": {}}, 422),
        ({"type": "retry", "arguments": {}}, 422),
        ({}, 422),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_makes_no_sense_resolves_nothing(
    client: httpx.Client, office: Office, lost: dict[str, Any], body: dict[str, Any], status: int
):
    assert resolve(client, lost, **body).status_code == status
    assert client.get(f"/outcomes/{lost['id']}").json() == lost
    assert len(office.tools.made) == 1


def test_an_etag_of_something_else_resolves_nothing(client: httpx.Client, lost: dict[str, Any]):
    url, body = f"/outcomes/{lost['id']}/resolution", {"type": "retry"}
    assert client.post(url, json=body, headers={"If-Match": '"another"'}).status_code == 409
    assert client.get(f"/outcomes/{lost['id']}").json()["state"] == "open"


def test_it_is_listed_although_its_thread_has_not_asked_yet(
    client: httpx.Client, office: Office, lost: dict[str, Any]
):
    with sqlite3.connect(office.home / "nexus.db") as database:
        database.execute("DELETE FROM approvals WHERE question = 'outcome'")
    (unasked,) = client.get("/outcomes").json()
    assert (unasked["state"], unasked["approval"]) == ("unasked", None)
    assert "asks you as soon as it goes on" in unasked["explanation"][-1]
    refused = resolve(client, lost, type="retry")
    assert (refused.status_code, refused.json()["detail"]) == (409, "Its thread has not asked about it yet.")


def test_only_the_whole_id_names_one(client: httpx.Client, lost: dict[str, Any]):
    assert client.get(f"/outcomes/{lost['id'][:12]}").status_code == 404
    assert client.get(f"/outcomes/{lost['approval']['id']}").status_code == 404


def test_those_of_one_thread_can_be_listed(client: httpx.Client, lost: dict[str, Any]):
    assert client.get("/outcomes", params={"thread_id": lost["thread_id"]}).json() == [lost]
    assert client.get("/outcomes", params={"thread_id": "other"}).json() == []
