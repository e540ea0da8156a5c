"""LangGraph's `Auth` object in front of Nexus, by the official SDK: who asks, and what is there for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langgraph_sdk import Auth, get_sync_client
from langgraph_sdk.client import SyncLangGraphClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from nexus.api.langgraph.authorized import ACTIONS
from nexus.api.server import LANGGRAPH
from nexus.core.action import ThreadId
from nexus.core.user import user_of_identity
from nexus.errors import Conflict, SettingsInvalid
from nexus.ports.runs import AGENT, going_on
from nexus.runtime.assistants import Assistants
from nexus.settings import load_settings
from nexus.wiring.graphs import load_auth
from tests.api.serving import Office, serving

AUTH = """
from langgraph_sdk import Auth

auth = Auth()
TOKENS = {
    "ana-token": {"identity": "ana@example.com", "permissions": ["approver"]},
    "ben-token": {"identity": "ben"},
    "root-token": {"identity": "root", "permissions": ["admin"]},
}


@auth.authenticate
async def who(authorization: str | None, method: str, path: str, headers: dict) -> dict:
    assert method
    assert path
    assert b"host" in headers
    known = TOKENS.get((authorization or "").removeprefix("Bearer "))
    if known is None:
        raise Auth.exceptions.HTTPException(status_code=401, detail="no such token")
    return known


@auth.on
async def nothing_else(ctx, value):
    return False


@auth.on.threads
async def by_project(ctx, value):
    project = {"ana@example.com": "red"}.get(ctx.user.identity, "blue")
    if ctx.action in {"create", "create_run"}:
        value.setdefault("metadata", {})["project"] = project
    return {"project": project}


@auth.on.threads.delete
async def nobody_deletes(ctx, value):
    raise Auth.exceptions.HTTPException(status_code=403, detail="threads stay")


@auth.on.assistants
async def see(ctx, value):
    assert ctx.action in {"read", "search", "create"}, "assistants are not changed"
    if ctx.action == "create":
        value.setdefault("metadata", {})["owner"] = ctx.user.identity
    return {"owner": ctx.user.identity}


@auth.on.store
async def below_the_user(ctx, value):
    value["namespace"] = (ctx.user.identity.partition("@")[0], *(value.get("namespace") or ()))
"""


NO_DELETING = """
@auth.on.threads.delete
async def nobody_deletes(ctx, value):
    raise Auth.exceptions.HTTPException(status_code=403, detail="threads stay")
"""
NO_CHANGES = """
    assert ctx.action in {"read", "search", "create"}, "assistants are not changed"
"""[1:]


@pytest.fixture(name="file", scope="module")
def _file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As an operator has it: a langgraph.json that names the object."""
    folder = tmp_path_factory.mktemp("hook")
    (folder / "who.py").write_text(AUTH)
    file = folder / "langgraph.json"
    file.write_text('{"graphs": {"nexus": "nexus/app.py:graph"}, "auth": {"path": "./who.py:auth"}}')
    return file


@pytest.fixture(name="office", scope="module")
def _office(file: Path) -> Office:
    office = Office(file.parent / "home", auth=load_auth(load_settings(graphs=file)))
    office.tools.gate.set()
    return office


@pytest.fixture(name="server", scope="module")
def _server(office: Office) -> Iterator[httpx.Client]:
    with serving(office) as client:
        yield client


def client_of(server: httpx.Client, token: str) -> SyncLangGraphClient:
    return get_sync_client(
        url=str(server.base_url), api_key=None, headers={"Authorization": f"Bearer {token}"}
    )


@pytest.fixture(name="ana")
def _ana(server: httpx.Client) -> Iterator[SyncLangGraphClient]:
    with client_of(server, "ana-token") as client:
        yield client


@pytest.fixture(name="ben")
def _ben(server: httpx.Client) -> Iterator[SyncLangGraphClient]:
    with client_of(server, "ben-token") as client:
        yield client


def status(error: pytest.ExceptionInfo[httpx.HTTPStatusError]) -> int:
    return error.value.response.status_code


def test_whom_the_handler_does_not_know_is_not_let_in(server: httpx.Client):
    for headers in ({}, {"Authorization": "Bearer nexus_made-up"}):
        refused = server.get("/approvals", headers=headers)
        assert (refused.status_code, refused.json()["detail"]) == (401, "no such token")
    assert server.get("/ok").status_code == 200


def test_each_identity_is_a_user_of_their_own(ana: SyncLangGraphClient, ben: SyncLangGraphClient):
    thread = ana.threads.create()["thread_id"]
    with pytest.raises(httpx.HTTPStatusError) as hidden:
        ben.threads.get(thread)
    assert status(hidden) == 404
    assert thread not in {each["thread_id"] for each in ben.threads.search()}


def test_a_handler_marks_what_is_made_and_filters_what_is_seen(
    ana: SyncLangGraphClient, server: httpx.Client, office: Office
):
    marked = ana.threads.create(metadata={"topic": "x"})
    assert marked["metadata"] == {"topic": "x", "project": "red"}
    assert ana.threads.get(marked["thread_id"])["metadata"]["project"] == "red"
    repainted = ana.threads.create()["thread_id"]
    ana.threads.update(repainted, metadata={"project": "blue"})
    assert repainted not in {each["thread_id"] for each in ana.threads.search(limit=100)}
    assert ana.threads.count() == len(ana.threads.search(limit=100))
    for path in ("", "/state", "/history", "/runs", "/story"):
        answer = server.get(f"/threads/{repainted}{path}", headers={"Authorization": "Bearer ana-token"})
        assert answer.status_code == 404
    with pytest.raises(httpx.HTTPStatusError) as hidden:
        ana.runs.wait(repainted, "nexus", input={"messages": [{"role": "user", "content": "hi"}]})
    assert status(hidden) == 404
    assert office.tools.made == []


def test_a_run_in_a_new_thread_is_marked_too_also_a_chats(
    ana: SyncLangGraphClient, server: httpx.Client, office: Office
):
    said = {"messages": [{"role": "user", "content": "Any mail?"}]}
    office.model.script.clear()
    office.model.calls(("read", {}), answer="None.")
    ana.runs.wait("fresh", "nexus", input=said, if_not_exists="create")
    assert ana.threads.get("fresh")["metadata"]["project"] == "red"
    office.model.calls(("read", {}), answer="None.")
    body = {"model": "nexus", **said, "metadata": {"thread_id": "chatted"}}
    chat = server.post("/v1/chat/completions", json=body, headers={"Authorization": "Bearer ana-token"})
    assert chat.status_code == 200
    assert ana.threads.get("chatted")["metadata"]["project"] == "red"


def test_what_a_handler_forbids_is_refused_with_its_words(ana: SyncLangGraphClient):
    thread = ana.threads.create()["thread_id"]
    with pytest.raises(httpx.HTTPStatusError) as refused:
        ana.threads.delete(thread)
    assert status(refused) == 403
    assert refused.value.response.json()["detail"] == "threads stay"
    mine = ana.assistants.create("nexus", name="mine")
    assert mine["metadata"]["owner"] == "ana@example.com"
    with pytest.raises(httpx.HTTPStatusError) as unchanged:
        ana.assistants.update(mine["assistant_id"], name="yours")
    assert (status(unchanged), ana.assistants.get(mine["assistant_id"])["name"]) == (403, "mine")
    assert {each["name"] for each in ana.assistants.search()} == {"nexus", "mine"}


def test_threads_that_may_not_be_deleted_are_not_deleted_with_their_assistant(tmp_path: Path):
    """Its own may go, and with it only what the handler of threads lets go."""
    (tmp_path / "who.py").write_text(AUTH.replace(NO_DELETING, "").replace(NO_CHANGES, ""))
    office = Office(tmp_path / "home", auth=load_auth(load_settings(auth=f"{tmp_path}/who.py:auth")))
    with serving(office) as server, client_of(server, "ana-token") as ana:
        for name in ("kept", "gone"):
            ana.assistants.create("nexus", assistant_id=name)
            ana.threads.create(thread_id=f"{name}-thread", metadata={"assistant_id": name})
        ana.threads.update("kept-thread", metadata={"project": "blue"})
        for name in ("kept", "gone"):
            ana.assistants.delete(name, delete_threads=True)

        async def left() -> set[str]:
            async with office.open_services() as services:
                service = await services.of(user_of_identity("ana@example.com"))
                return {thread.id for thread in await service.threads.search()}

        assert asyncio.run(left()) == {"kept-thread"}


def test_whoever_may_delete_no_threads_deletes_none_with_an_assistant(tmp_path: Path):
    (tmp_path / "who.py").write_text(AUTH.replace(NO_CHANGES, ""))
    office = Office(tmp_path / "home", auth=load_auth(load_settings(auth=f"{tmp_path}/who.py:auth")))
    with serving(office) as server, client_of(server, "ana-token") as ana:
        ana.assistants.create("nexus", assistant_id="mine")
        with pytest.raises(httpx.HTTPStatusError) as refused:
            ana.assistants.delete("mine", delete_threads=True)
        assert (status(refused), ana.assistants.get("mine")["assistant_id"]) == (403, "mine")


@pytest.fixture(name="hers")
def _hers(office: Office) -> dict[str, str]:
    """An assistant and a thread of Ana's that belong to others, as its handlers see it."""
    user = user_of_identity("ana@example.com")

    async def made() -> None:
        async with office.open_services() as services:
            service = await services.of(user)
            assistants = Assistants(service.graphs, service.assistants)
            with suppress(Conflict):
                await assistants.create("others", AGENT, {"metadata": {"owner": "ben"}})
                await service.threads.create(ThreadId("blue"), metadata={"project": "blue"})
                await service.threads.create(ThreadId("shown"), metadata={"project": "red"})

    asyncio.run(made())
    return {"Authorization": "Bearer ana-token"}


SAID: Any = {"messages": [{"role": "user", "content": "hi"}]}
AS_OTHERS: Any = {"assistant_id": "others", "input": SAID}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/threads/shown/runs", AS_OTHERS),
        ("/threads/shown/runs/wait", AS_OTHERS),
        ("/threads/shown/runs/stream", AS_OTHERS),
        ("/runs", AS_OTHERS),
        ("/runs/wait", AS_OTHERS),
        ("/runs/stream", AS_OTHERS),
        ("/runs/batch", [{"assistant_id": "nexus", "input": SAID}, AS_OTHERS]),
        ("/threads/shown/commands", {"id": 1, "method": "run.start", "params": AS_OTHERS}),
        ("/v1/chat/completions", {"model": "others", **SAID}),
        ("/v1/chat/completions", {"model": "nexus", **SAID, "metadata": {"thread_id": "blue"}}),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_a_handler_hides_is_not_there_wherever_a_body_names_it(
    server: httpx.Client, office: Office, hers: dict[str, str], path: str, body: Any
):
    office.model.prompts.clear()
    answer = server.post(path, json=body, headers=hers)
    assert answer.status_code == 404, answer.text
    assert any(named in answer.json()["detail"] for named in ("'others'", "'blue'"))
    assert office.model.prompts == []


def test_what_a_handler_hides_is_not_there_wherever_it_could_be_found(
    server: httpx.Client, hers: dict[str, str]
):
    assert server.get("/v1/models/nexus", headers=hers).status_code == 200
    assert server.get("/v1/models/others", headers=hers).status_code == 404
    assert "others" not in [each["id"] for each in server.get("/v1/models", headers=hers).json()["data"]]
    by_header = {**hers, "X-OpenWebUI-Chat-Id": "blue"}
    chat = {"model": "nexus", **SAID}
    assert server.post("/v1/chat/completions", json=chat, headers=by_header).status_code == 404
    again = {"thread_id": "blue", "if_exists": "do_nothing"}
    assert server.post("/threads", json=again, headers=hers).status_code == 409
    again = {"assistant_id": "others", "graph_id": "nexus", "if_exists": "do_nothing"}
    assert server.post("/assistants", json=again, headers=hers).status_code == 409
    assert server.get("/threads/blue/results/r1", headers=hers).json()["detail"].endswith("'blue'.")


def test_many_runs_are_stopped_in_what_a_handler_shows_and_no_others(
    ana: SyncLangGraphClient, server: httpx.Client, office: Office, hers: dict[str, str]
):
    later: Any = {"assistant_id": "nexus", "input": SAID, "after_seconds": 3_600}
    shown = server.post("/threads/red/runs", json={**later, "if_not_exists": "create"}, headers=hers).json()
    hidden = asyncio.run(added_to_blue(office))
    with pytest.raises(httpx.HTTPStatusError) as unknown:
        ana.runs.cancel_many(run_ids=[hidden])
    assert status(unknown) == 404
    ana.runs.cancel_many(status="all")
    assert ana.runs.get("red", shown["run_id"])["status"] == "interrupted"
    assert asyncio.run(status_of(office, hidden)) == "pending"


async def added_to_blue(office: Office) -> str:
    """A run that begins one day, in a thread of Ana's that she is not shown."""
    async with office.open_services() as services:
        service = await services.of(user_of_identity("ana@example.com"))
        new = replace(going_on("blue", after_seconds=3_600), id=str(uuid4()))
        run, _ = await service.runs.add(new, owner="")
        return run.id


async def status_of(office: Office, run: str) -> str:
    async with office.open_services() as services:
        service = await services.of(user_of_identity("ana@example.com"))
        return (await service.runs.get(run)).status


def test_a_handler_moves_items_below_the_user(ana: SyncLangGraphClient):
    ana.store.put_item(["notes"], "wifi", {"text": "on the fridge"})
    item: Any = ana.store.get_item(["notes"], "wifi")
    assert (item["namespace"], item["value"]) == (["ana", "notes"], {"text": "on the fridge"})
    assert ana.store.list_namespaces(prefix=[]) == [["ana", "notes"]]
    assert len(ana.store.search_items(["notes"])["items"]) == 1
    ana.store.delete_item(["notes"], "wifi")
    assert ana.store.search_items(["notes"])["items"] == []


def test_permissions_give_roles(server: httpx.Client):
    def get(token: str, path: str) -> int:
        return server.get(path, headers={"Authorization": f"Bearer {token}"}).status_code

    assert (get("ben-token", "/reviews"), get("ana-token", "/reviews")) == (403, 200)
    assert (get("ana-token", "/users"), get("root-token", "/users")) == (403, 200)


def test_who_was_revoked_here_is_not_let_in_whatever_the_handler_says(server: httpx.Client):
    root = {"Authorization": "Bearer root-token"}
    ben = {"Authorization": "Bearer ben-token"}
    assert server.get("/approvals", headers=ben).status_code == 200
    server.delete("/users/ben", headers=root).raise_for_status()
    assert server.get("/approvals", headers=ben).status_code == 401


def test_a_socket_is_not_let_in_since_handlers_are_asked_about_requests(server: httpx.Client):
    url = f"{server.base_url}/threads/t/stream/events".replace("http", "ws", 1)
    with connect(url, additional_headers={"Authorization": "Bearer ana-token"}) as socket:
        with pytest.raises(ConnectionClosed):
            socket.recv()
        assert socket.close_code == 4401


def test_every_route_of_langgraph_has_a_name_that_handlers_know():
    routes = {
        (method, route.path)
        for module in LANGGRAPH
        for route in module.router.routes
        for method in getattr(route, "methods", ())
    }
    assert routes == set(ACTIONS)


@pytest.mark.parametrize("text", ["auth = 1", "from langgraph_sdk import Auth\nauth = Auth()", "1 / 0"])
def test_an_object_that_cannot_say_who_asks_stops_the_start(tmp_path: Path, text: str):
    (tmp_path / "who.py").write_text(text)
    settings = load_settings(auth=f"{tmp_path}/who.py:auth", home=tmp_path)
    with pytest.raises(SettingsInvalid), serving(Office(tmp_path, auth=load_auth(settings))):
        pass


def test_without_one_keys_say_who_asks():
    assert load_auth(load_settings()) is None
    assert isinstance(Auth(), Auth)
