"""The official Python SDK against a real server: assistants."""

from __future__ import annotations

import json
from typing import Any, cast

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError

from tests.clients.asking import refused
from tests.clients.conftest import NAMES


async def test_every_graph_has_an_assistant_of_the_systems(sdk: LangGraphClient):
    found = await sdk.assistants.search(metadata={"created_by": "system"}, limit=20)
    assert {each["graph_id"] for each in found} == {"nexus", *NAMES}
    assert await sdk.assistants.count(metadata={"created_by": "system"}) == len(found)
    own = await sdk.assistants.get("asks")
    assert (await sdk.assistants.get(own["assistant_id"])) == own


async def test_an_assistant_is_made_changed_chosen_and_deleted(sdk: LangGraphClient):
    made = await sdk.assistants.create("made", config={"configurable": {"greeting": "Hi"}}, name="Greeter")
    number = made["assistant_id"]
    assert (await sdk.runs.wait(None, number, input={"name": "Ana"})) == {"name": "Hi Ana"}
    changed = await sdk.assistants.update(
        number, config={"configurable": {"greeting": "Ciao"}}, metadata={"a": 1}
    )
    assert (changed["version"], changed["metadata"]) == (2, {"a": 1})
    assert (await sdk.runs.wait(None, number, input={"name": "Ana"})) == {"name": "Ciao Ana"}
    assert [each["version"] for each in await sdk.assistants.get_versions(number)] == [2, 1]
    assert (await sdk.assistants.set_latest(number, 1))["version"] == 1
    assert (await sdk.runs.wait(None, number, input={"name": "Ana"})) == {"name": "Hi Ana"}
    again = await sdk.assistants.create("made", assistant_id=number, if_exists="do_nothing")
    assert again["name"] == "Greeter"
    with pytest.raises(ConflictError):
        await sdk.assistants.create("made", assistant_id=number)
    await sdk.assistants.delete(number)
    with pytest.raises(NotFoundError):
        await sdk.assistants.get(number)


async def test_a_graph_is_drawn_and_its_schemas_are_told(sdk: LangGraphClient):
    drawn = await sdk.assistants.get_graph("asks")
    assert {node["id"] for node in drawn["nodes"]} == {"__start__", "ask", "done", "__end__"}
    assert "reply" in json.dumps(await sdk.assistants.get_graph("chat", xray=True))
    schemas = await sdk.assistants.get_schemas("asks")
    assert set(schemas["input_schema"]["properties"]) == {"x", "answer"}
    assert "inner" in await sdk.assistants.get_subgraphs("chat")
    assert set(await sdk.assistants.get_subgraphs("chat", namespace="inner")) == {"inner"}
    nexus = await sdk.assistants.get_graph("nexus")
    assert {"reason", "tool-select", "approve", "execute"} <= {node["id"] for node in nexus["nodes"]}


async def test_a_graph_gets_the_context_of_its_assistant_and_of_the_run(sdk: LangGraphClient):
    schema: Any = (await sdk.assistants.get_schemas("speaks"))["context_schema"]
    assert set(schema["properties"]) == {"word", "times"}
    mine = await sdk.assistants.create("speaks", context={"word": "dear"})
    for context, expected in (({}, "dear Ana"), ({"times": 2}, "dear dear Ana"), ({"word": "oh"}, "oh Ana")):
        said: Any = await sdk.runs.wait(None, mine["assistant_id"], input={"name": "Ana"}, context=context)
        assert said["name"] == expected
    await sdk.assistants.delete(mine["assistant_id"])


async def test_a_context_that_does_not_fit_the_graphs_schema_is_refused_by_name(sdk: LangGraphClient):
    for context in ({"tune": "dear"}, {"times": 2}):
        with pytest.raises(httpx.HTTPStatusError) as caught:
            await sdk.runs.wait(None, "speaks", input={"name": "Ana"}, context=context)
        problem = caught.value.response.json()
        assert (problem["status"], problem["field"]) == (422, "context")


async def test_a_run_whose_context_does_not_fit_is_refused_before_it_is_one(
    sdk: LangGraphClient, thread: str
):
    """At once, also where nobody waits for its end; for every run of a batch before the first of them."""
    body = {"assistant_id": "speaks", "input": {"name": "Ana"}, "context": {"tune": "dear"}}
    fits = {**body, "context": {"word": "dear"}}
    for path, sent in ((f"/threads/{thread}/runs", body), ("/runs", body), ("/runs/batch", [fits, body])):
        with pytest.raises(httpx.HTTPStatusError) as caught:
            await sdk.http.post(path, json=cast("Any", sent))
        assert caught.value.response.json()["field"] == "context"
    assert await sdk.runs.list(thread) == []
    assert (await sdk.threads.search(metadata={"graph_id": "speaks"}, limit=100)) == []


async def test_numbers_and_truths_are_not_taken_for_each_other(sdk: LangGraphClient, thread: str):
    run = {"assistant_id": "asks", "input": {"x": "a"}}
    for path, body in (
        ("/threads/search", {"limit": True}),
        ("/threads/search", {"offset": False}),
        ("/assistants/search", {"limit": "10"}),
        (f"/threads/{thread}/runs", {**run, "after_seconds": False}),
        (f"/threads/{thread}/runs", {**run, "stream_subgraphs": 1}),
        (f"/threads/{thread}/runs", {**run, "config": {"recursion_limit": True}}),
        (f"/threads/{thread}/commands", {"id": True, "method": "run.start"}),
    ):
        with refused(422):
            await sdk.http.post(path, json=body)
    with refused(422):
        await sdk.http.put("/store/items", json={"namespace": ["a"], "key": "b", "value": {}, "index": 0})
    assert await sdk.runs.list(thread) == []
