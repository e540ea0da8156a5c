"""Accounts over HTTP: the real composition root and client, a stand-in for Composio, a planned model."""

from __future__ import annotations

import asyncio
import html
import json
import re
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from nexus.app import open_services
from nexus.ports.clock import SystemClock
from nexus.runtime.services import Services
from nexus.settings import Settings
from nexus.store.database import Database
from nexus.store.users import SqliteUsers
from tests.api.serving import Office, request, serving
from tests.api.test_pages import PERSON, TOKEN, log_in
from tests.planned_model import PlannedModel
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.composio.webhooks import EXPIRED, signed
from tests.servers.running import running

SEND = "GMAIL_SEND_EMAIL"
MAIL = {"recipient_email": "triage@example.com", "subject": "Login loops", "body": "It loops."}
REQUEST = "Send an email about login loops to triage@example.com"
SECRET = "whsec_test"


@dataclass
class RealOffice(Office):
    """The product as it is shipped, with its Composio elsewhere."""

    composio_url: str = ""

    @property
    def settings(self) -> Settings:
        return Settings(
            home=self.home,
            host="127.0.0.1",
            port=0,
            toolkits=("gmail", "linear"),
            composio_api_key=SecretStr(KEY),
            composio_base_url=self.composio_url,
            composio_webhook_secret=SecretStr(SECRET),
        )

    @asynccontextmanager
    async def open_services(self) -> AsyncGenerator[Services]:
        async with open_services(self.settings) as services:
            yield services


@dataclass
class Person:
    """Somebody with a key; every request is theirs."""

    name: str
    key: str
    client: httpx.Client
    standin: ComposioStandIn
    threads: Iterator[int] = field(default_factory=count)

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.client.request(method, path, json=body, headers=headers, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.ask("GET", path, **more).raise_for_status().json()

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.ask("POST", path, body, **more).raise_for_status().json()

    def run(self) -> tuple[str, dict[str, Any]]:
        """Ask for a mail; the thread and the question it stops at."""
        thread = self.post("/threads")["thread_id"]
        done = self.post(f"/threads/{thread}/runs/wait", request(REQUEST))
        assert done["__interrupt__"], done
        (approval,) = self.get(f"/threads/{thread}/story")["approvals"]
        return thread, approval

    def approve(self, approval: Mapping[str, Any]) -> Any:
        path = f"/approvals/{approval['id']}/decision"
        return self.post(path, {"type": "approve", "digest": approval["digest"]}, params={"wait": "true"})

    def question(self, thread: str, kind: str) -> dict[str, Any]:
        """What the thread asks, once it asks that."""
        deadline, view = time.monotonic() + 60, dict[str, Any]()
        while time.monotonic() < deadline:
            view = self.get(f"/threads/{thread}/story")
            for approval in view["approvals"]:
                if approval["question"] == kind and view["status"] == "waiting":
                    return approval
        raise AssertionError(f"it never asked: {view}")

    @property
    def effects(self) -> list[tuple[str, str]]:
        """What was done for this person: the tool and the account."""
        done = self.standin.execution.effects
        return [(each.tool, each.connected_account_id) for each in done if each.user_id == self.name]


@pytest.fixture(scope="module", name="standin")
def _standin() -> Iterator[ComposioStandIn]:
    standin = ComposioStandIn()
    yield standin
    assert standin.guard.violations == []


@pytest.fixture(scope="module", name="home")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("connections") / "home"


@pytest.fixture(scope="module", name="client")
def _client(standin: ComposioStandIn, home: Path) -> Iterator[httpx.Client]:
    """One server for all tests here; each test brings its own people."""

    async def planned(_: Settings) -> PlannedModel:
        return PlannedModel(plan=((SEND, MAIL),))

    import_module("composio_client")  # it takes seconds, which no request shall wait for

    with pytest.MonkeyPatch.context() as patch, running(standin.app) as url:
        patch.setattr("nexus.wiring.shared._model", planned)
        with serving(RealOffice(home, composio_url=url)) as client:
            yield client


@pytest.fixture(name="people")
def _people(
    client: httpx.Client, standin: ComposioStandIn, home: Path, request: pytest.FixtureRequest
) -> tuple[Person, Person]:
    """Two users nobody else has: ana and bo, so to speak."""
    name = re.sub("[^a-z]+", "-", request.node.name.removeprefix("test_"))[-50:].strip("-")
    return tuple(Person(each, _key(home, each), client, standin) for each in (f"ana.{name}", f"bo.{name}"))  # type: ignore[return-value]  # two of them


def _key(home: Path, name: str) -> str:
    async def add() -> str:
        database = Database(home / "nexus.db", SystemClock())
        try:
            return await SqliteUsers(database).add(name)
        finally:
            await database.close()

    return asyncio.run(add())


def _revoke(home: Path, name: str) -> None:
    async def revoke() -> None:
        database = Database(home / "nexus.db", SystemClock())
        try:
            await SqliteUsers(database).revoke(name)
        finally:
            await database.close()

    asyncio.run(revoke())


def follow(connection: Mapping[str, Any], **typed: str) -> None:
    """Do what the person does in the browser."""
    httpx.post(connection["link"]["url"], data=typed).raise_for_status()


def test_an_app_is_connected_by_its_link_and_disconnected(people: tuple[Person, Person]):
    ana, _ = people
    opened = ana.post("/connections", {"toolkit": "gmail"})
    assert (opened["state"], opened["says"]) == ("waiting", "gmail waits for you to sign in.")
    assert ana.post("/connections", {"toolkit": "gmail"})["link"] == opened["link"]
    follow(opened)
    found = ana.get(f"/connections/{opened['id']}", params={"wait": 30})
    assert (found["state"], found["link"]) == ("active", None)
    assert [each["id"] for each in ana.get("/connections")] == [opened["id"]]
    again = ana.post(f"/connections/{opened['id']}/refresh", {})
    assert (again["state"], again["id"] != opened["id"]) == ("waiting", True)
    follow(again)
    assert ana.get(f"/connections/{again['id']}", params={"wait": 30})["state"] == "active"
    ana.ask("DELETE", f"/connections/{again['id']}").raise_for_status()
    removed = ana.ask("DELETE", f"/connections/{opened['id']}").raise_for_status()
    assert removed.json()["toolkit"] == "gmail"
    assert ana.get("/connections") == []


def test_the_accounts_of_others_are_not_there(people: tuple[Person, Person]):
    ana, bo = people
    account = ana.standin.connect(ana.name, "gmail")
    assert bo.get("/connections") == []
    for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/refresh")]:
        foreign = bo.ask(method, f"/connections/{account.id}{path}")
        missing = bo.ask(method, f"/connections/ca_nothing{path}")
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert foreign.text.replace(account.id, "ca_nothing") == missing.text
    assert account.id in ana.standin.accounts.accounts


def test_without_a_key_nothing_is_said(people: tuple[Person, Person]):
    client = people[0].client
    assert client.get("/connections").status_code == 401
    assert client.post("/connections", json={"toolkit": "gmail"}).status_code == 401
    assert client.post("/approvals/1-1/link").status_code == 401


def test_what_an_app_wants_to_know_is_asked_for_and_kept_to_oneself(people: tuple[Person, Person]):
    ana, _ = people
    (needed,) = ana.get("/connections/needs/linear")
    assert (needed["name"], needed["is_secret"]) == ("generic_api_key", True)
    refused = ana.ask("POST", "/connections", {"toolkit": "linear"})
    assert (refused.status_code, refused.json()["field"]) == (422, "fields.generic_api_key")
    sent = ana.ask("POST", "/connections", {"toolkit": "linear", "fields": {"generic_api_key": "lin_secret"}})
    assert (sent.status_code, sent.json()["state"]) == (201, "active")
    assert "lin_secret" not in sent.text


def test_an_app_that_is_not_there_is_answered_with_the_nearest(people: tuple[Person, Person]):
    answer = people[0].ask("POST", "/connections", {"toolkit": "gmial"})
    assert (answer.status_code, answer.json()["remedy"]) == (404, "The nearest names are gmail.")


def test_two_people_act_on_their_own_accounts(people: tuple[Person, Person]):
    accounts = [person.standin.connect(person.name, "gmail").id for person in people]
    for person, account in zip(people, accounts, strict=True):
        _, approval = person.run()
        assert approval["question"] == "action"
        assert person.approve(approval)["thread"]["status"] == "idle"
        assert person.effects == [(SEND, account)]
    ana, bo = people
    assert ana.get("/approvals", params={"pending": "false"}) != bo.get(
        "/approvals", params={"pending": "false"}
    )


def test_a_run_waits_for_the_account_and_goes_on_by_itself_once_it_is_active(people: tuple[Person, Person]):
    ana, bo = people
    thread, asked = ana.run()
    assert (asked["question"], asked["toolkit"], asked["tool"]) == ("connect", "gmail", SEND)
    assert asked["arguments"].items() >= MAIL.items()
    assert [each["id"] for each in ana.get("/approvals")] == [asked["id"]]
    assert bo.ask("POST", f"/approvals/{asked['id']}/link").status_code == 404
    too_early = ana.ask("POST", f"/approvals/{asked['id']}/decision", {"type": "approve"})
    assert (too_early.status_code, too_early.json()["approval"]["state"]) == (409, "pending")
    assert "No active gmail account of yours is connected." in too_early.json()["detail"]
    opened = ana.post(f"/approvals/{asked['id']}/link")
    assert ana.post(f"/approvals/{asked['id']}/link")["link"] == opened["link"]
    follow(opened)
    approval = ana.question(thread, "action")
    assert ana.effects == []
    assert ana.approve(approval)["thread"]["ending"] == "answered"
    assert ana.effects == [(SEND, opened["id"])]


def test_an_app_is_connected_from_the_inbox_and_the_question_answers_itself(people: tuple[Person, Person]):
    """By the form of the question's page; what it leads to has the link, and pressed again the same one."""
    ana, _ = people
    thread, asked = ana.run()
    path = f"/ui/inbox/{asked['id']}"
    with httpx.Client(base_url=ana.client.base_url, headers=PERSON, trust_env=False) as browser:
        log_in(browser, ana.key)
        page = browser.get(path).text
        assert f'action="{path}/connect"' in page
        form = {"token": TOKEN.findall(page)[0]}
        shown = [browser.post(f"{path}/connect", data=form) for _ in range(2)]
        (link,) = {
            found for each in shown for found in re.findall(r'href="(http[^"]+)" target="_blank"', each.text)
        }
        assert [each.status_code for each in shown] == [200, 200]
        assert browser.post(f"{path}/connect", data={"token": "x"}).status_code == 401
        httpx.post(html.unescape(link)).raise_for_status()
        approval = ana.question(thread, "action")
        assert "decided before: approved by web:ana" in browser.post(f"{path}/connect", data=form).text
        assert f"/ui/inbox/{approval['id']}" in browser.get("/").text
    assert ana.effects == []
    assert ana.approve(approval)["thread"]["ending"] == "answered"
    assert [tool for tool, _ in ana.effects] == [SEND]


def test_an_account_that_expires_in_the_middle_is_connected_anew_and_one_request_acts(
    people: tuple[Person, Person],
):
    ana, _ = people
    old = ana.standin.connect(ana.name, "gmail")
    thread, approval = ana.run()
    old.set("EXPIRED")
    assert ana.approve(approval)["thread"]["approvals"][0]["question"] == "connect"
    opened = ana.post(f"/approvals/{ana.question(thread, 'connect')['id']}/link")
    follow(opened)
    again = ana.question(thread, "action")
    assert again["digest"] != approval["digest"]
    ana.approve(again)
    assert ana.effects == [(SEND, opened["id"])]


def test_the_link_belongs_to_a_question_that_asks_for_one(people: tuple[Person, Person]):
    ana, _ = people
    ana.standin.connect(ana.name, "gmail")
    _, approval = ana.run()
    refused = ana.ask("POST", f"/approvals/{approval['id']}/link")
    assert (refused.status_code, "asks for no account" in refused.json()["detail"]) == (409, True)


def event(person: Person, identity: str) -> str:
    """An expiry as Composio tells it."""
    account = {"id": identity, "user_id": person.name, "toolkit": {"slug": "gmail"}}
    return json.dumps({"id": "msg", "type": EXPIRED, "timestamp": "now", "metadata": {}, "data": account})


def deliver(person: Person, body: str, headers: Mapping[str, str]) -> int:
    return person.client.post("/webhooks/composio", content=body, headers=dict(headers)).status_code


def test_a_signed_expiry_is_let_in_once_and_the_next_call_asks_to_connect(people: tuple[Person, Person]):
    ana, _ = people
    account = ana.standin.connect(ana.name, "gmail")
    _, approval = ana.run()
    assert approval["question"] == "action"
    account.set("EXPIRED")
    body = event(ana, account.id)
    headers = signed(f"msg_{account.id}", str(int(time.time())), body, SECRET)
    assert deliver(ana, body, headers) == 200
    assert deliver(ana, body, headers) == 409
    before = ana.standin.app.counts()["GET /connected_accounts"]
    _, asked = ana.run()
    assert asked["question"] == "connect"
    assert ana.standin.app.counts()["GET /connected_accounts"] > before


@pytest.mark.parametrize("fault", ["forged", "unsigned", "late", "early", "altered", "renamed"])
def test_a_message_that_is_not_composios_changes_nothing(people: tuple[Person, Person], fault: str):
    ana, bo = people
    body, now = event(ana, "ca_1"), int(time.time())
    sent_at = {"late": now - 301, "early": now + 330}.get(fault, now)
    headers = signed("msg_1", str(sent_at), body, "another" if fault == "forged" else SECRET)
    if fault == "unsigned":
        del headers["webhook-signature"]
    if fault == "renamed":
        headers["webhook-id"] = "msg_2"
    if fault == "altered":
        body = body.replace(ana.name, bo.name)
    before = len(ana.standin.app.seen)
    assert deliver(ana, body, headers) == 401
    assert len(ana.standin.app.seen) == before


def test_a_signed_message_about_nobody_here_is_taken_without_effect(
    people: tuple[Person, Person], home: Path
):
    ana, _ = people
    body = event(ana, "ca_1").replace(ana.name, "stranger")
    headers = signed("msg_stranger", str(int(time.time())), body, SECRET)
    assert deliver(ana, body, headers) == 200
    assert not (home / "users" / "stranger").exists()


def test_an_expiry_that_could_not_be_dealt_with_is_let_in_again(people: tuple[Person, Person]):
    ana, _ = people
    account = ana.standin.connect(ana.name, "gmail")
    ana.get("/connections")
    account.set("EXPIRED")
    body = event(ana, account.id)
    headers = signed(f"msg_{account.id}", str(int(time.time())), body, SECRET)
    ana.standin.fault("401", on="GET /connected_accounts")
    assert [deliver(ana, body, headers) for _ in range(3)] == [503, 200, 409]


def test_an_expiry_of_somebody_who_was_shut_out_has_no_effect(people: tuple[Person, Person], home: Path):
    ana, _ = people
    _revoke(home, ana.name)
    body = event(ana, "ca_1")
    headers = signed("msg_revoked", str(int(time.time())), body, SECRET)
    assert deliver(ana, body, headers) == 200
    assert not (home / "users" / ana.name).exists()


@pytest.mark.parametrize(("body", "status"), [("[]", 422), ('{"type": 1}', 422), ("no JSON", 400)])
def test_a_signed_message_without_sense_is_refused(people: tuple[Person, Person], body: str, status: int):
    """What is no JSON at all, the guard refuses before anybody looks at the signature."""
    headers = signed("msg_odd", str(int(time.time())), body, SECRET)
    assert deliver(people[0], body, headers) == status
