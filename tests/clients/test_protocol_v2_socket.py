"""LangGraph's protocol v2 over a WebSocket: the same commands and events, on one connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.api.serving import Office, request, serving
from tests.security.house import House

Json = dict[str, Any]
_NUMBERS = count(1)
ENDED = {"completed", "failed", "interrupted"}


class Talk:
    """A client of one thread, that keeps what it was told."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.events: list[Json] = []

    async def says(self, method: str, **params: Any) -> Json:
        """The answer to a command."""
        number = next(_NUMBERS)
        await self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        answer = await self.answer()
        assert answer["id"] == number
        return answer

    async def answer(self) -> Json:
        """The next message that is no event."""
        while (message := await self._next())["type"] == "event":
            self.events.append(message)
        return message

    async def hears_the_end(self) -> list[Json]:
        """The events until a run has ended."""
        while not any(_is_end(event) for event in self.events):
            self.events.append(await self._next())
        found, self.events = self.events, []
        return found

    async def _next(self) -> Json:
        return json.loads(await asyncio.wait_for(self._connection.recv(), 30))


def _is_end(event: Json) -> bool:
    params = event["params"]
    return event["method"] == "lifecycle" and not params["namespace"] and params["data"].get("event") in ENDED


def told(found: list[Json], method: str) -> list[Any]:
    return [each["params"]["data"] for each in found if each["method"] == method]


@asynccontextmanager
async def talking(url: str, thread: str, **options: Any) -> AsyncIterator[Talk]:
    address = f"{url.rstrip('/').replace('http', 'ws')}/threads/{thread}/stream/events"
    async with connect(address, proxy=None, **options) as connection:
        yield Talk(connection)


async def test_a_thread_is_begun_watched_and_answered_over_one_socket(url: str):
    async with talking(url, "by-socket") as talk:
        channels = ["values", "input", "lifecycle", "checkpoints"]
        subscribed = (await talk.says("subscription.subscribe", channels=channels))["result"]
        begun = await talk.says("run.start", assistant_id="asks", input={"x": "a"})
        assert begun["type"] == "success"
        found = await talk.hears_the_end()
        (asked,) = told(found, "input.requested")
        assert asked["payload"] == {"question": "ok?", "x": "a"}
        places = told(found, "checkpoints")
        assert {place["source"] for place in places} == {"input", "loop"}
        assert places[1]["parent_id"] == places[0]["id"]
        number = asked["interrupt_id"]
        await talk.says("input.respond", namespace=[], interrupt_id=number, response="yes")
        assert told(await talk.hears_the_end(), "values")[-1] == {"x": "a!", "answer": "yes"}
        assert (await talk.says("agent.getTree"))["result"]["tree"]["graph_name"] == "asks"
        await talk.says("subscription.unsubscribe", **subscribed)
        gone = await talk.says("subscription.unsubscribe", **subscribed)
        assert gone["error"] == "no_such_subscription"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        body = {"assistant_id": "asks", "checkpoint": {"checkpoint_id": places[0]["id"]}}
        again = await client.post("/threads/by-socket/runs/wait", json=body)
    assert again.json()["__interrupt__"]


async def test_a_call_is_told_when_it_leaves_and_not_when_it_is_proposed(url: str, office: Office):
    office.model.script.clear()
    office.model.calls(("send", {"to": "a@b.c", "subject": "x"}), answer="Sent.")
    async with talking(url, "tools-by-socket") as talk:
        await talk.says("subscription.subscribe", channels=["tools", "input", "lifecycle"])
        await talk.says("run.start", assistant_id="nexus", input=request("mail a@b.c")["input"])
        found = await talk.hears_the_end()
        assert told(found, "tools") == []
        (asked,) = told(found, "input.requested")
        yes = {"decisions": [{"type": "approve"}]}
        await talk.says("input.respond", interrupt_id=asked["interrupt_id"], response=yes)
        begun, finished = told(await talk.hears_the_end(), "tools")
    assert (begun["event"], begun["tool_name"], begun["input"]) == (
        "tool-started",
        "send",
        {"to": "a@b.c", "subject": "x"},
    )
    assert (finished["event"], finished["tool_call_id"]) == ("tool-finished", begun["tool_call_id"])


async def test_a_call_of_another_graph_is_told_by_its_messages(url: str):
    async with talking(url, "others-tools") as talk:
        await talk.says("subscription.subscribe", channels=["tools", "lifecycle"])
        await talk.says("run.start", assistant_id="calls", input={"messages": []})
        found = told(await talk.hears_the_end(), "tools")
    assert found == [
        {"event": "tool-started", "tool_call_id": "1", "tool_name": "look", "input": {"at": "mail"}},
        {"event": "tool-finished", "tool_call_id": "1", "output": "nothing new"},
        {"event": "tool-started", "tool_call_id": "2", "tool_name": "look", "input": {"at": "news"}},
        {"event": "tool-error", "tool_call_id": "2", "message": "no network"},
    ]


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ("no JSON", "invalid_argument"),
        ('{"id": 1, "id": 2, "method": "agent.getTree"}', "invalid_argument"),
        ("[]", "invalid_argument"),
        ('{"id": 1}', "invalid_argument"),
        ('{"id": 1, "method": "state.fork"}', "no_such_run"),
        ('{"id": 1, "method": "subscription.subscribe", "params": {"channels": []}}', "invalid_argument"),
        ('{"id": 1, "method": "input.respond", "params": {}}', "no_such_interrupt"),
    ],
)
async def test_what_cannot_be_done_is_answered_and_the_socket_goes_on(url: str, sent: str, error: str):
    async with talking(url, "not-there") as talk:
        await talk._connection.send(sent)
        answer = await talk.answer()
        assert (answer["type"], answer["error"]) == ("error", error)
        assert answer["message"]
        assert (await talk.says("subscription.subscribe", channels=["values"]))["type"] == "success"


async def test_a_page_of_another_site_opens_no_socket(url: str):
    ours = httpx.URL(url)
    as_another = {"host": ours.host, "port": ours.port}
    for to, more in (
        (url, {"additional_headers": {"Origin": "https://evil.example"}}),
        (str(ours.copy_with(host="evil.example")), as_another),
    ):
        with pytest.raises(InvalidStatus) as caught:
            async with talking(to, "by-socket", **more):
                pass
        assert caught.value.response.status_code == 403


async def test_a_socket_needs_a_key_as_every_request_does_and_ends_with_it(tmp_path: Path):
    house = House(tmp_path / "home")
    with serving(house) as client:
        url, key = str(client.base_url), await asyncio.to_thread(house.add, "ana")
        for headers in ({}, {"X-Api-Key": "nxs_wrong"}):
            async with talking(url, "t", additional_headers=headers) as talk:
                with pytest.raises(ConnectionClosedError) as closed:
                    await talk.answer()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 4401
        async with talking(url, "t", additional_headers={"Authorization": f"Bearer {key}"}) as talk:
            assert (await talk.says("subscription.subscribe", channels=["values"]))["type"] == "success"
            await asyncio.to_thread(house.revoke, "ana")
            with pytest.raises(ConnectionClosedError):
                await talk.says("run.start", assistant_id="nexus", input=request("hello")["input"])


async def test_people_with_threads_of_one_name_hear_and_answer_only_their_own(tmp_path: Path):
    """Neither by the other's subscription nor by the id of the other's question."""
    house = House(tmp_path / "home")
    house.will_add_a_task("Water the plants")
    with serving(house) as client:
        keys = [await asyncio.to_thread(house.add, name) for name in ("ana", "ben")]
        headers = [{"Authorization": f"Bearer {key}"} for key in keys]
        url = str(client.base_url)
        async with (
            talking(url, "same", additional_headers=headers[0]) as ana,
            talking(url, "same", additional_headers=headers[1]) as ben,
        ):
            channels = ["values", "input", "lifecycle"]
            subscribed = (await ana.says("subscription.subscribe", channels=channels))["result"]
            await ben.says("subscription.subscribe", channels=channels)
            await ana.says("run.start", assistant_id="nexus", input=request("Add a task")["input"])
            (asked,) = told(await ana.hears_the_end(), "input.requested")
            others = await ben.says("subscription.unsubscribe", **subscribed)
            assert others["error"] == "no_such_subscription"
            yes = {"interrupt_id": asked["interrupt_id"], "response": {"type": "approve"}}
            assert (await ben.says("input.respond", **yes))["error"] == "no_such_interrupt"
            assert (await ben.says("agent.getTree"))["error"] == "no_such_run"
            assert ben.events == []
            assert (house.tasks("ana"), house.tasks("ben")) == ([], [])
            assert (await ana.says("input.respond", **yes))["type"] == "success"
            await ana.hears_the_end()
    assert (len(house.tasks("ana")), house.tasks("ben")) == (1, [])
