"""The pages of threads and the chat behind an operator's own handlers: what these hide is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import Auth

from tests.api.serving import Office, serving, settled

BROWSER = {"Accept": "text/html"}


def _handlers() -> Auth:
    """Everybody is Ana, at work on one project at a time; red threads are not for blue eyes."""
    auth = Auth()

    async def who(authorization: str | None) -> Any:
        return {"identity": "ana", "permissions": [authorization or "red"]}

    async def by_project(ctx: Any, value: Any) -> Any:
        (project,) = ctx.permissions
        if project == "none":
            return False
        if ctx.action == "create":
            value.setdefault("metadata", {})["project"] = project
        return {"project": project}

    auth.authenticate(who)
    auth.on.threads(by_project)
    return auth


@pytest.fixture(name="office")
def _office(fast_path: Path) -> Office:
    office = Office(fast_path / "home", auth=_handlers())
    office.tools.gate.set()
    return office


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


def test_an_empty_message_is_refused_in_words(client: httpx.Client):
    answer = _begin(client, "  ")
    assert answer.status_code == 422
    assert "Say what you want done." in answer.text
