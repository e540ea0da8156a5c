"""Apps over HTTP: seen, switched on and off, for whoever asks."""

from __future__ import annotations

import httpx


def names(client: httpx.Client, **query: str) -> dict[str, bool]:
    return {each["slug"]: each["is_on"] for each in client.get("/toolkits", params=query).json()}


def test_an_app_is_switched_off_and_on_again(client: httpx.Client):
    assert names(client) == {"desk": True}
    switched = client.put("/toolkits/desk", json={"is_on": False})
    assert (switched.status_code, switched.json()["is_on"]) == (200, False)
    assert names(client) == {}
    assert names(client, all="true") == {"desk": False}
    assert client.put("/toolkits/desk", json={"is_on": True}).json()["is_on"] is True
    assert names(client) == {"desk": True}


def test_apps_are_found_by_words_and_paged(client: httpx.Client):
    found = client.get("/toolkits/search", params={"query": "DESK"})
    assert ([each["slug"] for each in found.json()], found.headers["x-pagination-total"]) == (["desk"], "1")
    beyond = client.get("/toolkits/search", params={"offset": 1})
    assert (beyond.json(), beyond.headers["x-pagination-total"]) == ([], "1")
    assert client.get("/toolkits/search", params={"query": "desk nothing"}).json() == []
    assert client.get("/toolkits/search", params={"limit": 0}).status_code == 422


def test_an_unknown_app_is_a_problem_that_names_what_there_is(client: httpx.Client):
    answer = client.put("/toolkits/dsek", json={"is_on": True})
    assert answer.status_code == 404
    assert "desk" in answer.text


def test_a_switch_is_on_or_off(client: httpx.Client):
    assert client.put("/toolkits/desk", json={"is_on": "maybe"}).status_code == 422
    assert client.put("/toolkits/desk", json={"on": True}).status_code == 422


def test_a_result_that_was_not_kept_is_not_found(client: httpx.Client):
    thread = client.post("/threads").json()["thread_id"]
    assert client.get(f"/threads/{thread}/results/r1").status_code == 404
    assert client.get("/threads/none/results/r1").status_code == 404
