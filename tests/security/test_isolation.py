"""Many users, one server: nobody sees, decides or does anything with what is another's, nor learns of it."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIWebSocketRoute

from nexus.api.server import LANGGRAPH, PRIVATE, PUBLIC, create_api
from nexus.core.action import ThreadId
from nexus.core.decision import Approve
from nexus.ports.clock import SystemClock
from nexus.store.database import Database
from nexus.store.results import SqliteResults
from tests.api.serving import serving
from tests.security.house import ADD_TASK, House, Person, open_house

ABSENT = {
    "thread_id": "no-such-thread",
    "approval_id": "no-such-approval",
    "run_id": "no-such-run",
    "checkpoint_id": "no-such-checkpoint",
    "assistant_id": "no-such-assistant",
    "model": "no-such-assistant",
    "endpoint_id": "no-such-endpoint",
    "delivery_id": "no-such-delivery",
    "result_id": "no-such-result",
    "namespace": "nothing",
    "outcome_id": "no-such-outcome",
    "memory_id": "no-such-memory",
}
NOBODYS = {"slug", "toolkit", "connection_id", "user_id"}
"""Ids of what is no user's (apps), of an outside service's (connections), and for admins alone (users)."""

SECRETS = ("anas-key", "anas-value", "anas-result", "anas-memory", "Water the plants")

OPEN = {"/ok", "/info", "/webhooks/composio", "/webhooks/approvals", "/webhooks/slack", "/decide"}
"""The paths that need no key (messages are signed, a link is a key of its own): one more has to be meant."""


@pytest.fixture(name="house", scope="module")
def _house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house") / "home")


@pytest.fixture(name="client", scope="module")
def _client(house: House) -> Iterator[httpx.Client]:
    """One server for all that leaves no trace."""
    with open_house(house.home) as (opened, client):
        house.model = opened.model
        yield client


@pytest.fixture(name="ana", scope="module")
def _ana(house: House, client: httpx.Client) -> Person:
    return Person(client, house.add("ana"))


@pytest.fixture(name="ben", scope="module")
def _ben(house: House, client: httpx.Client) -> Person:
    """May decide where a rule names him, and no rule does."""
    return Person(client, house.add("ben", "approver"))


@pytest.fixture(name="revoked", scope="module")
def _revoked(house: House, client: httpx.Client) -> Person:
    key = house.add("carl")
    house.revoke("carl")
    return Person(client, key)


@pytest.fixture(name="own", scope="module")
def _own(house: House, ana: Person) -> dict[str, str]:
    """What is Ana's, by the name that routes have for it."""
    endpoint = ana("POST", "/webhooks/endpoints", json={"url": "https://hooks.example.invalid/"}).json()
    approval = ana.waits(house, "anas-thread", "Water the plants")
    assistant = ana("POST", "/assistants", json={"graph_id": "nexus", "name": "anas"}).json()
    ana("PUT", "/store/items", json={"namespace": ["anas"], "key": "anas-key", "value": {"x": "anas-value"}})
    memory = ana("POST", "/memories", json={"text": "My sister is called anas-memory"}).json()
    (run,) = ana("GET", "/threads/anas-thread/runs").json()
    state = ana("GET", "/threads/anas-thread/state").json()
    with sqlite3.connect(house.home / "nexus.db") as database:
        database.execute(
            "INSERT INTO effects"
            " (user, key, thread, tool, digest, owner, claimed_at, outcome, text, settled_at)"
            " VALUES ('ana', 'anas-call.1', 'anas-thread', ?1, 'd', 'dead', ?2, 'unknown', 'Lost.', ?2)",
            (ADD_TASK, "2026-11-25T09:00:00+00:00"),
        )
    return {
        "thread_id": "anas-thread",
        "approval_id": approval["id"],
        "endpoint_id": endpoint["id"],
        "delivery_id": delivered(ana)["id"],
        "assistant_id": assistant["assistant_id"],
        "model": assistant["assistant_id"],
        "run_id": run["run_id"],
        "checkpoint_id": state["checkpoint"]["checkpoint_id"],
        "result_id": kept(house),
        "namespace": "nothing",
        "outcome_id": "anas-call.1",
        "memory_id": memory["id"],
    }


def delivered(who: Person) -> dict[str, Any]:
    """The message about what waits, as it is on its way; asking is all the waiting there is."""
    for _ in range(10_000):
        if found := who("GET", "/webhooks/deliveries").json():
            return found[0]
    raise AssertionError("nothing is sent")


def kept(house: House) -> str:
    """A whole result of a call in Ana's thread."""

    async def added() -> str:
        database = Database(house.home / "nexus.db", SystemClock())
        try:
            results = SqliteResults(database, "ana")
            return await results.add("anas-result", thread=ThreadId("anas-thread"), call="c.1", tool="t")
        finally:
            await database.close()

    return asyncio.run(added())


def routes() -> list[tuple[str, str, dict[str, Any]]]:
    """Every route of the document that is about what belongs to somebody."""
    paths = document()["paths"]
    return [
        (method.upper(), path, operation)
        for path, item in paths.items()
        for method, operation in item.items()
        if path not in OPEN
    ]


@cache
def document() -> dict[str, Any]:
    """What the server says of itself."""
    house = House(Path("unused"))
    return create_api(house.open_services, house.settings).openapi()


def body_of(operation: dict[str, Any]) -> Any:
    """An acceptable body, out of the document's own examples."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for example in content.get("examples", {}).values():
        return example["value"]
    return _example(content.get("schema", {}))


def _example(schema: dict[str, Any]) -> Any:
    for part in [schema, *schema.get("anyOf", ())]:
        name = part.get("$ref", "").rsplit("/", 1)[-1]
        found = document()["components"]["schemas"].get(name, {}).get("examples")
        if found:
            return found[0]
    return None


def asked(who: Person, route: tuple[str, str, dict[str, Any]], ids: dict[str, str]) -> tuple[int, str]:
    """Status and body, with the ids that were asked for made alike."""
    method, path, operation = route
    names = {part[1:-1] for part in path.split("/") if part.startswith("{")}
    filled = path.format(**{name: quote(ids.get(name, "nothing"), safe="") for name in names})
    body = body_of(operation)
    answer = who(method, filled, **({} if body is None else {"json": body}))
    text = answer.text
    for name in names:
        text = text.replace(ids.get(name, "nothing"), f"<{name}>")
    return answer.status_code, text


def named(route: tuple[str, str, dict[str, Any]]) -> str:
    return f"{route[0]} {route[1]}"


@pytest.mark.parametrize("route", routes(), ids=named)
def test_without_a_valid_key_a_route_says_nothing(
    client: httpx.Client, revoked: Person, own: dict[str, str], route: Any
):
    for people in ((Person(client),), (revoked, Person(client, "nexus_made-up"))):
        ((status, _),) = {asked(who, route, ids) for who in people for ids in (own, ABSENT)}
        assert status == 401


@pytest.mark.parametrize("route", routes(), ids=named)
def test_what_is_anothers_is_answered_as_what_is_not_there(ben: Person, own: dict[str, str], route: Any):
    status, text = asked(ben, route, own)
    if ABSENT.keys() & {part[1:-1] for part in route[1].split("/")}:
        assert status == 404
        assert (status, text) == asked(ben, route, ABSENT)
    assert not any(value in text for value in (*SECRETS, *(own[name] for name in own.keys() - {"namespace"})))


def test_each_id_that_is_tried_is_of_something_that_is_there(ana: Person, own: dict[str, str]):
    """Otherwise that somebody else's answers like nothing would say nothing."""
    names = {name for _, path, _ in routes() for name in re.findall(r"{(\w+)}", path)}
    assert names - NOBODYS == own.keys()
    for path in (
        "/threads/{thread_id}/state/{checkpoint_id}",
        "/threads/{thread_id}/runs/{run_id}",
        "/threads/{thread_id}/results/{result_id}",
        "/assistants/{assistant_id}",
        "/v1/models/{model}",
        "/approvals/{approval_id}",
        "/webhooks/endpoints/{endpoint_id}",
        "/webhooks/deliveries/{delivery_id}",
        "/outcomes/{outcome_id}",
        "/memories/{memory_id}",
    ):
        assert ana("GET", path.format(**own)).status_code == 200, path


def test_what_is_named_outside_of_the_path_is_not_there_for_others_either(
    ana: Person, ben: Person, own: dict[str, str]
):
    key = {"namespace": "anas", "key": "anas-key"}
    assert ana("GET", "/store/items", params=key).json()["value"] == {"x": "anas-value"}
    assert ben("GET", "/store/items", params=key).status_code == 404
    found = ben("POST", "/store/items/search", json={"namespace_prefix": []})
    assert "anas" not in found.raise_for_status().text
    assert ben("DELETE", "/store/items", json={"namespace": ["anas"], "key": "anas-key"}).status_code == 204
    assert ana("GET", "/store/items", params=key).status_code == 200
    for wish in ({"ids": [own["thread_id"]]}, {"status": "interrupted"}, {}):
        assert own["thread_id"] not in ben("POST", "/threads/search", json=wish).text
    assert ben("POST", "/threads/prune", json={"thread_ids": [own["thread_id"]]}).json()["pruned_count"] == 0
    assert ben("POST", "/runs/cancel", json={"run_ids": [own["run_id"]]}).status_code == 404
    said = [{"role": "user", "content": "hi"}]
    chat = {"model": own["model"], "messages": said}
    assert ben("POST", "/v1/chat/completions", json=chat).status_code == 404
    assert ben("POST", "/runs", json={"assistant_id": own["assistant_id"], "input": None}).status_code == 404
    for path in ("/assistants/search", "/assistants/count"):
        assert own["assistant_id"] not in ben("POST", path, json={}).text
    assert own["delivery_id"] not in ben("GET", "/webhooks/deliveries").text


def test_what_others_tried_changed_nothing(house: House, ana: Person, own: dict[str, str]):
    thread = ana("GET", f"/threads/{own['thread_id']}/story").json()
    assert thread["status"] == "waiting"
    assert [approval["id"] for approval in thread["approvals"]] == [own["approval_id"]]
    assert own["thread_id"] in {found["thread_id"] for found in ana("POST", "/threads/search").json()}
    assert house.tasks("ana") == []
    assert ana("GET", f"/assistants/{own['assistant_id']}").json()["version"] == 1
    assert ana("GET", f"/webhooks/endpoints/{own['endpoint_id']}").status_code == 200


def test_every_route_but_the_public_ones_shows_its_key_in_the_document():
    for _, path, operation in routes():
        assert operation["security"] == [{"key": []}, {"key_header": []}], path
        assert "401" in operation["responses"]
    public = [operation for path in OPEN for operation in document()["paths"][path].values()]
    assert not any("security" in operation for operation in public)


def test_no_route_of_programs_is_left_out_of_the_document_and_so_of_these_tests():
    house = House(Path("unused"))
    app = create_api(house.open_services, house.settings)
    written = {(verb.upper(), path) for path, item in document()["paths"].items() for verb in item}
    served = {
        (verb, route.path)
        for module in (*LANGGRAPH, *PUBLIC, *PRIVATE)
        for route in module.router.routes
        for verb in getattr(route, "methods", ())
    }
    assert served <= written
    routers = [app.router, *(each.original_router for each in app.routes if hasattr(each, "original_router"))]
    every: list[Any] = [route for router in routers for route in router.routes]
    sockets = {route.path for route in every if isinstance(route, APIWebSocketRoute)}
    assert sockets == {"/threads/{thread_id}/stream/events"}  # test_protocol_v2_socket.py has two users


def test_what_describes_the_server_needs_no_key(client: httpx.Client, ana: Person):
    assert ana("GET", "/approvals").status_code == 200
    for path in ("/ok", "/docs", "/openapi.json"):
        assert client.get(path).status_code == 200


def test_a_key_is_taken_from_either_header_and_never_two_of_them(client: httpx.Client, ana: Person):
    both = {"Authorization": f"Bearer {ana.key}", "X-Api-Key": str(ana.key)}
    assert client.get("/approvals", headers={"X-Api-Key": str(ana.key)}).status_code == 200
    assert client.get("/approvals", headers=both).status_code == 200
    refused = client.get("/approvals", headers={**both, "X-Api-Key": "nexus_other"})
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert client.get("/approvals", headers={"Authorization": f"Basic {ana.key}"}).status_code == 401
    assert client.get("/approvals", params={"key": str(ana.key)}).status_code == 401


def test_two_users_with_the_same_thread_id_never_meet(house: House, ana: Person, ben: Person):
    first = ana.waits(house, "same", "Call the plumber")
    second = ben.waits(house, "same", "Buy a ladder")
    assert first["id"] != second["id"]
    ana.approves(first)
    assert (len(house.tasks("ana")), len(house.tasks("ben"))) == (1, 0)
    said = [step["text"] for step in ben("GET", "/threads/same/story").json()["steps"]]
    assert said[0] == "Add a task: Buy a ladder"
    assert not any("plumber" in text for text in said)
    assert ben("GET", "/threads/same/story").json()["status"] == "waiting"
    assert ben("POST", "/threads", json={"thread_id": "same"}).status_code == 409
    ben.approves(second)
    assert (len(house.tasks("ana")), len(house.tasks("ben"))) == (1, 1)
    assert house.tasks("owner") == []


def test_who_decided_is_on_record(house: House, ana: Person):
    approval = ana.waits(house, "on-record", "Sweep the yard")
    assert ana.approves(approval)["approval"]["decided_by"] == "api:ana"


def test_keys_are_in_no_file_no_log_and_no_error(
    house: House, ana: Person, revoked: Person, capfd: pytest.CaptureFixture[str]
):
    assert ana("GET", "/threads/none").status_code == 404
    answer = revoked("GET", "/approvals")
    keys = [str(ana.key), str(revoked.key)]
    told = capfd.readouterr()
    assert answer.status_code == 401
    assert not any(key in answer.text + told.out + told.err for key in keys)
    kept = b"".join(path.read_bytes() for path in house.home.rglob("*") if path.is_file())
    assert not any(key.encode() in kept or key.removeprefix("nexus_").encode() in kept for key in keys)


def test_without_users_the_machine_is_the_owners_until_the_first_is_added(tmp_path: Path):
    with open_house(tmp_path / "home") as (house, client):
        nobody = Person(client)
        approval = nobody.waits(house, "mine", "Fix the gate")
        assert nobody.approves(approval)["approval"]["decided_by"] == "api"
        assert Person(client, "nexus_made-up")("GET", "/approvals").status_code == 401
        ana = Person(client, house.add("ana"))
        assert nobody("GET", "/approvals").status_code == 401
        assert ana("POST", "/threads/search").json() == []
        owner = Person(client, house.add("owner"))
        assert [thread["thread_id"] for thread in owner("POST", "/threads/search").json()] == ["mine"]
        house.revoke("ana")
        house.revoke("owner")
        assert {who("GET", "/approvals").status_code for who in (nobody, ana, owner)} == {401}
        again = Person(client, house.add("ana"))
        assert (again("GET", "/approvals").status_code, ana("GET", "/approvals").status_code) == (200, 401)
    assert len(house.tasks("owner")) == 1


def test_what_was_cut_off_goes_on_as_its_user_and_not_for_a_revoked_one(tmp_path: Path):
    with open_house(tmp_path / "home") as (house, client):
        people = {name: Person(client, house.add(name)) for name in ("ana", "carl")}
        waiting = {
            name: who.waits(house, "cut-off", f"Water the plants of {name}") for name, who in people.items()
        }
    for name, approval in waiting.items():
        asyncio.run(decided_only(house, name, approval["id"]))
    house.revoke("carl")
    house.model.script[:] = [{"tool": "final_answer"}, {"answer": "Added."}]
    with serving(house) as client:
        assert ended(Person(client, people["ana"].key), "cut-off")["ending"] == "answered"
    assert (len(house.tasks("ana")), house.tasks("carl"), house.tasks("owner")) == (1, [], [])


async def decided_only(house: House, user: str, approval_id: str) -> None:
    """A yes on record that nobody has carried out."""
    async with house.open_services() as services:
        service = await services.of(user)
        await service.runner.decide(approval_id, Approve(), actor="test")


def ended(who: Person, thread: str) -> dict[str, Any]:
    """The thread once its run has ended; asking is all the waiting there is."""
    for _ in range(10_000):
        view = who("GET", f"/threads/{thread}/story").raise_for_status().json()
        if view["ending"] and view["status"] == "idle":
            return view
    raise AssertionError("the run does not end")
