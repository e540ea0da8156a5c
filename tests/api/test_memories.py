"""/memories over HTTP: one's own, all of it, and nobody else's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.serving import Office, serving
from tests.security.house import Person, open_house


@pytest.fixture(name="office", scope="module")
def _office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("office") / "home", remembers=True)


@pytest.fixture(name="client", scope="module")
def _client(office: Office) -> Iterator[httpx.Client]:
    with serving(office) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty(client: httpx.Client) -> None:
    for memory in client.get("/memories").json():
        client.delete(f"/memories/{memory['id']}")


def told(client: httpx.Client, text: str, **more: Any) -> dict[str, Any]:
    answer = client.post("/memories", json={"text": text, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def problem(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    return response.json()["detail"]


def test_what_is_told_is_listed_shown_changed_and_forgotten(client: httpx.Client) -> None:
    first = told(client, "My sister's address is ana@example.com", kind="fact", apps=["gmail"])
    assert (first["author"], first["confidence"], first["is_pending"]) == ("person", 1.0, False)
    assert client.get(f"/memories/{first['id']}").json() == first
    changed = client.patch(f"/memories/{first['id']}", json={"text": "Ana is at ana@example.org"}).json()
    assert [each["text"] for each in changed["history"]] == [first["text"]]
    assert client.get("/memories").json() == [changed]
    assert client.delete(f"/memories/{first['id']}").json() == {"forgotten": 1}
    assert client.get("/memories").json() == []
    assert first["id"] in problem(client.delete(f"/memories/{first['id']}"), 404)


def test_a_time_is_taken_as_text_with_its_zone_and_told_in_utc(client: httpx.Client) -> None:
    kept = told(client, "The gym is closed", expires_at="2999-01-31T10:00:00+01:00")
    assert kept["expires_at"] == "2999-01-31T09:00:00Z"
    assert told(client, "The pool is closed", expires_at=None)["expires_at"] is None


def test_what_contradicts_takes_the_place_of_what_was_told(client: httpx.Client) -> None:
    old = told(client, "The deadline of Apollo is Friday")
    new = told(client, "The deadline of Apollo is 3 May")
    assert new["id"] == old["id"]
    assert [each["text"] for each in new["history"]] == ["The deadline of Apollo is Friday"]


def test_memories_are_found_by_what_they_are_about_and_narrowed(client: httpx.Client) -> None:
    told(client, "bugs go to acme web", kind="procedure", apps=["github"])
    told(client, "bugs are discussed on Mondays", apps=["calendar"])
    found = client.get("/memories/search", params={"q": "where do bugs go", "limit": 5}).json()
    assert found[0]["memory"]["text"] == "bugs go to acme web"
    assert found[0]["score"] > found[1]["score"]
    for query in ({"app": "calendar"}, {"kind": "fact"}):
        (only,) = client.get("/memories", params=query).json()
        assert only["text"] == "bugs are discussed on Mondays"
    assert client.get("/memories", params={"pending": True}).json() == []
    assert len(client.get("/memories", params={"limit": 1, "offset": 1}).json()) == 1


def test_everything_can_be_taken_out_and_in_again(client: httpx.Client) -> None:
    told(client, "The deadline of Apollo is Friday")
    told(client, "The deadline of Apollo is 3 May")
    exported = client.get("/memories/export")
    assert exported.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in exported.text.splitlines()]
    client.delete(f"/memories/{lines[0]['id']}")
    lines[0] |= {"is_pending": True}
    assert client.post("/memories/import", json={"memories": lines}).json() == {"imported": 1}
    (waiting,) = client.get("/memories", params={"pending": True}).json()
    assert waiting["history"][0]["text"] == "The deadline of Apollo is Friday"
    assert not client.post(f"/memories/{waiting['id']}/accept").json()["is_pending"]
    assert client.get("/memories", params={"pending": True}).json() == []


@pytest.mark.parametrize(
    ("asked", "body", "status", "about"),
    [
        ("POST /memories", {"text": ""}, 422, "text"),
        ("POST /memories", {"text": " \n "}, 422, "needs some text"),
        ("POST /memories", {"text": "x" * 501}, 422, "text"),
        ("POST /memories", {"text": "x", "kind": "rumour"}, 422, "kind"),
        ("POST /memories", {"text": "x", "author": "call"}, 422, "author"),
        ("POST /memories", {"text": "x", "expires_at": "2026-01-01T00:00:00"}, 422, "expires_at"),
        ("POST /memories", {"text": "x", "expires_at": 1893456000}, 422, "expires_at"),
        ("POST /memories", {"text": "x", "expires_at": "1893456000"}, 422, "expires_at"),
        ("POST /memories", {"text": "x", "expires_at": "9999-12-31T23:59:59-10:00"}, 422, "expires_at"),
        ("POST /memories", {"text": "x", "expires_at": True}, 422, "expires_at"),
        ("PATCH /memories/none", {"text": "x"}, 404, "none"),
        ("POST /memories/none/accept", None, 404, "none"),
        ("GET /memories/none", None, 404, "none"),
        ("GET /memories/search", None, 422, "q"),
        ("POST /memories/import", {"memories": [{"id": "m1", "kind": "rumour"}]}, 422, "no. 1"),
        ("POST /memories/import", {"memories": ["x"]}, 422, "memories"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_field(
    client: httpx.Client, asked: str, body: Any, status: int, about: str
) -> None:
    assert about in problem(client.request(*asked.split(" "), json=body), status)
    assert client.get("/memories").json() == []


def test_an_import_with_one_bad_line_changes_nothing(client: httpx.Client) -> None:
    good = told(client, "kept")
    client.delete(f"/memories/{good['id']}")
    sent = {"memories": [good, {**good, "id": "no id\nat all"}]}
    assert "no. 2" in problem(client.post("/memories/import", json=sent), 422)
    assert client.get("/memories").json() == []


def test_no_user_reaches_anothers_memories_by_any_route(tmp_path: Path) -> None:
    with open_house(tmp_path / "home") as (house, client):
        ada, bob = Person(client, house.add("ada")), Person(client, house.add("bob"))
        kept = ada("POST", "/memories", json={"text": "the zebracanary likes oysters"})
        if kept.status_code == httpx.codes.BAD_GATEWAY:
            pytest.skip(kept.json()["detail"])
        secret = kept.raise_for_status().json()
        bob("POST", "/memories", json={"text": "bob likes oysters"}).raise_for_status()
        for asked, body in (
            ("GET /memories", None),
            ("GET /memories/search?q=zebracanary", None),
            ("GET /memories/export", None),
            (f"GET /memories/{secret['id']}", None),
            (f"PATCH /memories/{secret['id']}", {"text": "x"}),
            (f"POST /memories/{secret['id']}/accept", None),
            (f"DELETE /memories/{secret['id']}", None),
            ("POST /store/items/search", {"namespace_prefix": []}),
        ):
            assert "zebracanary" not in bob(*asked.split(" "), json=body).text
        assert ada("GET", f"/memories/{secret['id']}").json() == secret
        assert Person(client)("GET", "/memories").status_code == httpx.codes.UNAUTHORIZED


def test_where_memory_is_off_it_is_said(tmp_path: Path) -> None:
    with serving(Office(tmp_path / "home")) as client:
        assert "Nothing is remembered" in problem(client.get("/memories"), 404)
