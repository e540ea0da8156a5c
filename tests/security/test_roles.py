"""What users may do beyond what is their own: by their role, in one place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from nexus.core.roles import Role
from tests.security.house import House, Person, open_house
from tests.security.test_isolation import document


@pytest.fixture(name="house", scope="module")
def _house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("roles") / "home")


@pytest.fixture(name="client", scope="module")
def _client(house: House) -> Iterator[httpx.Client]:
    with open_house(house.home) as (opened, client):
        house.model = opened.model
        yield client


@pytest.fixture(name="people", scope="module")
def _people(house: House, client: httpx.Client) -> dict[Role, Person]:
    roles: tuple[Role, ...] = ("user", "approver", "admin")
    return {role: Person(client, house.add(f"a-{role}", role)) for role in roles}


MANAGING = [
    ("GET", "/users", None),
    ("POST", "/users", {"user": "eve", "role": "admin"}),
    ("PATCH", "/users/a-user", {"role": "admin"}),
    ("DELETE", "/users/a-admin", None),
    ("GET", "/audit?everyone=true", None),
    ("POST", "/model/pull", {}),
    ("DELETE", "/model/pull", None),
]


@pytest.mark.parametrize("role", ["user", "approver"])
@pytest.mark.parametrize(("method", "path", "body"), MANAGING, ids=lambda each: str(each)[:30])
def test_only_an_admin_manages(people: dict[Role, Person], role: Role, method: str, path: str, body: Any):
    answer = people[role](method, path, **({} if body is None else {"json": body}))
    assert (answer.status_code, answer.json()["detail"]) == (403, "Only an admin may do this.")
    assert [user["user"] for user in people["admin"]("GET", "/users").json()] == [
        "a-admin",
        "a-approver",
        "a-user",
    ]


def test_every_route_about_users_is_among_those_that_were_tried():
    ids = re.compile("a-user|a-admin")
    tried = {(method, ids.sub("{user_id}", path)) for method, path, _ in MANAGING}
    paths = document()["paths"]
    known = {(method.upper(), path) for path in paths if path.startswith("/users") for method in paths[path]}
    assert known <= tried


def test_an_admin_lets_in_changes_and_revokes(client: httpx.Client, people: dict[Role, Person]):
    admin = people["admin"]
    made = admin("POST", "/users", json={"user": "fay"}).raise_for_status().json()
    fay = Person(client, made["key"])
    assert fay("GET", "/users").status_code == 403
    assert admin("PATCH", "/users/fay", json={"role": "admin"}).json()["role"] == "admin"
    assert fay("GET", "/users").status_code == 200
    assert admin("DELETE", "/users/fay").json()["revoked_at"]
    assert fay("GET", "/users").status_code == 401
    assert admin("PATCH", "/users/nobody", json={"role": "admin"}).status_code == 404
    assert admin("POST", "/users", json={"user": "fay", "role": "king"}).status_code == 422
    assert made["key"] not in admin("GET", "/users").text


def test_an_admin_reads_everybodys_events_and_the_others_their_own(house: House, people: dict[Role, Person]):
    people["user"].waits(house, "told", "Water the plants")
    every = people["admin"]("GET", "/audit?everyone=true").json()
    assert "a-user" in {event["user"] for event in every}
    assert people["admin"]("GET", "/audit").json() == []
    assert {event["user"] for event in people["user"]("GET", "/audit").json()} == {"a-user"}


def test_only_approvers_see_what_waits_for_approvers(people: dict[Role, Person]):
    for path in ("/reviews", "/reviews/none"):
        assert people["user"]("GET", path).status_code == 403
    assert people["user"]("POST", "/reviews/none/decision", json={"type": "approve"}).status_code == 403
    for role in ("approver", "admin"):
        assert people[role]("GET", "/reviews").json() == []
        assert people[role]("GET", "/reviews/none").status_code == 404


def test_whoever_runs_nexus_is_its_admin(client: httpx.Client, house: House, people: dict[Role, Person]):
    owner = Person(client, house.add("owner", "user"))
    assert owner("GET", "/users").status_code == 200
    house.revoke("owner")
    assert len(people) == 3
