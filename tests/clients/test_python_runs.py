"""The official Python SDK against a real server: runs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError
from langgraph_sdk.schema import CancelAction

from tests.api.serving import Office, request
from tests.clients import graphs_of_others as others
from tests.clients.asking import refused, until, until_ended


async def test_a_run_pauses_says_so_everywhere_and_is_answered(sdk: LangGraphClient, thread: str):
    ended: Any = await sdk.runs.wait(thread, "asks", input={"x": "a"})
    (question,) = ended["__interrupt__"]
    assert question["value"] == {"question": "ok?", "x": "a"}
    found = await sdk.threads.get(thread)
    assert found["status"] == "interrupted"
    assert [each["id"] for task in found["interrupts"].values() for each in task] == [question["id"]]
    state = await sdk.threads.get_state(thread)
    assert (state["next"], state["interrupts"][0]["id"]) == (["ask"], question["id"])
    (run,) = await sdk.runs.list(thread)
    assert run["status"] == "interrupted"
    assert thread in {each["thread_id"] for each in await sdk.threads.search(status="interrupted", limit=100)}
    ended = await sdk.runs.wait(thread, "asks", command={"resume": {"ok": True}})
    assert ended == {"x": "a!", "answer": {"ok": True}}
    assert (await sdk.threads.get(thread))["status"] == "idle"
    assert [each["status"] for each in await sdk.runs.list(thread)] == ["success", "interrupted"]


async def test_a_run_in_the_background_is_joined_and_deleted(sdk: LangGraphClient, thread: str):
    run = await sdk.runs.create(thread, "waits", input={"x": "joined"}, metadata={"why": "test"})
    assert (run["status"], run["metadata"]) == ("running", {"why": "test"})
    assert (await sdk.threads.get(thread))["status"] == "busy"
    with pytest.raises(ConflictError):
        await sdk.runs.delete(thread, run["run_id"])
    joined = asyncio.create_task(sdk.runs.join(thread, run["run_id"]))
    others.GATES.let_go("joined")
    assert await joined == {"x": "joined", "seen": ["joined"]}
    assert (await sdk.runs.get(thread, run["run_id"]))["status"] == "success"
    assert await sdk.runs.list(thread, status="success")
    await sdk.runs.delete(thread, run["run_id"])
    assert await sdk.runs.list(thread) == []


async def test_every_stream_mode_tells_what_it_is_for(sdk: LangGraphClient, thread: str):
    modes: Any = [
        "values",
        "updates",
        "messages-tuple",
        "messages",
        "tasks",
        "checkpoints",
        "debug",
        "events",
    ]
    text = {"messages": [{"role": "user", "content": "hello"}]}
    parts = [
        part
        async for part in sdk.runs.stream(
            thread, "chat", input=text, stream_mode=modes, stream_subgraphs=True
        )
    ]
    assert parts[0].event == "metadata"
    told = {part.event.partition("|")[0] for part in parts}
    assert told >= {
        "values",
        "updates",
        "messages",
        "messages/metadata",
        "messages/complete",
        "tasks",
        "checkpoints",
        "debug",
        "events",
    }
    assert any(part.event.startswith("updates|inner:") for part in parts)
    last = [part.data for part in parts if part.event == "values"][-1]
    assert last["messages"][-1]["content"] == "You said hello."


async def test_a_stream_that_stops_at_a_question_shows_it_in_any_mode(sdk: LangGraphClient):
    for mode in ("values", "updates", "custom"):
        parts = [part async for part in sdk.runs.stream(None, "asks", input={"x": "a"}, stream_mode=mode)]
        assert any(isinstance(part.data, dict) and "__interrupt__" in part.data for part in parts), mode


async def test_a_lost_stream_goes_on_where_it_was_lost(sdk: LangGraphClient, thread: str):
    run = await sdk.runs.create(
        thread, "asks", input={"x": "a"}, stream_mode=["values", "updates"], stream_resumable=True
    )
    await sdk.runs.join(thread, run["run_id"])
    everything = [part async for part in sdk.runs.join_stream(thread, run["run_id"], last_event_id="-1")]
    assert everything[0].event == "metadata"
    rest = [part async for part in sdk.runs.join_stream(thread, run["run_id"], last_event_id="2")]
    assert rest == everything[2:]


async def test_a_second_run_waits_its_turn_or_gives_way(sdk: LangGraphClient, thread: str):
    first = await sdk.runs.create(thread, "waits", input={"x": "first"})
    second = await sdk.runs.create(thread, "waits", input={"x": "second"})
    assert second["status"] == "pending"
    with pytest.raises(ConflictError):
        await sdk.runs.create(thread, "waits", input={"x": "third"}, multitask_strategy="reject")
    others.GATES.let_go("second")
    others.GATES.let_go("first")
    assert await sdk.runs.join(thread, second["run_id"]) == {"x": "second", "seen": ["first", "second"]}
    assert (await sdk.runs.get(thread, first["run_id"]))["status"] == "success"


async def test_a_run_takes_the_place_of_the_one_before_it(sdk: LangGraphClient, thread: str):
    first = await sdk.runs.create(thread, "waits", input={"x": "never"})
    await until(sdk, thread, first["run_id"], "running")
    others.GATES.let_go("instead")
    ended = await sdk.runs.wait(thread, "waits", input={"x": "instead"}, multitask_strategy="interrupt")
    assert ended == {"x": "instead", "seen": ["instead"]}
    assert (await sdk.runs.get(thread, first["run_id"]))["status"] == "interrupted"


async def test_a_run_is_undone(sdk: LangGraphClient, thread: str):
    others.GATES.let_go("kept")
    await sdk.runs.wait(thread, "waits", input={"x": "kept"})
    first = await sdk.runs.create(thread, "waits", input={"x": "undone"})
    await until(sdk, thread, first["run_id"], "running")
    others.GATES.let_go("anew")
    ended = await sdk.runs.wait(thread, "waits", input={"x": "anew"}, multitask_strategy="rollback")
    assert ended == {"x": "anew", "seen": ["kept", "anew"]}
    with pytest.raises(NotFoundError):
        await sdk.runs.get(thread, first["run_id"])
    history = await sdk.threads.get_history(thread, limit=100)
    assert not any(state["values"].get("x") == "undone" for state in history)


async def test_a_run_is_stopped(sdk: LangGraphClient, thread: str):
    run = await sdk.runs.create(thread, "waits", input={"x": "stopped"})
    await sdk.runs.cancel(thread, run["run_id"], wait=True)
    assert (await sdk.runs.get(thread, run["run_id"]))["status"] == "interrupted"
    assert (await sdk.threads.get(thread))["status"] != "busy"
    many = [await sdk.runs.create(thread, "waits", input={"x": f"stopped {n}"}) for n in range(3)]
    await sdk.runs.cancel_many(thread_id=thread, run_ids=[each["run_id"] for each in many])
    for each in many:
        await until(sdk, thread, each["run_id"], "interrupted")


@pytest.mark.parametrize("how", ["interrupt", "rollback"])
async def test_runs_are_stopped_at_whatever_moment(sdk: LangGraphClient, thread: str, how: CancelAction):
    for n in range(20):
        x = "free" if n % 2 else "never"
        many = [await sdk.runs.create(thread, "waits", input={"x": x}) for _ in range(4)]
        ids = [each["run_id"] for each in many]
        await asyncio.gather(
            *(sdk.runs.cancel_many(thread_id=thread, run_ids=[each], action=how) for each in ids[::2]),
            sdk.runs.cancel_many(thread_id=thread, status="all", action=how),
            return_exceptions=True,  # one that another request has just rolled back is not there any more
        )
        for each in ids:
            await until_ended(sdk, thread, each)
    left = await sdk.runs.create(thread, "waits", input={"x": "free"})
    assert (await sdk.runs.join(thread, left["run_id"]))["seen"][-1] == "free"


async def test_a_client_that_leaves_stops_the_run_if_it_said_so(sdk: LangGraphClient, thread: str, url: str):
    body = {"assistant_id": "waits", "input": {"x": "left"}, "on_disconnect": "cancel"}
    for path in ("wait", "stream"):
        async with httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(5, read=0.3)) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.post(f"/threads/{thread}/runs/{path}", json=body)
    for run in await sdk.runs.list(thread):
        await until(sdk, thread, run["run_id"], "interrupted")


async def test_a_run_begins_later(sdk: LangGraphClient, thread: str):
    others.GATES.let_go("later")
    run = await sdk.runs.create(thread, "waits", input={"x": "later"}, after_seconds=0.2)
    assert run["status"] == "pending"
    assert await sdk.runs.join(thread, run["run_id"]) == {"x": "later", "seen": ["later"]}


async def test_a_thread_that_is_not_there_is_made_if_asked_for(sdk: LangGraphClient):
    with pytest.raises(NotFoundError):
        await sdk.runs.create("not-there", "asks", input={"x": "a"})
    await sdk.runs.wait("now-there", "asks", input={"x": "a"}, if_not_exists="create")
    assert (await sdk.threads.get("now-there"))["status"] == "interrupted"


async def test_a_strict_answer_to_what_is_not_asked_is_refused(sdk: LangGraphClient, thread: str):
    await sdk.runs.wait(thread, "asks", input={"x": "a"})
    with refused(404):
        await sdk.runs.wait(thread, "asks", command={"resume": {"0" * 32: 1}}, strict_resume=True)
    await sdk.runs.wait(thread, "asks", command={"resume": 1})
    with refused(409):
        await sdk.runs.wait(thread, "asks", command={"resume": 2}, strict_resume=True)
    assert (await sdk.threads.get_state(thread))["values"]["answer"] == 1


@pytest.mark.parametrize("strict", [False, True])
async def test_several_questions_are_answered_by_their_ids(
    sdk: LangGraphClient, thread: str, *, strict: bool
):
    ended: Any = await sdk.runs.wait(thread, "many", input={"answers": []})
    first, second = (each["id"] for each in ended["__interrupt__"])
    with refused(422):
        await sdk.runs.wait(thread, "many", command={"resume": "which?"})
    ended = await sdk.runs.wait(thread, "many", command={"resume": {first: "a"}}, strict_resume=strict)
    assert [each["id"] for each in ended["__interrupt__"]] == [second]
    assert (await sdk.runs.list(thread))[0]["status"] == "interrupted"
    ended = await sdk.runs.wait(thread, "many", command={"resume": {second: "b"}}, strict_resume=strict)
    assert ended["answers"] == ["a", "b"]
    assert (await sdk.runs.list(thread))[0]["status"] == "success"


async def test_a_failure_tells_nothing_of_the_inside(sdk: LangGraphClient, thread: str):
    parts = [part async for part in sdk.runs.stream(thread, "fails", input={"x": "a"})]
    assert parts[-1].event == "error"
    (run,) = await sdk.runs.list(thread)
    assert (run["status"], (await sdk.threads.get(thread))["status"]) == ("error", "error")
    assert "hunter2" not in json.dumps([part.data for part in parts] + [run])


async def test_what_a_client_asks_for_and_cannot_be_had_is_no_failure_of_the_servers(
    sdk: LangGraphClient, thread: str
):
    for assistant in ("nexus", "asks"):
        with refused(404):
            await sdk.runs.wait(thread, assistant, checkpoint_id="1ef4f797-8335-6428-8001-8a1503f9b875")
    assert await sdk.runs.list(thread) == []
    with refused(422):
        await sdk.runs.wait(thread, "calls", input={"messages": []}, config={"recursion_limit": 1})
    (run,) = await sdk.runs.list(thread)
    assert run["status"] == "error"


async def test_runs_without_threads_leave_none_behind(sdk: LangGraphClient):
    before = await sdk.threads.count()
    assert (await sdk.runs.wait(None, "made", input={"name": "Ana"})) == {"name": "Hello Ana"}
    batch: Any = [{"assistant_id": "made", "input": {"name": name}} for name in ("Ben", "Cleo")]
    started = await sdk.runs.create_batch(batch)
    assert len({run["thread_id"] for run in started}) == 2
    for _ in range(10_000):
        if await sdk.threads.count() == before:
            break
    assert await sdk.threads.count() == before
    kept: Any = await sdk.runs.create(None, "made", input={"name": "Dan"}, on_completion="keep")
    await sdk.runs.join(kept["thread_id"], kept["run_id"])
    assert (await sdk.threads.get(kept["thread_id"]))["values"] == {"name": "Hello Dan"}


async def test_nexus_asks_and_is_answered_over_the_sdk(sdk: LangGraphClient, thread: str, office: Office):
    office.model.calls(("send", {"to": "a@b.c", "subject": "x"}), answer="Sent.")
    office.tools.made.clear()
    ended: Any = await sdk.runs.wait(thread, "nexus", input=request("mail a@b.c")["input"])
    (question,) = ended["__interrupt__"]
    assert question["value"]["action_requests"][0]["args"] == {"to": "a@b.c", "subject": "x"}
    for malformed in (
        "yes",
        {"decisions": []},
        {"decisions": [{"type": "approve"}] * 2},
        [{"type": "accept?"}],
    ):
        with refused(422):
            await sdk.runs.wait(thread, "nexus", command={"resume": malformed})
    yes = {"decisions": [{"type": "approve"}]}
    answers = await asyncio.gather(
        *(sdk.runs.wait(thread, "nexus", command={"resume": yes}) for _ in range(5)), return_exceptions=True
    )
    losers = [answer for answer in answers if isinstance(answer, httpx.HTTPStatusError)]
    assert [loser.response.status_code for loser in losers] == [409] * 4
    assert len(office.tools.made) == 1
    assert (await sdk.threads.get(thread))["values"]["messages"][-1]["content"] == "Sent."
