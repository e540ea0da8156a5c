"""What holds for every page: who sees it, that forms come from it, that only its own scripts run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.serving import serving
from tests.security.house import House

PERSON = {"Accept": "text/html"}
TOKEN = re.compile(r'name="token" value="([^"]+)"')


@pytest.fixture(name="house")
def _house(tmp_path: Path) -> House:
    made = House(tmp_path / "home")
    made.tools.gate.set()
    return made


@pytest.fixture(name="client")
def _client(house: House) -> Iterator[httpx.Client]:
    with serving(house) as client:
        client.headers.update(PERSON)
        yield client


def log_in(client: httpx.Client, key: str, **more: str) -> httpx.Response:
    """Log in by the form of the page, as a browser does."""
    (token,) = TOKEN.findall(client.get("/ui/login").text)
    return client.post("/ui/login", data={"token": token, "key": key, "next": "/", **more})


def test_without_users_whoever_comes_from_this_machine_sees_the_inbox(client: httpx.Client):
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Inbox" in answer.text
    assert client.get("/ui/login").headers["location"] == "/", "nobody has to log in"
    assert "set-cookie" not in answer.headers


def test_only_scripts_of_ours_run_and_no_page_reaches_another_host(client: httpx.Client):
    headers = client.get("/").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "script-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self'",
    }
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_with_users_a_page_leads_to_the_log_in_and_back(house: House, client: httpx.Client):
    key = house.add("ana")
    first = client.get("/")
    assert (first.status_code, first.headers["location"]) == (303, "/ui/login")
    done = log_in(client, key)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    cookie = done.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Max-Age=2592000", "Path=/"))
    assert key not in cookie
    page = client.get("/")
    assert page.status_code == 200
    assert "ana" in page.text
    (token,) = set(TOKEN.findall(page.text))
    assert client.post("/ui/logout", data={"token": token}).headers["location"] == "/ui/login"
    assert client.get("/").status_code == 303


def test_a_wrong_key_is_told_and_begins_no_session(house: House, client: httpx.Client):
    house.add("ana")
    answer = log_in(client, "nexus_wrong")
    assert answer.status_code == 401
    assert "not valid" in answer.text
    assert not client.cookies


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example/", "/\\evil.example", "/docs", "/ui/x?y"]
)
def test_a_log_in_leads_to_no_other_site(house: House, client: httpx.Client, to: str):
    assert log_in(client, house.add("ana"), next=to).headers["location"] == "/"


def test_a_session_ends_with_the_key_that_it_began_with(house: House, client: httpx.Client):
    log_in(client, house.add("ana"))
    assert client.get("/").status_code == 200
    house.revoke("ana")
    assert client.get("/").status_code == 303
    house.add("ana")
    assert client.get("/").status_code == 303, "a new key is a new log-in"


def test_a_session_opens_pages_and_nothing_of_the_api(house: House, client: httpx.Client):
    log_in(client, house.add("ana"))
    assert client.get("/approvals", headers={"Accept": "application/json"}).status_code == 401


def test_nobody_else_has_the_token_of_a_form(house: House, client: httpx.Client):
    """Neither another user's token, nor that of another browser of the same user, nor none."""
    keys = house.add("ana"), house.add("ben")
    tokens: list[str] = []
    for key in (*keys, keys[0]):
        client.cookies.clear()
        log_in(client, key)
        tokens += set(TOKEN.findall(client.get("/").text))
    assert len(set(tokens)) == 3
    for wrong in ({"token": tokens[0]}, {"token": tokens[1]}, {"token": tokens[2][:-1] + "x"}, {}):
        assert client.post("/ui/logout", data={**wrong, "x": "y"}).status_code == 401, wrong
    assert client.get("/").status_code == 200, "still logged in"
    assert client.post("/ui/logout", data={"token": tokens[2]}).status_code == 303


def test_a_page_of_another_site_sends_no_form(house: House, client: httpx.Client):
    log_in(client, house.add("ana"))
    (token,) = set(TOKEN.findall(client.get("/").text))
    evil = {"Origin": "http://evil.example"}
    assert client.post("/ui/logout", data={"token": token}, headers=evil).status_code == 403
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421


def test_a_script_that_is_not_logged_in_gets_a_problem_and_no_page(house: House, client: httpx.Client):
    house.add("ana")
    answer = client.get("/", headers={"Accept": "*/*"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
