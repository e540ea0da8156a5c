"""The requests of agent-inbox and agent-chat-ui, as they were seen to make them.

Neither is here: both were brought, run and looked at by hand (agent-inbox f38301b, agent-chat-ui fdc87e6). Of
LangGraph Studio, whose page is nowhere to be had, these are the requests that are known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from nexus.wiring.graphs import Loaded
from tests.api.serving import Office, pause, request, serving, settled, story
from tests.clients import graphs_of_others as others

STUDIO = "https://smith.langchain.com"
ARGUMENTS = {"to": "a@b.c", "subject": "x"}


@pytest.fixture(name="office", scope="module")
def _office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    graphs = (Loaded("asks", others.asks),)
    office = Office(tmp_path_factory.mktemp("frontends") / "home", graphs=graphs, origins=(STUDIO,))
    office.tools.gate.set()
    return office


@pytest.fixture(name="client", scope="module")
def _client(office: Office) -> Iterator[httpx.Client]:
    with serving(office) as client:
        yield client


@pytest.fixture(name="thread")
def _thread(client: httpx.Client, office: Office) -> str:
    office.tools.made.clear()
    return pause(client, office, **ARGUMENTS)[0]


def action_in(client: httpx.Client, thread: str) -> dict[str, Any]:
    """As agent-inbox finds it, in the first page of what is interrupted."""
    body = {"metadata": {"graph_id": "nexus"}, "limit": 10, "offset": 0, "status": "interrupted"}
    found = client.post("/threads/search", json=body).raise_for_status().json()
    (shown,) = (each for each in found if each["thread_id"] == thread)
    ((question,),) = shown["interrupts"].values()
    return question["value"]["action_requests"][0]


def sent(office: Office) -> list[Any]:
    """What `send` was called with."""
    return [arguments for _, arguments, _ in office.tools.made]


EDITED = {**ARGUMENTS, "subject": "edited"}
ACTION = {"action": "send", "args": EDITED}
INBOX = [
    ({"type": "accept", "args": {"action": "send", "args": ARGUMENTS}}, [ARGUMENTS]),
    ({"type": "edit", "args": ACTION}, [EDITED]),
    ({"type": "response", "args": "Do not send it"}, []),
    ({"type": "ignore", "args": None}, []),
]
CHAT = [
    ({"type": "approve"}, [ARGUMENTS]),
    ({"type": "edit", "edited_action": {"name": "send", "args": EDITED}}, [EDITED]),
    ({"type": "reject", "message": "Not now, please"}, []),
]


@pytest.mark.parametrize(("answer", "expected"), INBOX, ids=lambda each: str(each)[:20])
def test_agent_inbox_shows_a_call_and_answers(
    client: httpx.Client, office: Office, thread: str, answer: Any, expected: Any
):
    action = action_in(client, thread)
    assert (action["name"], action["arguments"]) == ("send", ARGUMENTS)
    body = {"command": {"resume": [answer]}, "stream_mode": "events", "assistant_id": "nexus"}
    told = client.post(f"/threads/{thread}/runs/stream", json=body).raise_for_status()
    assert "event: error" not in told.text
    assert "on_chain_start" in told.text
    place = told.headers["Content-Location"]
    assert client.get(place).json()["status"] == "success"
    assert client.get(f"/threads/{thread}").json()["status"] == "idle"
    assert sent(office) == expected


def test_agent_inbox_resolves_a_thread(client: httpx.Client, office: Office, thread: str):
    state, before = {"values": None, "as_node": "__end__"}, waiting(client, office, thread)
    checkpoint = client.post(f"/threads/{thread}/state", json=state).raise_for_status().json()["checkpoint"]
    assert checkpoint["thread_id"] == thread
    assert settled(client, thread)["status"] == "idle"
    assert (sent(office), client.get(f"/approvals?thread_id={thread}").json()) == ([], [])
    assert_resolved(client, office, thread, *before)
    client.post(f"/threads/{thread}/state", json=state).raise_for_status()


@pytest.mark.parametrize(("answer", "expected"), CHAT, ids=lambda each: str(each)[:20])
def test_agent_chat_ui_asks_shows_a_call_and_answers(
    client: httpx.Client, office: Office, answer: Any, expected: Any
):
    office.tools.made.clear()
    office.model.script.clear()
    office.model.calls(("send", ARGUMENTS), answer="Sent.")
    assert client.get("/info").status_code == 200
    thread = client.post("/threads", json={"metadata": {}}).json()["thread_id"]
    said = {"id": "m1", "type": "human", "content": [{"type": "text", "text": "mail a@b.c"}]}
    body = {
        "input": {"messages": [said]},
        "stream_mode": ["values", "messages-tuple", "custom"],
        "stream_subgraphs": True,
        "stream_resumable": True,
        "assistant_id": "nexus",
        "on_disconnect": "continue",
    }
    told = client.post(f"/threads/{thread}/runs/stream", json=body).raise_for_status()
    assert "__interrupt__" in told.text
    (state, *_) = client.post(f"/threads/{thread}/history", json={"limit": 10}).json()
    (question,) = state["tasks"][0]["interrupts"]
    assert question["value"]["action_requests"][0]["args"] == ARGUMENTS
    assert state["values"]["messages"][0]["id"] == "m1"
    told = client.post(f"/threads/{thread}/runs/stream", json=resumed({"resume": {"decisions": [answer]}}))
    assert "event: error" not in told.raise_for_status().text
    assert sent(office) == expected


def test_agent_chat_ui_resolves_a_thread(client: httpx.Client, office: Office, thread: str):
    before = waiting(client, office, thread)
    answer = client.post(f"/threads/{thread}/runs/stream", json=resumed({"goto": "__end__"}))
    assert "event: error" not in answer.raise_for_status().text
    assert client.get(f"/threads/{thread}").json()["status"] == "idle"
    assert sent(office) == []
    assert_resolved(client, office, thread, *before)
    again = client.post(f"/threads/{thread}/runs/stream", json=resumed({"goto": "__end__"}))
    assert again.status_code == 409


def waiting(client: httpx.Client, office: Office, thread: str) -> tuple[str, int]:
    """The approval that the thread waits for, and how often the model was prompted so far."""
    (pending,) = client.get(f"/approvals?thread_id={thread}").raise_for_status().json()
    return pending["id"], len(office.model.prompts)


def assert_resolved(client: httpx.Client, office: Office, thread: str, approval: str, prompts: int) -> None:
    """The no is on record with why, for people, and the thread ended there: nothing more was prompted."""
    assert len(office.model.prompts) == prompts
    assert story(client, thread)["answer"].startswith("Not done, because you said no")
    decided = client.get(f"/approvals/{approval}").raise_for_status().json()
    assert (decided["message"], decided["comment"]) == (None, "Marked as resolved.")


@pytest.mark.parametrize(
    "command", [{"goto": "execute"}, {"goto": "__end__", "update": {"go": True}}, {"goto": ["__end__"]}]
)
def test_to_go_anywhere_else_stays_refused(client: httpx.Client, office: Office, thread: str, command: Any):
    answer = client.post(f"/threads/{thread}/runs/wait", json=resumed(command))
    assert answer.status_code == 422
    state = {"values": {"go": True}, "as_node": "__end__"}
    assert client.post(f"/threads/{thread}/state", json=state).status_code == 422
    assert action_in(client, thread)["args"] == ARGUMENTS
    assert sent(office) == []


def test_an_answer_to_a_thread_that_is_still_to_be_made_is_refused_and_makes_none(client: httpx.Client):
    for command in ({"resume": {"decisions": [{"type": "approve"}]}}, {"goto": "__end__"}):
        answer = {**resumed(command), "assistant_id": "nexus", "if_not_exists": "create"}
        assert client.post("/threads/not-there/runs", json=answer).status_code == 409
        assert client.get("/threads/not-there").status_code == 404


def test_a_chat_of_open_webui_does_not_wait_for_a_run_that_begins_one_day(
    client: httpx.Client, office: Office
):
    later = request("hi", after_seconds=3_600, if_not_exists="create")
    run = client.post("/threads/webui/runs", json=later).raise_for_status().json()["run_id"]
    office.model.script.clear()
    office.model.calls(("read", {}), answer="None.")
    chat = {"model": "nexus", "messages": [{"role": "user", "content": "Any mail?"}]}
    answer = client.post(
        "/v1/chat/completions", json=chat, headers={"X-OpenWebUI-Chat-Id": "webui"}, timeout=20
    )
    assert answer.json()["choices"][0]["message"]["content"] == "None."
    client.post(f"/threads/webui/runs/{run}/cancel").raise_for_status()


def resumed(command: Any) -> dict[str, Any]:
    """As agent-chat-ui sends a command: beside an input that is there and empty."""
    return {
        "input": {},
        "command": command,
        "stream_mode": ["messages-tuple", "values", "custom"],
        "stream_resumable": False,
        "assistant_id": "nexus",
        "on_disconnect": "cancel",
    }


def test_studio_looks_at_a_graph_runs_it_and_runs_it_again_from_its_past(client: httpx.Client):
    """Its bodies are plain text, from a page of the internet."""

    def asks(verb: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Origin": STUDIO, "Content-Type": "text/plain;charset=UTF-8"}
        content = None if body is None else json.dumps(body)
        return client.request(verb, path, content=content, headers=headers).raise_for_status()

    assert asks("GET", "/info").json()["flags"]["assistants"] is True
    system = {"limit": 10, "offset": 0, "metadata": {"created_by": "system"}}
    found = asks("POST", "/assistants/search", system).json()
    (assistant,) = (each["assistant_id"] for each in found if each["graph_id"] == "asks")
    for path in ("graph?xray=true", "subgraphs?recurse=true", "schemas"):
        assert asks("GET", f"/assistants/{assistant}/{path}").json() is not None
    thread = asks("POST", "/threads", {"metadata": {"graph_id": "asks"}}).json()["thread_id"]
    run = {"assistant_id": assistant, "input": {"x": "a"}, "stream_mode": ["debug", "messages", "values"]}
    told = asks("POST", f"/threads/{thread}/runs/stream", run | {"stream_subgraphs": True}).text
    assert told.startswith("id: 1\r\nevent: metadata")
    assert "event: debug" in told
    state = asks("GET", f"/threads/{thread}/state?subgraphs=true").json()
    place = state["checkpoint"]
    assert asks("GET", f"/threads/{thread}/state/{place['checkpoint_id']}").json()["next"] == ["ask"]
    at = {"checkpoint": place, "subgraphs": True}
    assert asks("POST", f"/threads/{thread}/state/checkpoint", at).json()["next"] == ["ask"]
    past = asks("POST", f"/threads/{thread}/history", {"limit": 10}).json()
    copy = {"values": None, "as_node": "__copy__", "checkpoint": past[-1]["checkpoint"]}
    copied = asks("POST", f"/threads/{thread}/state", copy).json()["checkpoint"]
    again = {"assistant_id": assistant, "input": None, "checkpoint": copied, "stream_mode": ["values"]}
    assert "__interrupt__" in asks("POST", f"/threads/{thread}/runs/stream", again).text
