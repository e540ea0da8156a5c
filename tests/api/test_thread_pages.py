"""The pages of threads and the chat behind an operator's own handlers: what these hide is not there."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import Auth

from nexus.runtime.runner import MAX_REQUEST
from nexus.settings import Settings
from tests.api.serving import Office, serving, settled

BROWSER = {"Accept": "text/html"}

SPOILT: Mapping[str, Mapping[str, Any]] = {
    "red, and a limit of x": {"config": {"recursion_limit": "x"}},
    "red, and no metadata": {"metadata": None},
    "red, and an answer": {"command": {"resume": {"type": "approve"}}},
}
"""What the handlers make of a run of whoever says so."""


def _handlers() -> Auth:
    """Everybody is Ana, at work on one project at a time; red threads are not for blue eyes."""
    auth = Auth()

    async def who(authorization: str | None) -> Any:
        return {"identity": "ana", "permissions": [authorization or "red"]}

    async def by_project(ctx: Any, value: Any) -> Any:
        (project,) = ctx.permissions
        if project == "none":
            return False
        if ctx.action == "create_run":
            assert value["assistant_id"] == "nexus"
            assert project != "red, to read", "no runs"
            value["metadata"]["begun_by"] = ctx.user.identity
            if project in SPOILT:
                value |= SPOILT[project]
        project = project.partition(",")[0]
        if ctx.action == "create":
            value.setdefault("metadata", {})["project"] = project
        return {"project": project}

    auth.authenticate(who)
    auth.on.threads(by_project)
    return auth


@dataclass
class Demoed(Office):
    """An office whose demo finds a server of models at that port."""

    at_port: int = 0

    @property
    def settings(self) -> Settings:
        return super().settings.model_copy(update={"model": f"openai:http://127.0.0.1:{self.at_port}/v1#any"})


@pytest.fixture(name="office")
def _office(fast_path: Path) -> Iterator[Office]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        office = Demoed(fast_path / "home", auth=_handlers(), at_port=listener.getsockname()[1])
        office.tools.gate.set()
        yield office


@pytest.fixture(name="client")
def _client(office: Office) -> Iterator[httpx.Client]:
    with serving(office) as client:
        client.headers.update(BROWSER)
        yield client


def _token(client: httpx.Client) -> str:
    (found,) = set(re.findall(r'name="token" value="([^"]+)"', client.get("/ui/chat").text))
    return found


def _begin(client: httpx.Client, message: str = "What is new?") -> httpx.Response:
    form = {"token": _token(client), "message": message}
    return client.post("/ui/chat", data=form)


def test_what_the_handlers_hide_is_on_no_page(office: Office, client: httpx.Client):
    office.model.calls(("read", {}), answer="Nothing.")
    thread = _begin(client).headers["location"].rsplit("/", 1)[1]
    assert settled(client, thread)["answer"] == "Nothing."
    pages = [f"/ui/threads/{thread}", f"/ui/threads/{thread}/past", f"/ui/chat/{thread}"]
    assert [client.get(page).status_code for page in pages] == [200, 200, 200]
    assert thread in client.get("/ui/threads").text
    blue = {"Authorization": "blue"}
    assert [client.get(page, headers=blue).status_code for page in pages] == [404, 404, 404]
    assert thread not in client.get("/ui/threads", headers=blue).text
    form = {"token": _token(client), "message": "And now?", "turn": "1"}
    for path in (f"/ui/chat/{thread}", f"/ui/threads/{thread}/retry", f"/ui/threads/{thread}/stop"):
        assert client.post(path, data=form, headers=blue).status_code == 404


def test_who_may_not_begin_a_thread_begins_none_here(client: httpx.Client):
    form = {"token": _token(client), "message": "What is new?"}
    assert client.post("/ui/chat", data=form, headers={"Authorization": "none"}).status_code == 403
    assert "Nothing was asked yet" in client.get("/ui/threads").text


def _desk(office: Office) -> set[str]:
    """The files of Ana's desk."""
    desk = office.home / "users" / "ana" / "desk"
    return {str(each.relative_to(desk)) for each in desk.rglob("*") if each.is_file()}


def test_who_may_begin_no_run_begins_none_on_any_page(office: Office, client: httpx.Client):
    """In a new thread, in one that has ended, in one that stopped half way, and for the demo."""
    office.model.calls(("read", {}), answer="Nothing.")
    ended = _begin(client).headers["location"].rsplit("/", 1)[1]
    settled(client, ended)
    office.model.calls(("send", {"to": "a@b.c"}), answer="Sent.")
    waiting = _begin(client, "mail a@b.c").headers["location"].rsplit("/", 1)[1]
    settled(client, waiting)
    known, thoughts = client.get("/ui/threads").text, len(office.model.prompts)
    desk = _desk(office)
    form = {"token": _token(client), "message": "And now?", "turn": "1"}
    for path in (
        "/ui/chat",
        f"/ui/chat/{ended}",
        f"/ui/threads/{ended}/retry",
        f"/ui/threads/{waiting}/continue",
        "/ui/welcome/demo",
    ):
        files = {"file": ("plan.txt", b"Fly on Friday.")} if path.startswith("/ui/chat") else None
        refused = client.post(path, data=form, files=files, headers={"Authorization": "red, to read"})
        assert (refused.status_code, "no runs" in refused.text) == (403, True), path
    assert client.get("/ui/threads").text == known
    assert len(office.model.prompts) == thoughts
    assert not list(office.home.rglob("plan*"))
    assert _desk(office) == desk
    form["token"] = _token(client)
    assert client.post("/ui/welcome/demo", data=form).status_code == 303
    assert _desk(office) > desk, "whoever may begin it finds the example files"


@pytest.mark.parametrize(
    ("project", "status", "told"),
    [
        ("red, and a limit of x", 422, "config.recursion_limit"),
        ("red, and no metadata", 422, "metadata"),
        ("red, and an answer", 409, "waits for no decision"),
    ],
)
def test_a_run_that_the_handlers_made_unfit_is_refused_in_words_and_leaves_no_thread(
    client: httpx.Client, project: str, status: int, told: str
):
    form = {"token": _token(client), "message": "What is new?"}
    refused = client.post("/ui/chat", data=form, headers={"Authorization": project})
    assert (refused.status_code, told in refused.text) == (status, True), refused.text
    assert "Nothing was asked yet" in client.get("/ui/threads").text


def test_what_the_handlers_write_on_a_run_stands_on_it_and_on_its_new_thread(
    office: Office, client: httpx.Client
):
    office.model.calls(("read", {}), answer="Nothing.")
    thread = _begin(client).headers["location"].rsplit("/", 1)[1]
    settled(client, thread)
    (run,) = client.get(f"/threads/{thread}/runs").json()
    assert run["metadata"]["begun_by"] == "ana"
    metadata = client.get(f"/threads/{thread}").json()["metadata"]
    assert (metadata["begun_by"], metadata["project"]) == ("ana", "red")


def test_a_file_that_comes_with_too_long_a_message_is_not_kept(office: Office, client: httpx.Client):
    """The message alone would do; with where its file is it would not."""
    form = {"token": _token(client), "message": "x" * (MAX_REQUEST - 10)}
    refused = client.post("/ui/chat", data=form, files={"file": ("plan.txt", b"Fly on Friday.")})
    assert refused.status_code == 422
    assert "characters are more than" in refused.text
    assert not list(office.home.rglob("plan*"))
    assert "Nothing was asked yet" in client.get("/ui/threads").text


def test_an_empty_message_is_refused_in_words(client: httpx.Client):
    answer = _begin(client, "  ")
    assert answer.status_code == 422
    assert "Say what you want done." in answer.text
