"""`http` in langgraph.json: an operator's own application beside the server's routes, and which of those."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from nexus.api.beside import Http
from nexus.errors import SettingsInvalid
from nexus.settings import load_settings
from nexus.wiring.graphs import load_auth
from nexus.wiring.http import load_http
from tests.api.serving import Office, serving
from tests.security.house import House

APP = """
from contextlib import asynccontextmanager

from fastapi import FastAPI, Form, Request, WebSocket

ENDED = []


@asynccontextmanager
async def lifespan(app):
    yield {"word": "hello"}
    ENDED.append(True)


app = FastAPI(lifespan=lifespan)


@app.get("/hello")
async def hello(request: Request):
    user = request.scope.get("user")
    known = sorted(request.scope["state"])
    return {"word": request.state.word, "user": user and user.identity, "state": known}


@app.get("/page/{name}")
async def page(name: str, request: Request):
    return {"self": str(request.url_for("page", name=name)), "is_own": request.app is app}


@app.post("/form")
async def form(text: str = Form()):
    return {"text": text}


@app.get("/ok")
async def never():
    raise NotImplementedError


@app.post("/info")
async def never_either():
    raise NotImplementedError


@app.websocket("/talk")
async def talk(socket: WebSocket):
    await socket.accept()
    await socket.send_text(socket.url_for("page", name="a").path)
    await socket.close()


nothing = 1
"""

AUTH = """
from langgraph_sdk import Auth

auth = Auth()


@auth.authenticate
async def who(authorization: str | None, body: dict | None):
    assert authorization == "Bearer ana-token", "no such token"
    assert body is None
    return {"identity": "ana", "permissions": ["approver"]}
"""

Server = Callable[..., AbstractContextManager[httpx.Client]]


@pytest.fixture(name="write")
def _write(tmp_path: Path) -> Callable[..., Path]:
    (tmp_path / "own.py").write_text(APP)
    (tmp_path / "who.py").write_text(AUTH)

    def write(**fields: Any) -> Path:
        file = tmp_path / "langgraph.json"
        file.write_text(json.dumps({"graphs": {"nexus": "nexus/app.py:graph"}, "http": fields}))
        return file

    return write


@contextmanager
def served(file: Path, office: Office | None = None, **settings: Any) -> Iterator[httpx.Client]:
    office = office or Office(file.parent / "home", auth=load_auth(load_settings(**settings)))
    office.http = load_http(file)
    with serving(office) as client:
        yield client


def test_an_application_serves_what_the_server_has_no_route_for(write: Callable[..., Path]):
    with served(write(app="./own.py:app")) as client:
        assert client.get("/hello").json() == {"word": "hello", "user": None, "state": ["word"]}
        assert client.post("/form", data={"text": "ö" * 10}).json() == {"text": "ö" * 10}
        assert client.get("/ok").json() == {"ok": True}
        assert client.post("/info", json={}).status_code == 405
        assert client.post("/threads", data={"text": "x"}).status_code == 415
        page = client.get("/nowhere", headers={"Accept": "text/html"})
        assert (page.status_code, page.json()) == (404, {"detail": "Not Found"})
        url = f"{client.base_url}/talk".replace("http", "ws", 1)
        with connect(url) as socket:
            assert socket.recv() == "/page/a"


def test_an_application_finds_its_own_routes_by_their_names(write: Callable[..., Path]):
    with served(write(app="./own.py:app")) as client:
        url = f"{client.base_url}/page/a"
        assert client.get("/page/a").json() == {"self": url, "is_own": True}


def test_an_application_is_behind_the_same_guard(write: Callable[..., Path]):
    with served(write(app="./own.py:app")) as client:
        assert client.get("/hello", headers={"Host": "evil.example"}).status_code == 421
        sent = {"data": {"text": "x"}, "headers": {"Origin": "http://evil.example"}}
        assert client.post("/form", **sent).status_code == 403


def test_an_application_starts_and_ends_with_the_server(write: Callable[..., Path]):
    file = write(app="./own.py:app")
    office = Office(file.parent / "home", http=load_http(file))
    ended: list[bool] = sys.modules["nexus_graph_http.app"].ENDED
    with serving(office):
        assert ended == []
    assert ended == [True]


def test_an_application_asks_for_keys_if_the_file_says_so(write: Callable[..., Path]):
    file = write(app="./own.py:app", enable_custom_route_auth=True)
    house = House(file.parent / "home")
    key = {"Authorization": f"Bearer {house.add('ana')}"}
    with served(file, house) as client:
        assert client.get("/hello", headers=key).json()["user"] == "ana"
        assert client.get("/hello").status_code == 401
        assert client.get("/hello", headers={"Authorization": "Bearer nexus_other"}).status_code == 401
        url = f"{client.base_url}/talk".replace("http", "ws", 1)
        with connect(url, additional_headers=key) as socket:
            assert socket.recv() == "/page/a"
        with pytest.raises(InvalidStatus), connect(url):
            pass
    with served(write(app="./own.py:app"), House(file.parent / "home")) as client:
        assert client.get("/hello").json()["user"] is None
        assert client.get("/approvals").status_code == 401


def test_an_application_is_told_who_asks_by_the_operators_own_handler(write: Callable[..., Path]):
    file = write(app="./own.py:app", enable_custom_route_auth=True)
    with served(file, auth=f"{file.parent}/who.py:auth") as client:
        key = {"Authorization": "Bearer ana-token"}
        assert client.get("/hello", headers=key).json()["user"] == "ana"
        assert client.post("/form", data={"text": "x"}, headers=key).json() == {"text": "x"}
        assert client.get("/hello").status_code == 401


def test_routes_are_left_out_and_origins_let_in_as_the_file_says(write: Callable[..., Path]):
    origin = "http://localhost:3000"
    file = write(
        disable_store=True, disable_assistants=True, disable_mcp=True, cors={"allow_origins": [origin]}
    )
    with served(file) as client:
        assert client.post("/store/items/search", json={}).status_code == 404
        assert client.post("/assistants/search", json={}).status_code == 404
        answer = client.post("/threads", json={}, headers={"Origin": origin})
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, origin)
    with served(write(disable_threads=True, disable_runs=True)) as client:
        assert client.post("/threads", json={}).status_code == 404
        assert client.post("/runs", json={"assistant_id": "nexus"}).status_code == 404
        url = f"{client.base_url}/threads/t/stream/events".replace("http", "ws", 1)
        with pytest.raises(InvalidStatus), connect(url):
            pass


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"mount_prefix": "/api"}, "http.mount_prefix"),
        ({"disable_meta": True}, "http.disable_meta"),
        ({"disable_webhooks": True}, "http.disable_webhooks"),
        ({"configurable_headers": {"includes": ["x-*"]}}, "http.configurable_headers"),
        ({"middleware_order": "auth_first"}, "http.middleware_order"),
        ({"cors": {"allow_origins": ["*"]}}, "http.cors.allow_origins"),
        ({"cors": {"allow_credentials": True}}, "http.cors.allow_credentials"),
        ({"disable_store": "yes"}, "http.disable_store"),
        ({"app": "./own.py:nothing"}, "http.app"),
        ({"app": "./own.py:missing"}, "http.app"),
        ({"app": "./gone.py:app"}, "http.app"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_not_honoured_stops_the_start_by_its_name(
    write: Callable[..., Path], fields: dict[str, Any], named: str
):
    with pytest.raises(SettingsInvalid) as refused:
        load_http(write(**fields))
    assert named in str(refused.value)


def test_a_file_that_is_none_stops_the_start(tmp_path: Path):
    (tmp_path / "list.json").write_text("[]")
    for name in ("list.json", "none.json"):
        with pytest.raises(SettingsInvalid):
            load_http(tmp_path / name)
    assert load_http(None) == Http()
