"""Every page, asked for by somebody who is not logged in, and by somebody whose it is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from nexus.api.pages.routers import PAGES
from tests.api.serving import serving
from tests.api.test_pages import PERSON, TOKEN, log_in
from tests.security.house import House, Person

SECRETS = ("anas-thread", "Water the plants", "anas-memory")
OPEN = {("GET", "/ui/login"), ("POST", "/ui/login")}
"""Where somebody who is not known may be."""

FIELDS = {
    "decision": "approve",
    "choice": "approve",
    "type": "approve",
    "text": "mine",
    "kind": "fact",
    "message": "Water the plants at once",
    "token": "",
}
"""Whatever a form could hold that does something."""


def routes(*, with_ids: bool) -> list[tuple[str, str]]:
    """The method and path of every page; `with_ids`, only those of a thing that is somebody's."""
    every = [
        (method, route.path)
        for module in PAGES
        for route in module.router.routes
        for method in sorted(getattr(route, "methods", ()))
    ]
    return [each for each in every if not with_ids or "_id}" in each[1]]


@pytest.fixture(name="house", scope="module")
def _house(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = House(tmp_path_factory.mktemp("house") / "home")
    house.tools.gate.set()
    return house


@pytest.fixture(name="client", scope="module")
def _client(house: House) -> Iterator[httpx.Client]:
    with serving(house) as client:
        client.headers.update(PERSON)
        yield client


@pytest.fixture(name="ana", scope="module")
def _ana(house: House, client: httpx.Client) -> Person:
    return Person(client, house.add("ana"))


@pytest.fixture(name="own", scope="module")
def _own(house: House, ana: Person) -> dict[str, str]:
    """What is Ana's, by the name that paths have for it."""
    approval = ana.waits(house, "anas-thread", "Water the plants")
    memory = ana("POST", "/memories", json={"text": "My sister is called anas-memory"}).json()
    state = ana("GET", "/threads/anas-thread/state").json()
    return {
        "thread_id": "anas-thread",
        "approval_id": approval["id"],
        "checkpoint_id": state["checkpoint"]["checkpoint_id"],
        "memory_id": memory["id"],
        "slug": "desk",
    }


@pytest.fixture(name="ben", scope="module")
def _ben(house: House, client: httpx.Client) -> Iterator[tuple[httpx.Client, str]]:
    """A browser in which Ben is logged in, and the token that his own pages have."""
    with httpx.Client(base_url=client.base_url, headers=PERSON, trust_env=False) as browser:
        log_in(browser, house.add("ben", "approver"))
        yield browser, TOKEN.findall(browser.get("/ui/chat").text)[0]


def ask(browser: httpx.Client, method: str, path: str, fields: dict[str, Any], **more: Any) -> httpx.Response:
    """A page, or what a form on it sends; of a stream only how it begins."""
    data = fields if method == "POST" else None
    with browser.stream(method, path, data=data, **more) as answer:
        if "event-stream" not in answer.headers.get("content-type", ""):
            answer.read()
        return answer


@pytest.mark.parametrize(("method", "path"), [each for each in routes(with_ids=False) if each not in OPEN])
def test_whoever_is_not_logged_in_is_led_to_the_log_in(
    client: httpx.Client, own: dict[str, str], method: str, path: str
):
    answer = ask(client, method, path.format(**own), FIELDS)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/ui/login")


@pytest.mark.parametrize("of", [{}, {"of": "ana"}], ids=["", "?of=ana"])
@pytest.mark.parametrize(("method", "path"), routes(with_ids=True))
def test_what_is_anothers_is_not_there(
    ben: tuple[httpx.Client, str], own: dict[str, str], method: str, path: str, of: dict[str, str]
):
    browser, token = ben
    answer = ask(browser, method, path.format(**own), {**FIELDS, **of, "token": token}, params=of)
    assert answer.status_code in {400, 403, 404, 422}, answer.text
    said = answer.text.replace(own["thread_id"], "")  # that name they gave themselves
    assert not [secret for secret in SECRETS if secret in said]


def test_each_of_them_is_there_for_whose_it_is(client: httpx.Client, ana: Person, own: dict[str, str]):
    with httpx.Client(base_url=client.base_url, headers=PERSON, trust_env=False) as browser:
        assert ana.key is not None
        log_in(browser, ana.key)
        for path in (
            "/ui/inbox/{approval_id}",
            "/ui/chat/{thread_id}",
            "/ui/threads/{thread_id}",
            "/ui/memories",
        ):
            assert [secret for secret in SECRETS if secret in browser.get(path.format(**own)).text], path


def test_what_others_tried_changed_nothing(house: House, ana: Person, own: dict[str, str]):
    view = ana("GET", f"/approvals/{own['approval_id']}").json()
    assert view["state"] == "pending"
    assert [each["text"] for each in ana("GET", "/memories").json()] == ["My sister is called anas-memory"]
    assert house.tasks("ana") == []
