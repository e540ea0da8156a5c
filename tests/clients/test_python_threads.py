"""The official Python SDK against a real server: threads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from tests.clients.asking import first, refused


async def test_a_thread_is_made_found_labelled_copied_and_deleted(sdk: LangGraphClient):
    made = await sdk.threads.create(metadata={"topic": "labels", "n": 1})
    number = made["thread_id"]
    assert (made["status"], made["values"], made["interrupts"]) == ("idle", {}, {})
    await sdk.threads.update(number, metadata={"n": 2})
    found = await sdk.threads.search(metadata={"topic": "labels"})
    assert [(each["thread_id"], each["metadata"]) for each in found] == [
        (number, {"topic": "labels", "n": 2})
    ]
    assert await sdk.threads.count(metadata={"topic": "labels"}) == 1
    assert (await sdk.threads.create(thread_id=number, if_exists="do_nothing"))["thread_id"] == number
    with pytest.raises(ConflictError):
        await sdk.threads.create(thread_id=number)
    await sdk.threads.delete(number)
    with pytest.raises(NotFoundError):
        await sdk.threads.get(number)


async def test_the_past_is_shown_and_begun_from_anew(sdk: LangGraphClient, thread: str):
    await sdk.runs.wait(thread, "asks", input={"x": "a"})
    await sdk.runs.wait(thread, "asks", command={"resume": 1})
    history = await sdk.threads.get_history(thread, limit=100)
    assert history[0]["next"] == []
    (asked,) = [state for state in history if state["next"] == ["ask"]]
    place: Any = asked["checkpoint"]
    assert (await sdk.threads.get_state(thread, checkpoint=place))["values"] == {"x": "a"}
    assert (await sdk.threads.get_state(thread, checkpoint_id=place["checkpoint_id"]))["next"] == ["ask"]
    forked: Any = await sdk.runs.wait(thread, "asks", checkpoint_id=place["checkpoint_id"])
    assert "__interrupt__" in forked


async def test_the_past_is_also_a_plain_page(sdk: LangGraphClient, thread: str):
    await sdk.runs.wait(thread, "asks", input={"x": "a"})
    latest, *_ = states = await sdk.http.get(f"/threads/{thread}/history", params={"limit": 10})
    assert latest["interrupts"]
    before = {"limit": 1, "before": latest["checkpoint_id"]}
    assert await sdk.http.get(f"/threads/{thread}/history", params=before) == states[1:2]


async def test_a_state_is_changed_where_nothing_could_be_stepped_around(sdk: LangGraphClient, thread: str):
    await sdk.runs.wait(thread, "asks", input={"x": "a"})
    await sdk.threads.update_state(thread, {"x": "b"}, as_node="ask")
    assert (await sdk.threads.get_state(thread))["next"] == ["done"]
    assert (await sdk.runs.wait(thread, "asks", input=None))["x"] == "b!"
    ours = (await sdk.threads.create(graph_id="nexus"))["thread_id"]
    with pytest.raises(UnprocessableEntityError):
        await sdk.threads.update_state(ours, {"go": True}, as_node="approve")


async def test_a_thread_begins_with_a_past(sdk: LangGraphClient):
    steps: Any = [{"updates": [{"values": {"x": "a"}, "as_node": "ask"}]}]
    made = await sdk.threads.create(graph_id="asks", supersteps=steps)
    assert made["values"] == {"x": "a"}


async def test_items_are_kept_found_and_forgotten_and_graphs_share_them(sdk: LangGraphClient):
    await sdk.store.put_item(["notes", "home"], "wifi", {"text": "on the fridge"})
    item = await sdk.store.get_item(["notes", "home"], "wifi")
    assert item["value"] == {"text": "on the fridge"}
    assert datetime.fromisoformat(str(item["created_at"])).tzinfo is not None
    found = await sdk.store.search_items(["notes"], filter={"text": "on the fridge"})
    assert [item["key"] for item in found["items"]] == ["wifi"]
    assert ["notes", "home"] in await sdk.store.list_namespaces(prefix=["notes"])
    await sdk.store.delete_item(["notes", "home"], "wifi")
    with pytest.raises(NotFoundError):
        await sdk.store.get_item(["notes", "home"], "wifi")
    await sdk.runs.wait(None, "made", input={"name": "Eve"})
    assert (await sdk.store.get_item(["greeted"], "last"))["value"] == {"name": "Eve"}


async def test_a_copy_has_the_past_and_goes_its_own_way(sdk: LangGraphClient, thread: str):
    await sdk.runs.wait(thread, "asks", input={"x": "a"})
    copied: Any = await sdk.threads.copy(thread)
    assert copied["status"] == "interrupted"
    assert (await sdk.runs.wait(copied["thread_id"], "asks", command={"resume": 1}))["x"] == "a!"
    assert (await sdk.threads.get(thread))["status"] == "interrupted"


async def test_a_thread_is_pruned(sdk: LangGraphClient, thread: str):
    await sdk.runs.wait(thread, "asks", input={"x": "a"})
    before = len(await sdk.threads.get_history(thread, limit=100))
    assert (await sdk.threads.prune([thread], strategy="keep_latest"))["pruned_count"] == 1
    assert (before, len(await sdk.threads.get_history(thread, limit=100))) == (2, 1)
    assert (await sdk.runs.wait(thread, "asks", command={"resume": 1})) == {"x": "a!", "answer": 1}
    assert (await sdk.threads.prune([thread, "no-such"]))["pruned_count"] == 1
    with pytest.raises(NotFoundError):
        await sdk.threads.get(thread)


async def test_a_thread_whose_past_is_its_state_is_not_pruned(sdk: LangGraphClient, thread: str):
    await sdk.runs.wait(thread, "grows", input={"words": ["first"]})
    with refused(409):
        await sdk.threads.prune([thread], strategy="keep_latest")
    assert (await sdk.threads.get_state(thread))["values"] == {"words": ["first", "more"]}


async def test_a_thread_is_watched_over_its_runs(sdk: LangGraphClient, thread: str):
    seen: list[Any] = []
    watching = await sdk.threads.join_stream(thread, last_event_id="-")
    await sdk.runs.wait(thread, "asks", input={"x": "a"})
    async for part in watching:
        seen.append(part)
        if part.data and "__interrupt__" in part.data:
            await sdk.runs.create(thread, "asks", command={"resume": 1})
        if part.data == {"x": "a!", "answer": 1}:
            break
    assert [part.event for part in seen if part.event == "metadata"] == ["metadata"] * 2


async def test_a_watcher_of_a_thread_goes_on_where_it_left(sdk: LangGraphClient, thread: str):
    await sdk.runs.wait(thread, "asks", input={"x": "a"})
    watching = await sdk.threads.join_stream(thread, last_event_id="-")
    before = [part async for part in first(2, watching)]
    watching = await sdk.threads.join_stream(thread, last_event_id=str(before[0].id))
    (after,) = [part async for part in first(1, watching)]
    assert after == before[1]


@pytest.mark.parametrize("named", ["stream_mode", "stream_modes"])
async def test_a_watcher_of_a_thread_hears_only_what_was_asked_for(
    sdk: LangGraphClient, thread: str, named: str
):
    """The document calls the field `stream_modes`, the SDKs `stream_mode`."""
    await sdk.runs.wait(thread, "asks", input={"x": "a"})
    params = {named: ["lifecycle"]}
    watching = await sdk.threads.join_stream(
        thread, last_event_id="-", stream_mode=params.pop("stream_mode", []), params=params
    )
    await sdk.runs.create(thread, "asks", command={"resume": 1})
    assert [part.event async for part in first(2, watching)] == ["metadata", "metadata"]
    with refused(422):
        await sdk.http.get(f"/threads/{thread}/stream", params={named: "everything"})


async def test_what_would_be_forgotten_in_silence_is_refused(sdk: LangGraphClient, thread: str):
    with refused(422):
        await sdk.threads.create(ttl=5)
    with refused(422):
        await sdk.threads.update(thread, metadata={}, ttl=5)
    with refused(422):
        await sdk.threads.search(extract={"last": "values.messages[-1]"})


async def test_the_server_says_what_it_is(sdk: LangGraphClient):
    assert await sdk.http.get("/ok") == {"ok": True}
    info: Any = await sdk.http.get("/info")
    assert info["flags"]["assistants"] is True
