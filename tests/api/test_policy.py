"""/policy, /reviews and /approvals/decisions over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nexus.core.policy import Policy
from nexus.settings_policy import Rule
from tests.api.serving import Office, pause, serving
from tests.security.house import House, Person

RULE = {"verdict": "deny", "name": "no mail", "tool": "send"}


@pytest.fixture(name="office", scope="module")
def _office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("office") / "home")


@pytest.fixture(name="client", scope="module")
def _client(office: Office) -> Iterator[httpx.Client]:
    with serving(office) as client:
        yield client


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    return response.json()


def test_own_rules_are_put_shown_tested_and_taken_back(client: httpx.Client) -> None:
    before = client.get("/policy")
    put = client.put("/policy", json={"rules": [RULE]}, headers={"If-Match": before.headers["etag"]})
    assert put.status_code == 200
    assert [rule["name"] for rule in put.json()["rules"]] == ["no mail"]
    assert put.json()["version"] != before.json()["version"]
    told = client.post("/policy/test", json={"tool": "send", "arguments": {"to": "ana"}}).json()
    assert (told["verdict"], told["considered"][0]["rule"]) == ("deny", "no mail")
    late = client.put("/policy", json={"rules": []}, headers={"If-Match": before.headers["etag"]})
    assert "changed meanwhile" in problem(late, 409)["detail"]
    assert client.put("/policy", json={"rules": []}).json()["rules"] == []
    told = client.post("/policy/test", json={"tool": "send", "arguments": {"to": "ana"}}).json()
    assert told["verdict"] == "ask"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rules": [{}]},
        {"rules": [{"verdict": "ask", "x": 1}]},
        {"rules": [{"verdict": "ask", "arguments": {"/a": {"matches": "("}}}]},
        {"rules": [{"verdict": "ask"}] * 201},
        {"rules": "none"},
    ],
)
def test_rules_that_make_no_sense_change_nothing(client: httpx.Client, body: Any) -> None:
    before = client.get("/policy").json()
    problem(client.put("/policy", json=body), 422)
    assert client.get("/policy").json() == before


def test_a_call_of_a_tool_that_is_not_there_cannot_be_tested(client: httpx.Client) -> None:
    problem(client.post("/policy/test", json={"tool": "sned"}), 404)


# --- several at once


def waiting(client: httpx.Client, office: Office, number: int) -> list[dict[str, Any]]:
    """That many threads, each waiting for a decision."""
    seen: list[dict[str, Any]] = []
    for _ in range(number):
        _, approval = pause(client, office)
        seen.append({"id": approval["id"], "digest": approval["digest"]})
    return seen


def test_several_are_decided_at_once_by_what_was_seen_of_each(client: httpx.Client, office: Office) -> None:
    seen = waiting(client, office, 2)
    decided = client.post("/approvals/decisions", json={"type": "reject", "approvals": seen})
    assert decided.status_code == 200, decided.text
    assert [(each["id"], each["approval"]["state"]) for each in decided.json()] == [
        (each["id"], "rejected") for each in seen
    ]


def test_one_that_is_not_what_was_seen_keeps_all_from_being_decided(
    client: httpx.Client, office: Office
) -> None:
    good, other = waiting(client, office, 2)
    wrong: list[list[dict[str, Any]]] = [
        [good, {**other, "digest": good["digest"]}],
        [good, {"id": "nothing-1", "digest": good["digest"]}],
        [good, good],
        [good, {"id": other["id"]}],
        [],
    ]
    for approvals, status in zip(wrong, (409, 404, 422, 422, 422), strict=True):
        problem(client.post("/approvals/decisions", json={"type": "approve", "approvals": approvals}), status)
    assert {client.get(f"/approvals/{each['id']}").json()["state"] for each in (good, other)} == {"pending"}
    edit = {"type": "edit", "approvals": [good]}
    problem(client.post("/approvals/decisions", json=edit), 422)
    client.post(f"/approvals/{good['id']}/decision", json={"type": "reject"})
    late = client.post("/approvals/decisions", json={"type": "approve", "approvals": [good, other]})
    assert problem(late, 409)["approval"]["state"] == "rejected"
    client.post("/approvals/decisions", json={"type": "reject", "approvals": [other]})


# --- others decide

BOTH = Rule.model_validate(
    {"verdict": "ask", "tool": "desk_add_task", "approvers": ["ben", "carl"], "approvals": 2}
)


def test_those_whom_a_rule_names_decide_on_somebody_elses_call_and_nobody_else_sees_it(
    tmp_path: Path,
) -> None:
    house = House(tmp_path / "home", policy=Policy(rules=(BOTH,)))
    with serving(house) as client:
        ana, ben, carl, dora = (
            Person(client, house.add(name, "approver")) for name in ("ana", "ben", "carl", "dora")
        )
        approval = ana.waits(house, "t", "Water the plants")
        path = f"/reviews/{approval['id']}"
        assert [each["user"] for each in ben("GET", "/reviews").json()] == ["ana"]
        shown = ben("GET", path)
        assert (shown.json()["arguments"], shown.headers["etag"]) == (
            approval["arguments"],
            f'"{approval["digest"]}"',
        )
        yes = {"type": "approve", "digest": approval["digest"], "comment": "Fine by me."}
        for outsider in (ana, dora):
            assert outsider("GET", "/reviews").json() == []
            problem(outsider("GET", path), 404)
            problem(outsider("POST", f"{path}/decision", json=yes), 404)
        problem(ana("POST", f"/approvals/{approval['id']}/decision", json=yes), 403)
        problem(ben("POST", f"{path}/decision", json={"type": "approve", "digest": "0" * 64}), 409)
        first = ben("POST", f"{path}/decision", json=yes)
        (vote,) = first.json()["votes"]
        assert (first.json()["state"], vote["approver"], vote["by"]) == ("pending", "ben", "api:ben")
        assert (vote["comment"], first.json()["comment"]) == ("Fine by me.", None)
        assert ana("GET", f"/approvals/{approval['id']}").json()["votes"] == [vote]
        problem(ben("POST", f"{path}/decision", json=yes), 409)
        house.model.calls(answer="Added.")
        second = carl("POST", f"{path}/decision", json=yes)
        assert (second.json()["state"], second.json()["decided_by"]) == ("approved", "api:carl")
        assert ana("GET", f"/approvals/{approval['id']}").json()["state"] == "approved"
        assert carl("GET", "/reviews").json() == []
        _until_idle(ana, "t")
    assert len(house.tasks("ana")) == 1


def _until_idle(person: Person, thread: str) -> None:
    for _ in range(600):
        if person("GET", f"/threads/{thread}").json()["status"] == "idle":
            return
        time.sleep(0.05)
    raise AssertionError("the thread did not come to its end")
