"""Pages of other origins, and LangGraph Studio among them: let in by name, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from nexus.errors import SettingsInvalid
from nexus.settings import load_settings
from tests.api.serving import Office, serving

STUDIO = "https://smith.langchain.com"
OURS = "http://localhost:3000"


@pytest.fixture(scope="module", name="client")
def _client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    office = Office(tmp_path_factory.mktemp("origins"), origins=(OURS, STUDIO))
    with serving(office) as client:
        yield client


def preflight(client: httpx.Client, origin: str, **more: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-api-key,last-event-id",
        **more,
    }
    return httpx.options(f"{client.base_url}/threads/search", headers=headers, trust_env=False)


@pytest.mark.parametrize("origin", [OURS, STUDIO])
def test_a_page_that_was_let_in_may_ask_and_read(client: httpx.Client, origin: str):
    allowed = preflight(client, origin)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, origin)
    answer = client.post("/threads", json={}, headers={"Origin": origin})
    assert answer.headers["access-control-allow-origin"] == origin
    assert "Content-Location" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


def test_a_page_of_the_internet_may_reach_this_machine_once_it_was_let_in(client: httpx.Client):
    asked = {"Access-Control-Request-Private-Network": "true"}
    assert preflight(client, STUDIO, **asked).headers["access-control-allow-private-network"] == "true"
    refused = preflight(client, "https://evil.example", **asked)
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://localhost:3001", "https://localhost:3000", "null", f"{OURS}.evil"],
)
def test_any_other_page_may_not(client: httpx.Client, origin: str):
    assert preflight(client, origin).status_code == 400
    refused = client.post("/threads", json={}, headers={"Origin": origin})
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers


def test_a_page_that_was_let_in_can_read_why_it_was_refused(client: httpx.Client):
    refused = client.post("/threads/nowhere/runs", json={"assistant_id": "nexus"}, headers={"Origin": OURS})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (404, OURS)


def test_studio_sends_json_as_plain_text_and_nobody_else_may(client: httpx.Client):
    body = b'{"limit":10,"offset":0,"metadata":{"created_by":"system"}}'
    plain = {"Content-Type": "text/plain;charset=UTF-8"}
    found = client.post("/assistants/search", content=body, headers={**plain, "Origin": STUDIO})
    assert [each["graph_id"] for each in found.raise_for_status().json()] == ["nexus"]
    own = str(client.base_url).rstrip("/")
    for origin in ({}, {"Origin": own}):
        assert client.post("/assistants/search", content=body, headers={**plain, **origin}).status_code == 415
    hostile = client.post("/assistants/search", content=b'{"a":1,"a":2}', headers={**plain, "Origin": STUDIO})
    assert hostile.status_code == 400


@pytest.mark.parametrize(
    "origin", ["*", "localhost:3000", "http://localhost:3000/app", "https://*.example.com"]
)
def test_an_origin_is_named_exactly(origin: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.setenv("NEXUS_CORS_ORIGINS", f"{OURS},{origin}")
    with pytest.raises(SettingsInvalid, match="NEXUS_CORS_ORIGINS"):
        load_settings()
