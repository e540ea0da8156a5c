"""The official Python SDK against a real server: assistants."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError

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
        with pytest.raises(httpx.HTTPStatusError) as refused:
            await sdk.runs.wait(None, "speaks", input={"name": "Ana"}, context=context)
        problem = refused.value.response.json()
        assert (problem["status"], problem["field"]) == (422, "context")
