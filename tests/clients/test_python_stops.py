"""Runs that stop on their way: how they end, and that they go on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient

STOPPING = ("stops_before", "stops_after", "stops_inside", "stops_within")


@pytest.mark.parametrize("graph", STOPPING)
async def test_a_run_that_stops_where_its_graph_was_compiled_to_says_so_and_goes_on(
    sdk: LangGraphClient, thread: str, graph: str
):
    await sdk.runs.wait(thread, graph, input={"x": "a"})
    assert (await sdk.threads.get(thread))["status"] == "interrupted"
    assert [run["status"] for run in await sdk.runs.list(thread)] == ["interrupted"]
    assert await sdk.runs.wait(thread, graph, input=None) == {"x": "a!!"}
    assert (await sdk.threads.get(thread))["status"] == "idle"
    assert [run["status"] for run in await sdk.runs.list(thread)] == ["success", "interrupted"]


async def test_a_run_that_stops_where_it_was_asked_to_says_so(sdk: LangGraphClient, thread: str):
    ways: Any = ({"interrupt_before": ["second"]}, {"interrupt_after": ["first"]})
    for way in ways:
        await sdk.runs.wait(thread, "free", input={"x": "a"}, **way)
        assert (await sdk.runs.list(thread))[0]["status"] == "interrupted"
    await sdk.runs.wait(thread, "free", input={"x": "a"}, interrupt_after=["second"])
    assert (await sdk.runs.list(thread))[0]["status"] == "success", "there was nothing left to do"


@pytest.mark.parametrize("mode", ["values", "updates", "custom", "events", "messages-tuple", "tasks"])
async def test_a_stop_is_seen_whatever_a_client_listens_to(sdk: LangGraphClient, thread: str, mode: Any):
    told = [
        part async for part in sdk.runs.stream(thread, "stops_inside", input={"x": "a"}, stream_mode=mode)
    ]
    assert (await sdk.runs.list(thread))[0]["status"] == "interrupted"
    if mode != "updates":
        assert "__interrupt__" not in json.dumps([part.data for part in told])
        assert not [part.event for part in told if part.event.startswith(("updates", "stop"))]


async def test_a_run_without_a_thread_that_stops_keeps_its_thread(sdk: LangGraphClient):
    run: Any = await sdk.runs.create(None, "stops_before", input={"x": "a"})
    await sdk.runs.join(run["thread_id"], run["run_id"])
    assert (await sdk.threads.get(run["thread_id"]))["status"] == "interrupted"


async def test_a_question_counts_although_what_was_done_beside_it_is_told_last(
    sdk: LangGraphClient, thread: str
):
    ended: Any = await sdk.runs.wait(thread, "one_asks", input={"answers": []})
    assert [each["value"] for each in ended["__interrupt__"]] == [{"number": 1}]
    assert [run["status"] for run in await sdk.runs.list(thread)] == ["interrupted"]
    ended = await sdk.runs.wait(thread, "one_asks", command={"resume": "yes"})
    assert sorted(ended["answers"]) == ["done", "yes"]
    assert (await sdk.runs.list(thread))[0]["status"] == "success"
