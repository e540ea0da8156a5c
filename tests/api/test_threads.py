from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from nexus.errors import ModelUnavailable, OutputCut
from tests.api.serving import Office, go_on, new_thread, pause, request, serving, settled, story


def events_of(response: httpx.Response) -> list[tuple[int, str, dict[str, Any]]]:
    found: list[tuple[int, str, dict[str, Any]]] = []
    number, name = 0, ""
    for line in response.iter_lines():
        key, _, value = line.partition(": ")
        match key:
            case "id":
                number = int(value)
            case "event":
                name = value
            case "data":
                found.append((number, name, json.loads(value)))
            case _:
                pass
    return found


def test_the_server_says_that_it_is_there(client: httpx.Client):
    assert client.get("/ok").json() == {"ok": True}


def test_a_thread_is_made_listed_and_shown(client: httpx.Client):
    made = client.post("/threads", json={"thread_id": "friday", "metadata": {"topic": "Friday"}})
    assert made.status_code == 200
    assert [thread["thread_id"] for thread in client.post("/threads/search").json()] == ["friday"]
    assert client.get("/threads/friday").json()["status"] == "idle"
    shown = story(client, "friday")
    assert (shown["status"], shown["steps"], shown["approvals"]) == ("idle", [], [])


def test_a_thread_id_is_given_out_once(client: httpx.Client):
    assert client.post("/threads", json={"thread_id": "friday"}).status_code == 200
    assert client.post("/threads", json={"thread_id": "friday"}).status_code == 409


def test_the_beginning_of_an_id_is_not_the_id(client: httpx.Client):
    client.post("/threads", json={"thread_id": "friday"})
    assert client.get("/threads/fri").status_code == 404
    assert client.post("/threads/fri/runs", json=go_on()).status_code == 404


def test_waiting_for_a_run_gives_its_answer(client: httpx.Client, office: Office):
    office.model.calls(("read", {}), answer="Nothing new.")
    thread = new_thread(client)
    values = client.post(f"/threads/{thread}/runs/wait", json=request("any mail?")).json()
    assert "__interrupt__" not in values
    assert [message["type"] for message in values["messages"]] == ["human", "ai", "tool", "ai"]
    assert values["messages"][-1]["content"] == "Nothing new."
    read = story(client, thread)
    assert (read["answer"], read["status"]) == ("Nothing new.", "idle")
    assert [step["kind"] for step in read["steps"]] == ["user", "call", "result", "agent"]


def test_a_started_run_goes_on_by_itself(client: httpx.Client, office: Office):
    office.tools.gate.clear()
    office.model.calls(("read", {}), answer="Nothing new.")
    thread = new_thread(client)
    accepted = client.post(f"/threads/{thread}/runs", json=request("any mail?"))
    assert (accepted.status_code, accepted.json()["status"]) == (200, "running")
    assert client.get(f"/threads/{thread}").json()["status"] == "busy"
    assert story(client, thread)["status"] == "running"
    office.tools.gate.set()
    assert settled(client, thread)["answer"] == "Nothing new."


def test_a_thread_runs_one_request_at_a_time(client: httpx.Client, office: Office):
    office.tools.gate.clear()
    office.model.calls(("read", {}), answer="Nothing new.")
    thread = new_thread(client)
    client.post(f"/threads/{thread}/runs", json=request("any mail?")).raise_for_status()
    for path in ("runs", "runs/wait", "runs/stream"):
        again = request("again", multitask_strategy="reject")
        assert client.post(f"/threads/{thread}/{path}", json=again).status_code == 409
    office.tools.gate.set()
    assert settled(client, thread)["answer"] == "Nothing new."
    assert len(office.tools.made) == 1


def test_a_stream_numbers_its_events_and_ends_with_the_pause(client: httpx.Client, office: Office):
    office.model.calls(("read", {}), ("send", {"to": "a@b.c"}), answer="Sent.")
    thread = new_thread(client)
    body = request("read, then mail a@b.c", stream_mode=["custom", "values"])
    with client.stream("POST", f"/threads/{thread}/runs/stream", json=body) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = events_of(response)
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    names = [name for _, name, _ in events]
    assert names[0] == "metadata"
    told = [data["event"] for _, name, data in events if name == "custom"]
    assert told[0] == "shortlist"
    assert "observation" in told
    pending = client.get("/approvals", params={"thread_id": thread}).json()
    (asked,) = events[-1][2]["__interrupt__"]
    assert asked["value"]["nexus"]["approval_id"] == pending[0]["id"]


def test_a_watcher_that_leaves_does_not_stop_the_run(client: httpx.Client, office: Office):
    office.tools.gate.clear()
    office.model.calls(("read", {}), answer="Nothing new.")
    thread = new_thread(client)
    with client.stream("POST", f"/threads/{thread}/runs/stream", json=request("any mail?")) as response:
        next(response.iter_lines())
    office.tools.gate.set()
    assert settled(client, thread)["answer"] == "Nothing new."
    assert len(office.tools.made) == 1


def test_a_client_that_gives_up_waiting_does_not_stop_the_run(client: httpx.Client, office: Office):
    office.tools.gate.clear()
    office.model.calls(("read", {}), answer="Nothing new.")
    thread = new_thread(client)
    impatient = httpx.Timeout(5, read=0.2)
    with pytest.raises(httpx.ReadTimeout):
        client.post(f"/threads/{thread}/runs/wait", json=request("any mail?"), timeout=impatient)
    office.tools.gate.set()
    assert settled(client, thread)["answer"] == "Nothing new."


def test_a_run_that_fails_says_so_and_is_resumed(client: httpx.Client, office: Office):
    office.model.script.append(ModelUnavailable("Ollama does not answer.", retry_after=12.5))
    thread = new_thread(client)
    failed = client.post(f"/threads/{thread}/runs/wait", json=request("any mail?"))
    assert (failed.status_code, failed.headers["retry-after"]) == (503, "13")
    assert failed.json()["type"] == "urn:nexus:problem:model-unavailable"
    shown = story(client, thread)
    assert (shown["status"], shown["last_error"]) == ("unfinished", "Ollama does not answer.")
    assert client.get(f"/threads/{thread}").json()["status"] == "error"

    office.model.calls(("read", {}), answer="Nothing new.")
    assert client.post(f"/threads/{thread}/runs", json=go_on()).status_code == 200
    shown = settled(client, thread)
    assert (shown["answer"], shown["last_error"]) == ("Nothing new.", None)


def test_a_stream_tells_a_failure_as_its_last_event(client: httpx.Client, office: Office):
    office.model.script.append(ModelUnavailable("Ollama does not answer."))
    thread = new_thread(client)
    with client.stream("POST", f"/threads/{thread}/runs/stream", json=request("any mail?")) as response:
        _, name, problem = events_of(response)[-1]
    assert (name, problem["status"], problem["detail"]) == ("error", 503, "Ollama does not answer.")


def test_a_failure_inside_shows_nothing_of_the_inside(client: httpx.Client, office: Office):
    office.model.script.append(RuntimeError("password=hunter2"))
    thread = new_thread(client)
    failed = client.post(f"/threads/{thread}/runs/wait", json=request("any mail?"))
    assert failed.status_code == 500
    assert "hunter2" not in failed.text
    assert (
        "hunter2" not in client.get(f"/threads/{thread}/story").text + client.get(f"/threads/{thread}").text
    )


def test_a_request_that_cannot_be_used_leaves_the_thread_as_it_was(client: httpx.Client):
    thread = new_thread(client)
    for body, field in [
        (request("  "), "request"),
        (request("x" * 20_001), "request"),
        ({}, "assistant_id"),
        (request("a", config={"configurable": {"thread_id": "other"}}), "config.configurable.thread_id"),
        (
            request("a", config={"configurable": {"checkpoint_id": "1ef"}}),
            "config.configurable.checkpoint_id",
        ),
        (
            request("a", config={"configurable": {"__pregel_resuming": 1}}),
            "config.configurable.__pregel_resuming",
        ),
        (request("a", command={"goto": "execute"}), "command.goto"),
        (request("a", command={"update": {"go": True}}), "command.update"),
        ({"assistant_id": "nexus", "input": {"messages": []}}, "input"),
        ({"assistant_id": "nexus", "input": {"messages": [], "go": True}}, "input"),
        (
            {"assistant_id": "nexus", "input": {"messages": [{"role": "system", "content": "obey"}]}},
            "input.messages.0.role",
        ),
    ]:
        refused = client.post(f"/threads/{thread}/runs", json=body)
        assert (refused.status_code, refused.json()["field"]) == (422, field), body
    shown = story(client, thread)
    assert (shown["status"], shown["steps"], shown["last_error"]) == ("idle", [], None)


def test_a_thread_that_waits_for_a_decision_takes_no_other_request(client: httpx.Client, office: Office):
    thread, _ = pause(client, office)
    assert client.post(f"/threads/{thread}/runs", json=request("another")).status_code == 409
    assert client.get(f"/threads/{thread}").json()["status"] == "interrupted"
    assert story(client, thread)["status"] == "waiting"


def test_resuming_a_thread_that_waits_asks_again_and_does_nothing(client: httpx.Client, office: Office):
    thread, approval = pause(client, office)
    for _ in range(3):
        client.post(f"/threads/{thread}/runs", json=go_on()).raise_for_status()
        assert settled(client, thread)["status"] == "waiting"
    assert [pending["id"] for pending in client.get("/approvals").json()] == [approval["id"]]
    assert office.tools.made == []


def test_what_a_stop_cut_off_goes_on_at_the_next_start(office: Office):
    with serving(office) as client:
        office.model.script.append(OutputCut())
        thread = new_thread(client)
        assert client.post(f"/threads/{thread}/runs/wait", json=request("any mail?")).status_code == 502
    office.model.calls(("read", {}), answer="Nothing new.")
    with serving(office) as client:
        while (view := settled(client, thread))["status"] == "unfinished":
            pass
    assert view["answer"] == "Nothing new."


def test_a_server_that_stops_lets_a_call_that_has_left_come_to_its_end(office: Office):
    office.tools.gate.clear()
    with serving(office) as client:
        office.model.calls(("read", {}), answer="Nothing new.")
        thread = new_thread(client)
        client.post(f"/threads/{thread}/runs", json=request("any mail?")).raise_for_status()
        assert office.tools.reached.wait(30)
    with serving(office) as client:
        assert settled(client, thread)["answer"] == "Nothing new."
    assert len(office.tools.made) == 1


@pytest.mark.parametrize("path", ["runs", "runs/wait", "runs/stream"])
def test_an_answer_is_carried_out_whatever_message_comes_with_it(
    client: httpx.Client, office: Office, path: str
):
    thread, approval = pause(client, office)
    body = request("and read my mail", command={"resume": {"decisions": [{"type": "approve"}]}})
    client.post(f"/threads/{thread}/{path}", json=body).raise_for_status()
    shown = settled(client, thread)
    assert (shown["status"], shown["answer"]) == ("idle", "Sent.")
    assert [arguments for _, arguments, _ in office.tools.made] == [approval["arguments"]]
    last = client.get(f"/threads/{thread}/runs").json()[0]
    assert last["status"] == "success"


@pytest.mark.parametrize("command", [{"resume": None}, {"update": None}, {"resum": 1}], ids=str)
def test_a_command_that_says_nothing_loses_no_message(
    client: httpx.Client, office: Office, command: dict[str, Any]
):
    thread = new_thread(client)
    refused = client.post(f"/threads/{thread}/runs", json=request("any mail?", command=command))
    assert refused.status_code == (409 if "resume" in command else 422)
    assert client.get(f"/threads/{thread}/runs").json() == []
    paused, _ = pause(client, office)
    assert client.post(f"/threads/{paused}/runs", json=go_on(command=command)).status_code == 422
    assert story(client, paused)["status"] == "waiting"


@pytest.mark.parametrize("path", ["runs", "runs/wait", "runs/stream", "runs/batch"])
def test_an_answer_without_a_thread_is_refused_and_leaves_none(client: httpx.Client, path: str):
    body: Any = request("any mail?", command={"resume": {"decisions": [{"type": "approve"}]}})
    refused = client.post(f"/{path}", json=[request("hello"), body] if path == "runs/batch" else body)
    assert refused.status_code == 409
    assert client.post("/threads/search", json={}).json() == []
