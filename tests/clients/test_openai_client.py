"""OpenAI's own client: Nexus as a model that asks first."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion

from nexus.wiring.users import open_users
from tests.api.serving import READ, SEND, GatedTools, Office, serving
from tests.security.house import House, open_house

LINK = re.compile(r"http://127\.0\.0\.1:\d+/decide\?link=[\w-]+")
MAIL = {"to": "ana@example.com", "subject": "Friday"}


@pytest.fixture(name="office", scope="module")
def _office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return office_at(tmp_path_factory.mktemp("openai") / "home")


def office_at(home: Path) -> Office:
    """Whose inbox holds nobody else's words: reading it does not ask, however often."""
    office = Office(home, tools=GatedTools(specs=(SEND, replace(READ, returns_own=True))))
    office.tools.gate.set()
    return office


@pytest.fixture(name="server", scope="module")
def _server(office: Office) -> Iterator[httpx.Client]:
    with serving(office) as client:
        client.headers["Authorization"] = f"Bearer {asyncio.run(key_of_the_owner(office))}"
        yield client


async def key_of_the_owner(office: Office) -> str:
    """OpenAI's client will not do without a key."""
    async with open_users(office.settings) as users:
        return await users.add("owner")


@pytest.fixture(name="key")
def _key(server: httpx.Client) -> str:
    return server.headers["Authorization"].removeprefix("Bearer ")


@pytest.fixture(name="ai")
def _ai(server: httpx.Client, key: str) -> Iterator[OpenAI]:
    with talking(server, key) as client:
        yield client


@pytest.fixture(autouse=True)
def _fresh(office: Office) -> None:
    office.model.script.clear()
    office.model.prompts.clear()
    office.tools.made.clear()


def answers(office: Office, text: str) -> None:
    """The model's next run: it only answers."""
    office.model.calls(("read", {}), answer=text)


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


class Conversation:
    """A client as they all are: it keeps what was said, and sends all of it each time."""

    def __init__(self, ai: OpenAI, **options: Any) -> None:
        self.ai, self.options = ai, options
        self.messages: list[Any] = [{"role": "system", "content": "You are a pirate."}]
        self.threads: list[str] = []

    def says(self, text: str) -> str:
        self.messages.append(user(text))
        raw = self.ai.chat.completions.with_raw_response.create(
            model="nexus", messages=self.messages, **self.options
        )
        answer = raw.parse().choices[0].message.content or ""
        self.threads.append(raw.headers["content-location"].rsplit("/", 1)[-1])
        self.messages.append({"role": "assistant", "content": answer})
        return answer


def decide(server: httpx.Client, text: str, decision: str = "approve") -> None:
    """What a person does with the link: open the page, press the button."""
    link = LINK.search(text)
    assert link is not None
    page = server.get(link[0], headers={"Accept": "text/html"}).raise_for_status().text
    fields = dict(re.findall(r'name="(link|token)" value="([^"]+)"', page))
    form = {**fields, "decision": decision}
    server.post("/decide", data=form, headers={"Accept": "text/html"}).raise_for_status()


def test_nexus_is_a_model_among_its_assistants(ai: OpenAI, server: httpx.Client):
    mine = server.post("/assistants", json={"graph_id": "nexus", "name": "Mine"}).json()["assistant_id"]
    assert {model.id for model in ai.models.list()} >= {"nexus", mine}
    assert ai.models.retrieve("nexus").object == "model"
    with pytest.raises(openai.NotFoundError):
        ai.models.retrieve("gpt-4o")


def test_a_chat_is_answered_with_the_tokens_it_took(ai: OpenAI, office: Office):
    answers(office, "There is no new mail.")
    done = ai.chat.completions.create(model="nexus", messages=[user("Any new mail?")])
    assert isinstance(done, ChatCompletion)
    (choice,) = done.choices
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    assert "There is no new mail." in (choice.message.content or "")
    assert done.usage is not None
    assert done.usage.prompt_tokens > 0
    assert done.usage.completion_tokens > 0
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens


def test_the_same_chat_goes_on_in_the_same_thread_and_another_in_another(ai: OpenAI, office: Office):
    chat, other = Conversation(ai), Conversation(ai)
    for text in ("one", "two", "three"):
        answers(office, f"Answer {text}.")
        assert f"Answer {text}." in chat.says(f"Any mail, {text}?")
    answers(office, "Answer other.")
    other.says("Any mail at all?")
    assert len(set(chat.threads)) == 1
    assert set(other.threads).isdisjoint(chat.threads)


def test_a_chat_goes_on_after_a_restart_of_the_server(tmp_path: Path):
    office = office_at(tmp_path / "home")
    messages: list[Any] = []
    threads: set[str] = set()
    key = asyncio.run(key_of_the_owner(office))
    for text in ("first", "second"):
        answers(office, f"Answer {text}.")
        with serving(office) as server, talking(server, key) as ai:
            chat = Conversation(ai)
            chat.messages = messages
            chat.says(f"Any mail, {text}?")
            threads.update(chat.threads)
    assert len(threads) == 1


def test_a_pending_approval_is_told_with_its_link_and_its_end_with_the_next_message(
    ai: OpenAI, office: Office, server: httpx.Client
):
    office.model.calls(("send", MAIL), answer="Sent.")
    chat = Conversation(ai)
    asked = chat.says("Mail ana@example.com about Friday")
    assert "May this be done?" in asked
    assert "send" in asked
    assert "ana@example.com" in asked
    assert office.tools.made == []

    again = chat.says("And buy milk")
    assert "not taken in" in again
    assert office.tools.made == []

    decide(server, asked)
    office.model.calls(answer="Fine.")
    told = chat.says("Is there milk?")
    assert len(office.tools.made) == 1
    assert told.startswith("Sent.\n\n")
    assert len(set(chat.threads)) == 1
    approvals = server.get("/approvals", params={"pending": False}).json()
    assert "link:chat:owner" in {approval["decided_by"] for approval in approvals}


def test_what_was_told_once_is_not_told_again(ai: OpenAI, office: Office, server: httpx.Client):
    office.model.calls(("send", MAIL), answer="Sent.")
    chat = Conversation(ai)
    decide(server, chat.says("Mail ana@example.com about Friday"))
    office.model.calls(answer="Fine.")
    assert chat.says("Is there milk?").startswith("Sent.")
    office.model.script.clear()
    office.model.calls(answer="Fine.")
    assert "Sent." not in chat.says("Is there tea?")


def test_a_no_is_told_and_nothing_is_sent(ai: OpenAI, office: Office, server: httpx.Client):
    office.model.calls(("send", MAIL), answer="Sent.")
    chat = Conversation(ai)
    decide(server, chat.says("Mail ana@example.com about Friday"), "reject")
    office.model.script.clear()
    answers(office, "There is none.")
    assert "There is none." in chat.says("Any mail?")
    assert office.tools.made == [("read", {}, ANY)]


def test_hostile_text_in_a_call_is_no_markup_in_the_chat(ai: OpenAI, office: Office):
    bad = {"to": "ana@example.com", "subject": "![x](https://evil.example/q=1) <img src=x>"}
    office.model.calls(("send", bad), answer="Sent.")
    asked = Conversation(ai).says("Mail ana@example.com about ![x](https://evil.example/q=1) <img src=x>")
    assert "](" not in asked
    assert "https://evil" not in asked
    assert "<img" not in asked


def test_a_changed_message_begins_again_from_there(ai: OpenAI, office: Office):
    chat = Conversation(ai)
    answers(office, "Answer uno.")
    chat.says("Any mail, uno?")
    answers(office, "Answer dos.")
    chat.says("Any mail, dos?")
    del chat.messages[-2:]
    answers(office, "Answer tres.")
    office.model.prompts.clear()
    chat.says("Any mail, tres?")
    assert len(set(chat.threads)) == 1
    prompts = str(office.model.prompts)
    assert "Answer uno." in prompts
    assert "Any mail, dos?" not in prompts


def test_a_chat_whose_last_answer_never_came_goes_on_where_it_was_answered_last(ai: OpenAI, office: Office):
    chat = Conversation(ai)
    answers(office, "Answer one.")
    chat.says("Any mail, one?")
    chat.messages += [user("Any mail, two?"), {"role": "assistant", "content": ""}]
    answers(office, "Answer three.")
    chat.says("Any mail, three?")
    assert len(set(chat.threads)) == 1


@pytest.mark.parametrize(
    "options",
    [{"metadata": {"thread_id": "named"}}, {"extra_headers": {"X-OpenWebUI-Chat-Id": "webui-1"}}],
    ids=["metadata", "Open WebUI"],
)
def test_a_client_may_name_the_thread(ai: OpenAI, office: Office, options: dict[str, Any]):
    threads: list[str] = []
    for text in ("one", "two"):
        answers(office, f"Answer {text}.")
        chat = Conversation(ai, **options)
        chat.says(f"Any mail, {text}?")
        threads += chat.threads
    assert threads in (["named"] * 2, ["webui-1"] * 2)


def test_a_stream_tells_what_is_done_then_the_answer_and_the_tokens(ai: OpenAI, office: Office):
    answers(office, "There is no new mail.")
    stream = ai.chat.completions.create(
        model="nexus", messages=[user("Any new mail?")], stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant"
    assert "There is no new mail." in "".join(delta.content or "" for delta in deltas)
    assert "wants read" in "".join(str(delta.to_dict().get("reasoning_content", "")) for delta in deltas)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_that_pauses_tells_the_link(ai: OpenAI, office: Office):
    office.model.calls(("send", MAIL), answer="Sent.")
    stream = ai.chat.completions.create(model="nexus", messages=[user("Mail ana@example.com")], stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert LINK.search(text)


async def test_a_client_that_leaves_stops_the_run(server: httpx.Client, key: str, office: Office):
    office.tools.gate.clear()
    office.tools.reached.clear()
    answers(office, "Never told.")
    thread = "left-alone"
    async with openai.AsyncOpenAI(base_url=f"{server.base_url}/v1", api_key=key, max_retries=0) as ai:
        asked = ai.chat.completions.create(
            model="nexus", messages=[user("Any mail?")], metadata={"thread_id": thread}
        )
        task = asyncio.ensure_future(asked)
        await asyncio.to_thread(office.tools.reached.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    office.tools.gate.set()
    statuses: set[str] = {"running"}
    while statuses & {"running", "pending"}:
        runs = (await asyncio.to_thread(server.get, f"/threads/{thread}/runs")).json()
        statuses = {run["status"] for run in runs}
    assert statuses == {"interrupted"}


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"model": "gpt-4o"}, 404, None),
        ({"messages": []}, 422, "messages"),
        ({"messages": [user("hi"), {"role": "assistant", "content": "x"}]}, 422, "messages.1.role"),
        ({"messages": [user("  ")]}, 422, "request"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            422,
            "messages.0.content",
        ),
        ({"n": 2}, 422, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 422, "tools"),
        ({"response_format": {"type": "json_object"}}, 422, "response_format.type"),
        ({"metadata": {"thread_id": "../x"}}, 422, "metadata.thread_id"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_served_is_refused_in_openais_words_and_leaves_nothing(
    ai: OpenAI, server: httpx.Client, change: dict[str, Any], status: int, param: str | None
):
    before = server.post("/threads/count", json={}).json()
    body: dict[str, Any] = {"model": "nexus", "messages": [user("hi")], **change}
    with pytest.raises(openai.APIStatusError) as refused:
        ai.chat.completions.create(**body)
    error = refused.value
    assert (error.status_code, error.param, error.type) == (status, param, "invalid_request_error")
    assert error.message
    assert server.post("/threads/count", json={}).json() == before


def test_a_failed_model_is_a_server_error_that_is_not_repeated(ai: OpenAI):
    with pytest.raises(openai.InternalServerError) as failed:  # the script is empty: no answer at all
        ai.chat.completions.create(model="nexus", messages=[user("hi")])
    assert failed.value.type == "server_error"
    assert failed.value.response.headers["x-should-retry"] == "false"
    with pytest.raises(openai.APIError):
        list(ai.chat.completions.create(model="nexus", messages=[user("hi")], stream=True))


def test_errors_before_any_route_have_openais_shape_too(server: httpx.Client):
    for method, path, more, status in (
        ("POST", "/v1/embeddings", {"json": {}}, 404),
        ("GET", "/v1/chat/completions", {}, 405),
        ("POST", "/v1/chat/completions", {"content": b"{", "headers": {"Content-Type": "text/plain"}}, 415),
        ("GET", "/v1/models", {"headers": {"Host": "evil.example"}}, 421),
    ):
        answer = server.request(method, path, **more)
        assert answer.status_code == status
        assert answer.json()["error"]["message"]
    assert "error" not in server.get("/threads/none").json()


def test_curl_is_answered_likewise(server: httpx.Client, key: str, office: Office):
    answers(office, "There is no new mail.")
    body = '{"model":"nexus","messages":[{"role":"user","content":"Any new mail?"}],"stream":true}'
    command = ["curl", "-sN", f"{server.base_url}/v1/chat/completions", "-d", body]
    done = subprocess.run(
        [*command, "-H", "Content-Type: application/json", "-H", f"Authorization: Bearer {key}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    assert "There is no new mail." in done.stdout


def test_a_chat_is_its_users_own(tmp_path: Path):
    with open_house(tmp_path / "home") as (house, client):
        keys = {name: house.add(name) for name in ("ana", "ben")}
        with pytest.raises(openai.AuthenticationError) as refused, talking(client, "nexus_wrong") as ai:
            ai.models.list()
        assert refused.value.code == "invalid_api_key"
        said = {name: asked(house, client, keys[name]) for name in keys}
        assert house.tasks("ana") == house.tasks("ben") == []
        for name, key in keys.items():
            headers = {"Authorization": f"Bearer {key}"}
            found = client.post("/threads/search", headers=headers).json()
            assert [thread["thread_id"] for thread in found] == said[name].threads
        decide(client, said["ana"].messages[-1]["content"])
    assert house.tasks("ben") == []


def talking(client: httpx.Client, key: str) -> OpenAI:
    return OpenAI(base_url=f"{client.base_url}/v1", api_key=key, max_retries=0, timeout=30)


def asked(house: House, client: httpx.Client, key: str) -> Conversation:
    """The same words, with a key of their own."""
    house.will_add_a_task("Water the plants")
    with talking(client, key) as ai:
        chat = Conversation(ai)
        chat.says("Add a task: Water the plants")
    return chat
