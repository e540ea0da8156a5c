"""LangGraph's protocol v2: commands to a thread, and events of chosen channels from it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import httpx
import pytest

from tests.api.serving import Office, request
from tests.clients import graphs_of_others as others

Json = dict[str, Any]
EVERYTHING = ["values", "updates", "messages", "lifecycle", "input", "tasks", "custom"]
ENDED = {"completed", "failed", "interrupted"}
_NUMBERS: Iterator[int] = count(1)


@pytest.fixture(name="http")
async def _http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
        yield client


async def command(http: httpx.AsyncClient, thread: str, method: str, **params: Any) -> Json:
    """What the server answers to a command."""
    body = {"id": next(_NUMBERS), "method": method, "params": params}
    answer = (await http.post(f"/threads/{thread}/commands", json=body)).raise_for_status().json()
    assert answer["id"] == body["id"]
    return answer


async def start(http: httpx.AsyncClient, thread: str, graph: str, given: Any, **more: Any) -> str:
    """The id of a run that was begun."""
    answer = await command(http, thread, "run.start", assistant_id=graph, input=given, **more)
    assert answer["type"] == "success", answer
    return answer["result"]["run_id"]


async def events(
    http: httpx.AsyncClient,
    thread: str,
    *,
    ends: int = 1,
    begun: Callable[[], None] | None = None,
    **body: Any,
) -> list[Json]:
    """What is told until so many runs have ended; `begun` is called once something was told."""
    found: list[Json] = []
    body = {"channels": EVERYTHING, **body}
    async with http.stream("POST", f"/threads/{thread}/stream/events", json=body) as response:
        async for line in response.raise_for_status().aiter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
                if begun is not None and len(found) == 1:
                    begun()
                ended = [each for each in found if is_end(each)]
                if len(ended) == ends:
                    break
    return found


def is_end(event: Json) -> bool:
    params = event["params"]
    return event["method"] == "lifecycle" and not params["namespace"] and params["data"].get("event") in ENDED


def told(found: list[Json], method: str) -> list[Any]:
    """The data of the events of one kind."""
    return [each["params"]["data"] for each in found if each["method"] == method]


async def test_a_run_asks_and_goes_on_with_the_answer_to_exactly_that_question(
    http: httpx.AsyncClient, thread: str
):
    first = await start(http, thread, "asks", {"x": "a"})
    asked = await events(http, thread)
    (question,) = told(asked, "input.requested")
    assert question["payload"] == {"question": "ok?", "x": "a"}
    assert [each["event"] for each in told(asked, "lifecycle")] == ["running", "interrupted"]
    assert told(asked, "values")[-1] == {"x": "a"}

    unknown = await command(http, thread, "input.respond", namespace=[], interrupt_id="0" * 32, response=1)
    assert (unknown["type"], unknown["error"]) == ("error", "no_such_interrupt")
    answered = await command(
        http, thread, "input.respond", namespace=[], interrupt_id=question["interrupt_id"], response="yes"
    )
    assert answered["type"] == "success"
    rest = await events(http, thread, since=answered["meta"]["applied_through_seq"])
    assert told(rest, "input.answered") == [{"interrupt_ids": [question["interrupt_id"]]}]
    assert told(rest, "values")[-1] == {"x": "a!", "answer": "yes"}
    assert told(rest, "lifecycle")[-1] == {"event": "completed"}
    assert first not in {each["event_id"].split(":")[1] for each in rest if each["method"] == "lifecycle"}


async def test_numbers_grow_from_run_to_run_and_ids_are_the_same_for_every_watcher(
    http: httpx.AsyncClient, thread: str
):
    await start(http, thread, "asks", {"x": "a"})
    first = await events(http, thread)
    again = await events(http, thread)
    assert first == again
    await start(http, thread, "asks", {"x": "b"})
    while (second := await events(http, thread))[0]["event_id"] == first[0]["event_id"]:
        pass
    numbers = [each["seq"] for each in [*first, *second]]
    assert numbers == sorted(set(numbers))


async def test_only_what_was_asked_for_is_told(http: httpx.AsyncClient, thread: str):
    await start(http, thread, "chat", {"messages": [{"role": "user", "content": "hello"}]})
    everything = await events(http, thread)
    deep = {tuple(each["params"]["namespace"]) for each in everything}
    assert {len(place) for place in deep} == {0, 1}
    assert [each for each in told(everything, "lifecycle") if each.get("graph_name") == "inner"]
    said = told(everything, "messages")
    assert [each["event"] for each in said] == [
        "message-start",
        "content-block-start",
        "content-block-delta",
        "content-block-finish",
        "message-finish",
    ]
    assert said[2]["delta"] == {"type": "text-delta", "text": "You said hello."}
    few = await events(http, thread, channels=["lifecycle"], namespaces=[[]], depth=0)
    assert [each["params"]["data"]["event"] for each in few] == ["running", "completed"]
    inner = await events(http, thread, channels=["lifecycle", "values"], namespaces=[["inner"], []])
    assert any(each["params"]["namespace"] for each in inner)


async def test_a_subscriber_hears_of_runs_that_others_start(http: httpx.AsyncClient, thread: str):
    await start(http, thread, "waits", {"x": "heard"})
    body = {"assistant_id": "waits", "input": {"x": "heard"}}
    (await http.post(f"/threads/{thread}/runs", json=body)).raise_for_status()
    go_on = partial(others.GATES.let_go, "heard")
    found = await events(http, thread, ends=2, begun=go_on, channels=["lifecycle", "values"])
    assert told(found, "values")[-1]["seen"] == ["heard", "heard"]


async def test_a_failure_is_told_and_nothing_of_the_inside(http: httpx.AsyncClient, thread: str):
    await start(http, thread, "fails", {"x": "a"})
    found = await events(http, thread)
    assert told(found, "lifecycle")[-1]["event"] == "failed"
    assert "hunter2" not in json.dumps(found)


async def test_several_questions_are_answered_at_once_or_not_at_all(http: httpx.AsyncClient, thread: str):
    await start(http, thread, "many", {"answers": []})
    asked = told(await events(http, thread), "input.requested")
    answers = [{"interrupt_id": each["interrupt_id"], "response": n} for n, each in enumerate(asked)]
    wrong = [answers[0], {"interrupt_id": "0" * 32, "response": 1}]
    assert (await command(http, thread, "input.respond", responses=wrong))["error"] == "no_such_interrupt"
    taken = await command(http, thread, "input.respond", responses=answers)
    rest = await events(http, thread, since=taken["meta"]["applied_through_seq"])
    assert sorted(told(rest, "values")[-1]["answers"]) == [0, 1]


async def test_a_run_begins_where_the_client_says_and_never_in_another_thread(
    http: httpx.AsyncClient, thread: str
):
    await start(http, thread, "asks", {"x": "a"})
    await events(http, thread)
    (state,) = (await http.post(f"/threads/{thread}/history", json={"limit": 1})).json()
    place = {"checkpoint_id": state["checkpoint"]["checkpoint_id"], "thread_id": "somebody-elses"}
    await start(http, thread, "asks", None, config={"configurable": place})
    assert (await http.get(f"/threads/{thread}")).json()["status"] in {"interrupted", "busy"}
    assert (await http.get("/threads/somebody-elses")).status_code == 404


@pytest.mark.parametrize(
    ("method", "params", "error"),
    [
        ("state.fork", {}, "unknown_command"),
        ("subscription.subscribe", {"channels": ["values"]}, "unknown_command"),
        ("run.start", {"input": {}}, "invalid_argument"),
        ("run.start", {"assistant_id": "nowhere", "input": {}}, "no_such_run"),
        (
            "run.start",
            {"assistant_id": "asks", "config": {"configurable": {"run_id": "x"}}},
            "invalid_argument",
        ),
        ("input.respond", {}, "invalid_argument"),
        ("input.respond", {"responses": [{"response": 1}]}, "invalid_argument"),
    ],
)
async def test_what_cannot_be_done_is_answered_with_an_error(
    http: httpx.AsyncClient, thread: str, method: str, params: Json, error: str
):
    answer = await command(http, thread, method, **params)
    assert (answer["type"], answer["error"]) == ("error", error)
    assert answer["message"]
    assert (await http.get(f"/threads/{thread}/runs")).json() == []


async def test_a_malformed_decision_leaves_the_thread_answerable(
    http: httpx.AsyncClient, thread: str, office: Office
):
    office.model.script.clear()
    office.model.calls(("send", {"to": "a@b.c", "subject": "x"}), answer="Sent.")
    await start(http, thread, "nexus", request("mail a@b.c")["input"])
    (question,) = told(await events(http, thread), "input.requested")
    number = question["interrupt_id"]
    for response in ("yes", {"decisions": []}, {"decisions": [{"type": "approve"}] * 2}):
        refused = await command(http, thread, "input.respond", interrupt_id=number, response=response)
        assert refused["error"] == "invalid_argument"
    for forbidden in ({"update": {"messages": []}}, {"goto": "execute"}):
        yes = {"decisions": [{"type": "approve"}]}
        refused = await command(http, thread, "input.respond", interrupt_id=number, response=yes, **forbidden)
        assert refused["error"] == "invalid_argument"
    office.tools.made.clear()
    yes = {"decisions": [{"type": "approve"}]}
    taken = await command(http, thread, "input.respond", interrupt_id=number, response=yes)
    await events(http, thread, since=taken["meta"]["applied_through_seq"])
    assert len(office.tools.made) == 1


async def test_a_thread_that_is_not_there_is_not_watched_but_made_by_its_first_run(http: httpx.AsyncClient):
    body = {"channels": ["values"]}
    assert (await http.post("/threads/v2-new/stream/events", json=body)).status_code == 404
    unknown = {"id": 1, "method": "agent.getTree"}
    assert (await http.post("/threads/v2-new/commands", json=unknown)).status_code == 404
    await start(http, "v2-new", "asks", {"x": "a"})
    await events(http, "v2-new")
    tree = (await command(http, "v2-new", "agent.getTree"))["result"]["tree"]
    assert (tree["namespace"], tree["graph_name"]) == ([], "asks")
