from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from nexus.core.policy import Policy
from nexus.errors import ModelUnavailable
from nexus.runtime import driving
from tests.api.serving import Office, go_on, pause, serving, settled, story


def decide(client: httpx.Client, approval: dict[str, Any], body: Any, **extra: Any) -> httpx.Response:
    return client.post(f"/approvals/{approval['id']}/decision", json=body, **extra)


def edit(**arguments: Any) -> dict[str, Any]:
    return {"type": "edit", "edited_action": {"name": "send", "args": arguments}}


def test_an_approval_shows_exactly_what_would_happen(client: httpx.Client, office: Office):
    thread, approval = pause(client, office)
    shown = client.get(f"/approvals/{approval['id']}")
    assert shown.json() == approval
    assert shown.headers["etag"] == f'"{approval["digest"]}"'
    assert approval["thread_id"] == thread
    assert (approval["tool"], approval["arguments"]) == ("send", {"to": "a@b.c", "subject": "x"})
    assert (approval["state"], approval["question"]) == ("pending", "action")


def test_an_approved_call_runs_once_in_the_background(client: httpx.Client, office: Office):
    thread, approval = pause(client, office)
    recorded = decide(client, approval, {"type": "approve", "digest": approval["digest"]}).json()
    assert (recorded["approval"]["state"], recorded["approval"]["decided_by"]) == ("approved", "api")
    assert settled(client, thread)["answer"] == "Sent."
    assert [(slug, sent) for slug, sent, _ in office.tools.made] == [
        ("send", {"to": "a@b.c", "subject": "x"})
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "approve"},
        {"decisions": [{"type": "approve"}]},
        [{"type": "accept", "args": None}],
    ],
)
def test_every_dialect_of_yes_is_a_yes(client: httpx.Client, office: Office, body: Any):
    _, approval = pause(client, office)
    result = decide(client, approval, body, params={"wait": "true"}).json()
    assert (result["thread"]["status"], result["thread"]["answer"]) == ("idle", "Sent.")
    assert len(office.tools.made) == 1


def test_a_rejected_call_never_runs(client: httpx.Client, office: Office):
    _, approval = pause(client, office)
    result = decide(client, approval, {"type": "reject"}, params={"wait": "true"}).json()
    assert result["approval"]["state"] == "rejected"
    assert result["thread"]["ending"] == "rejected"
    assert office.tools.made == []


def test_the_reason_of_a_rejection_goes_to_the_model(client: httpx.Client, office: Office):
    _, approval = pause(client, office)
    body = {"type": "reject", "message": "Ask Ana first."}
    thread = decide(client, approval, body, params={"wait": "true"}).json()["thread"]
    assert any("Ask Ana first." in step["text"] for step in thread["steps"])
    assert office.tools.made == []


def test_a_person_can_answer_instead_of_the_tool(client: httpx.Client, office: Office):
    _, approval = pause(client, office)
    body = {"type": "respond", "message": "I called them."}
    thread = decide(client, approval, body, params={"wait": "true"}).json()["thread"]
    assert any("I called them." in step["text"] for step in thread["steps"])
    assert office.tools.made == []


def test_an_edited_call_runs_as_edited(client: httpx.Client, office: Office):
    _, approval = pause(client, office)
    result = decide(client, approval, edit(to="z@b.c"), params={"wait": "true"}).json()
    assert result["approval"]["arguments"] == {"to": "z@b.c"}
    assert result["approval"]["digest"] != approval["digest"]
    original = client.get(f"/approvals/{approval['id']}").json()
    assert (original["state"], original["successor"]) == ("edited", result["approval"]["id"])
    assert [sent for _, sent, _ in office.tools.made] == [{"to": "z@b.c"}]


@pytest.mark.parametrize(
    "body",
    [
        edit(subject="no address"),
        edit(to="a@b.c", cc="spy@evil.example"),
        edit(to=7),
        edit(to="a@b.c", subject="x" * 1000),
        edit(to="a@b.c", subject=2**60),
        {"type": "edit", "edited_action": {"name": "read", "args": {}}},
        {"type": "edit"},
        {"type": "maybe"},
        {"type": "approve", "digest": 7},
        {"type": "approve", "and": "more"},
        {"decisions": []},
        {"decisions": [{"type": "approve"}, {"type": "approve"}]},
        {"approved": "no"},
        [],
        "true",
        True,
        None,
        0,
    ],
)
def test_an_answer_that_is_none_loses_nothing(client: httpx.Client, office: Office, body: Any):
    thread, approval = pause(client, office)
    assert decide(client, approval, body).status_code == 422
    assert client.get(f"/approvals/{approval['id']}").json() == approval
    assert story(client, thread)["status"] == "waiting"
    assert decide(client, approval, {"type": "approve"}, params={"wait": "true"}).status_code == 200
    assert len(office.tools.made) == 1


def test_a_second_decision_is_told_what_the_first_was(client: httpx.Client, office: Office):
    thread, approval = pause(client, office)
    decide(client, approval, {"type": "reject"}).raise_for_status()
    for body in ({"type": "approve"}, {"type": "reject"}, edit(to="z@b.c")):
        second = decide(client, approval, body)
        assert (second.status_code, second.json()["approval"]["state"]) == (409, "rejected")
    assert settled(client, thread)["status"] == "idle"
    assert office.tools.made == []


@pytest.mark.parametrize("rival", [{"type": "approve"}, {"type": "reject"}, edit(to="z@b.c")])
def test_of_parallel_decisions_one_wins(client: httpx.Client, office: Office, rival: dict[str, Any]):
    thread, approval = pause(client, office)
    bodies = [{"type": "approve"}, rival] * 8
    with ThreadPoolExecutor(len(bodies)) as pool:
        statuses = sorted(pool.map(lambda body: decide(client, approval, body).status_code, bodies))
    assert statuses == [200, *[409] * (len(bodies) - 1)]
    settled(client, thread)
    state = client.get(f"/approvals/{approval['id']}").json()["state"]
    sent = {"approved": [{"to": "a@b.c", "subject": "x"}], "edited": [{"to": "z@b.c"}], "rejected": []}
    assert [arguments for _, arguments, _ in office.tools.made] == sent[state]


def test_of_parallel_resumes_one_acts(client: httpx.Client, office: Office):
    thread, approval = pause(client, office)
    office.tools.gate.clear()
    decide(client, approval, {"type": "approve"}).raise_for_status()
    with ThreadPoolExecutor(10) as pool:
        body = go_on(multitask_strategy="reject")
        answers = list(pool.map(lambda _: client.post(f"/threads/{thread}/runs", json=body), range(10)))
    assert {answer.status_code for answer in answers} == {409}
    office.tools.gate.set()
    settled(client, thread)
    assert len(office.tools.made) == 1


@pytest.mark.parametrize("header", [True, False])
def test_a_stale_digest_is_told_the_current_one(client: httpx.Client, office: Office, *, header: bool):
    _, approval = pause(client, office)
    stale = "0" * 64
    refused = (
        decide(client, approval, {"type": "approve"}, headers={"If-Match": f'"{stale}"'})
        if header
        else decide(client, approval, {"decisions": [{"type": "approve", "digest": stale}]})
    )
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:nexus:problem:digest-mismatch"
    assert refused.json()["approval"] == approval
    matching = {"If-Match": f'"{approval["digest"]}"'}
    assert decide(client, approval, {"type": "approve"}, headers=matching).status_code == 200


def test_a_digest_that_is_not_one_is_refused(client: httpx.Client, office: Office):
    _, approval = pause(client, office)
    own = approval["digest"]
    for tag in (f'W/"{own}"', f'"{own}", "other"', '""'):
        assert decide(client, approval, {"type": "approve"}, headers={"If-Match": tag}).status_code == 422
    both = decide(client, approval, {"type": "approve", "digest": own}, headers={"If-Match": '"other"'})
    assert both.status_code == 422
    assert client.get(f"/approvals/{approval['id']}").json()["state"] == "pending"


def test_looking_never_decides(client: httpx.Client, office: Office):
    _, approval = pause(client, office)
    paths = ("/approvals", f"/approvals/{approval['id']}", f"/approvals/{approval['id']}/decision")
    for method in ("GET", "HEAD", "OPTIONS"):
        for path in paths:
            for _ in range(100 // 3):
                client.request(method, path, params={"type": "approve", "decision": "approve"})
    assert client.get(f"/approvals/{approval['id']}").json() == approval
    assert office.tools.made == []


def test_decided_approvals_are_listed_when_asked_for(client: httpx.Client, office: Office):
    thread, approval = pause(client, office)
    decide(client, approval, {"type": "reject"}, params={"wait": "true"}).raise_for_status()
    assert client.get("/approvals").json() == []
    every = client.get("/approvals", params={"pending": "false", "thread_id": thread}).json()
    assert [found["state"] for found in every] == ["rejected"]
    assert client.get("/approvals", params={"pending": "false", "thread_id": "other"}).json() == []


def test_there_is_no_approval_of_another_id(client: httpx.Client, office: Office):
    _, approval = pause(client, office)
    for wrong in ("nothing", approval["id"][:8]):
        assert client.get(f"/approvals/{wrong}").status_code == 404
        assert decide(client, {"id": wrong}, {"type": "approve"}).status_code == 404
    assert client.get(f"/approvals/{approval['id']}").json()["state"] == "pending"


def test_an_edit_into_what_a_rule_forbids_is_refused(office: Office):
    with serving(office) as client:
        _, approval = pause(client, office)
    office.policy = Policy(deny=("send",))
    with serving(office) as client:
        refused = decide(client, approval, edit(to="z@b.c"))
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:nexus:problem:policy-denied")
    assert office.tools.made == []


def test_a_restart_between_question_and_answer_changes_nothing(office: Office):
    with serving(office) as client:
        thread, approval = pause(client, office)
    with serving(office) as client:
        assert client.get(f"/approvals/{approval['id']}").json() == approval
        assert story(client, thread)["status"] == "waiting"
        body = {"type": "approve", "digest": approval["digest"]}
        result = decide(client, approval, body, params={"wait": "true"}).json()
    assert (result["thread"]["status"], result["thread"]["answer"]) == ("idle", "Sent.")
    assert len(office.tools.made) == 1


def test_what_was_decided_is_tried_again_by_itself_when_the_model_was_not_there(
    client: httpx.Client, office: Office, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(driving, "AGAIN_SECONDS", (0.01,))
    thread, approval = pause(client, office)
    office.model.script.insert(0, ModelUnavailable("Ollama does not answer."))
    assert decide(client, approval, {"type": "approve"}).status_code == 200
    while (view := settled(client, thread))["status"] != "idle":
        pass
    assert (view["answer"], len(office.tools.made)) == ("Sent.", 1)


def test_a_decision_stays_on_record_when_the_run_fails_after_it(client: httpx.Client, office: Office):
    thread, approval = pause(client, office)
    answer = office.model.script[:]
    office.model.script[:] = [ModelUnavailable("Ollama does not answer.")]
    result = decide(client, approval, {"type": "approve"}, params={"wait": "true"})
    assert result.status_code == 200
    assert result.json()["approval"]["state"] == "approved"
    assert result.json()["thread"]["last_error"] == "Ollama does not answer."
    office.model.script[:] = answer
    client.post(f"/threads/{thread}/runs", json=go_on()).raise_for_status()
    assert settled(client, thread)["answer"] == "Sent."
    assert len(office.tools.made) == 1
