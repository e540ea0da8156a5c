from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.api.serving import Office, new_thread, pause, serving, story

KIB = 1024
MIB = 1024 * KIB


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    made = Office(tmp_path_factory.mktemp("guard"))
    made.tools.gate.set()
    return made


@pytest.fixture(scope="module")
def client(office: Office) -> Iterator[httpx.Client]:
    """One server for all: what it refuses leaves no trace."""
    with serving(office) as client:
        yield client


def raw(client: httpx.Client, *headers: str, path: str = "/ok") -> int:
    """The status of a request written by hand: no client library puts anything right."""
    lines = [f"GET {path} HTTP/1.1", *headers, "Connection: close", "", ""]
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as line:
        line.sendall("\r\n".join(lines).encode())
        answer = line.makefile("rb").read()
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8420", True),
        ("localhost", True),
        ("LOCALHOST:8420", True),
        ("localhost.", True),
        ("[::1]:8420", True),
        ("evil.example", False),
        ("evil.example:8420", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost@evil.example", False),
        ("0.0.0.0", False),  # noqa: S104 - refused
        ("[::ffff:127.0.0.1]", False),
        ("localhost:port", False),
        ("localhost, evil.example", False),
    ],
)
def test_only_its_own_host_names_are_answered(client: httpx.Client, host: str, *, is_ours: bool):
    assert raw(client, f"Host: {host}") == (200 if is_ours else 421)


def test_a_request_without_one_host_is_refused(client: httpx.Client):
    assert raw(client) in (400, 421)
    assert raw(client, "Host: localhost", "Host: evil.example") in (400, 421)
    assert raw(client, "Host: evil.example", "Host: localhost") in (400, 421)
    assert raw(client, "Host: ") in (400, 421)


ENDLESS = {
    "a header": b"GET /ok HTTP/1.1\r\nHost: localhost\r\nX-Long: ",
    "headers": b"GET /ok HTTP/1.1\r\nHost: localhost",
    "a path": b"GET /ok",
    "what stands behind a body": b"POST /threads HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0",
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_has_no_end_is_refused_before_it_fills_the_memory(client: httpx.Client, what: str):
    more = b"a" * 4 * MIB if what in {"a header", "a path"} else b"\r\nX-Also: this" * 256 * KIB
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as line:
        line.sendall(ENDLESS[what])
        refusal = b"HTTP/1.1 400"
        with suppress(ConnectionResetError, BrokenPipeError):
            line.sendall(more)
            refusal = line.recv(100)
    assert refusal.startswith(b"HTTP/1.1 400")
    assert client.get("/ok").is_success


def test_a_body_is_read_although_another_protocol_is_offered_for_what_comes_after(client: httpx.Client):
    """As Java's HttpClient and `curl --http2` offer it; the body must not be taken for the next request."""
    offer = {
        "Connection": "Upgrade, HTTP2-Settings",
        "Upgrade": "h2c",
        "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA",
    }
    made = client.post("/threads", json={"thread_id": "offered"}, headers=offer)
    assert made.json()["thread_id"] == "offered"


def test_a_long_path_and_many_headers_are_read(client: httpx.Client):
    headers = {f"X-{number}": "a" * KIB for number in range(40)}
    assert client.get("/ok", headers=headers, params={"q": "a" * 8 * KIB}).is_success


def test_a_foreign_host_gets_nothing_anywhere(client: httpx.Client, office: Office):
    thread, approval = pause(client, office)
    for path in (
        "/assistants/nexus",
        f"/threads/{thread}",
        f"/approvals/{approval['id']}",
        "/docs",
        "/openapi.json",
    ):
        refused = client.get(path, headers={"Host": "evil.example"})
        assert refused.status_code == 421
        assert approval["digest"] not in refused.text


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "http://localhost",
        "http://localhost:1",
        "http://127.0.0.1:1",
        "http://127.0.0.1.evil.example",
        "file://",
        "",
        "chrome-extension://abcdef",
    ],
)
def test_a_page_of_another_site_cannot_change_anything(client: httpx.Client, office: Office, origin: str):
    _, approval = pause(client, office)
    for path in ("/threads", f"/approvals/{approval['id']}/decision"):
        refused = client.post(path, json={"type": "approve"}, headers={"Origin": origin})
        assert refused.status_code == 403
    assert client.get(f"/approvals/{approval['id']}").json()["state"] == "pending"
    assert office.tools.made == []


def test_a_page_of_this_server_may_change_things(client: httpx.Client):
    own = str(client.base_url).rstrip("/")
    assert client.post("/threads", headers={"Origin": own}).status_code == 200


def test_no_other_site_is_allowed_by_cors(client: httpx.Client):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for response in (client.options("/threads", headers=asked), client.get("/ok", headers=asked)):
        assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "text/json"],
)
def test_only_json_is_read(client: httpx.Client, content_type: str):
    refused = client.post("/threads", content=b"{}", headers={"Content-Type": content_type})
    assert refused.status_code == 415


def test_json_with_a_charset_is_json(client: httpx.Client):
    headers = {"Content-Type": "application/JSON; charset=utf-8"}
    assert client.post("/threads", content=b"{}", headers=headers).status_code == 200


def chunks(size: int) -> Iterator[bytes]:
    yield b'{"title": "'
    for _ in range(size // KIB):
        yield b"x" * KIB
    yield b'"}'


@pytest.mark.parametrize("size", [MIB, 3 * MIB])
def test_a_body_over_a_mebibyte_is_refused_however_it_is_sent(client: httpx.Client, size: int):
    headers = {"Content-Type": "application/json"}
    assert client.post("/threads", content=b"".join(chunks(size)), headers=headers).status_code == 413
    assert client.post("/threads", content=chunks(size), headers=headers).status_code == 413


def test_a_body_under_a_mebibyte_is_read_however_it_is_sent(client: httpx.Client):
    headers = {"Content-Type": "application/json"}
    for content in (b"".join(chunks(900 * KIB)), chunks(900 * KIB)):
        refused = client.post("/connections", content=content, headers=headers)
        assert (refused.status_code, refused.json()["field"]) == (422, "toolkit")


def nested(depth: int) -> bytes:
    return b'{"request":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (nested(63), 422),
        (nested(64), 400),
        (nested(500), 400),
        (nested(200_000), 400),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 400),
        (b'{"request": "a", "request": "b"}', 400),
        (b'{"request": NaN}', 400),
        (b'{"request": -Infinity}', 400),
        (b'{"request": 1e999}', 400),
        (b'{"request": ' + b"9" * 10_000 + b"}", 400),
        (b'{"request": "\\ud800"}', 400),
        (b'{"\\udfff": 1}', 400),
        (b'{"request": "\xff"}', 400),
        ('{"request": "a"}'.encode("utf-16"), 400),
        (b'\xef\xbb\xbf{"request": "a"}', 400),
        (b'{"request": "a"', 400),
        (b"request=a", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"approve"', 422),
        (b'{"request": {"$ref": "x"}}', 422),
        (b'{"__proto__": {"request": "a"}}', 422),
    ],
)
def test_hostile_json_is_refused_and_changes_nothing(client: httpx.Client, body: bytes, status: int):
    thread = new_thread(client)
    headers = {"Content-Type": "application/json"}
    for path in ("runs", "runs/wait", "runs/stream"):
        refused = client.post(f"/threads/{thread}/{path}", content=body, headers=headers)
        assert refused.status_code == status
        refused.text.encode("ascii")
    assert story(client, thread)["steps"] == []


@pytest.mark.parametrize(
    "text",
    ["\u202egnp.exe", "\x00", "\x1b[2J", "a\u200bb", "x" * 500_000, "é" * 30_000, "{{7*7}} ${7*7} %s"],
)
def test_hostile_text_in_an_edit_is_refused_or_kept_exactly(client: httpx.Client, office: Office, text: str):
    _, approval = pause(client, office)
    office.tools.made.clear()
    body: Any = {"type": "edit", "edited_action": {"name": "send", "args": {"to": text}}}
    answer = client.post(f"/approvals/{approval['id']}/decision", json=body, params={"wait": "true"})
    assert answer.status_code in (200, 422)
    made = [arguments for _, arguments, _ in office.tools.made]
    assert made == ([{"to": text}] if answer.status_code == 200 else [])


@pytest.mark.parametrize("key", ["\u202e", "x" * 100_000, "a.b", "\x00", "<script>"])
def test_a_hostile_key_is_given_back_safely(client: httpx.Client, key: str):
    refused = client.post(
        "/connections", content=json.dumps({key: 1}), headers={"Content-Type": "application/json"}
    )
    assert refused.status_code == 422
    assert len(refused.content) < 2 * KIB
    assert refused.content.isascii()


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/threads/%00",
        "/threads/..%2f..%2fetc",
        "/threads/%ff",
        "/threads/%e2%80%ae",
        "/.//evil.example/",
    ],
)
def test_a_strange_path_is_not_found(client: httpx.Client, path: str):
    assert client.get(path).status_code == 404


def test_a_method_that_a_route_does_not_have_is_refused(client: httpx.Client):
    refused = client.delete("/threads")
    assert refused.status_code == 405
    assert "POST" in refused.headers["allow"]


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1e3", "NaN"])
def test_a_limit_out_of_bounds_is_refused(client: httpx.Client, limit: str):
    thread = new_thread(client)
    assert client.get(f"/threads/{thread}/runs", params={"limit": limit}).status_code == 422
    assert client.get("/approvals", params={"limit": limit}).status_code == 422
