"""The pages of threads in a real browser: what happened is read there, and nothing of it happens again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nexus.errors import ModelUnavailable
from nexus.ports.model import Completion
from tests.api.serving import Office, Script, new_thread, pause, request, serving, settled, story
from tests.api.test_decision_links import HOSTILE
from tests.browser import PHONE, Tab, chromium, open_tab
from tests.web.accessibility import findings


class Waiting(Script):
    """A model that thinks until it is stopped."""

    async def complete(self, messages: Any, **rest: Any) -> Completion:
        await asyncio.Event().wait()
        return await super().complete(messages, **rest)


@pytest.fixture(name="office")
def _office(fast_path: Path) -> Office:
    office = Office(fast_path / "home")
    office.tools.gate.set()
    return office


@pytest.fixture(name="client")
def _client(office: Office) -> Iterator[httpx.Client]:
    with serving(office) as client:
        yield client


@pytest.fixture(name="phone")
async def _phone(client: httpx.Client) -> AsyncIterator[Tab]:
    async with chromium() as browser, open_tab(browser, str(client.base_url), size=PHONE) as tab:
        yield tab
        assert (tab.strayed, tab.complaints, tab.dialogs) == ([], [], [])


def _sent(office: Office, client: httpx.Client, **arguments: Any) -> str:
    """A thread that has sent something; its id."""
    thread, approval = pause(client, office, **arguments)
    answer = {"type": "approve", "comment": "As agreed."}
    client.post(f"/approvals/{approval['id']}/decision", json=answer, params={"wait": True})
    assert story(client, thread)["ending"] == "answered"
    return thread


def _failed(office: Office, client: httpx.Client) -> str:
    """A thread whose run broke off before its first step."""
    office.model.script.append(ModelUnavailable("The model is away."))
    thread = new_thread(client)
    client.post(f"/threads/{thread}/runs/wait", json=request("What is new?"))
    return thread


async def _fits(tab: Tab) -> bool:
    return await tab.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


async def test_a_finished_thread_is_read_step_by_step(office: Office, client: httpx.Client, phone: Tab):
    """What was found, asked, decided, done and said, with what it took; and each page is for everybody."""
    thread = await asyncio.to_thread(_sent, office, client, to="a@b.c", subject="Lunch")
    await phone.page.goto("/ui/threads")
    assert await phone.page.inner_text(".threads .badge") == "answered"
    assert await findings(phone.page) == []
    await phone.page.click(".threads a")
    assert phone.page.url.endswith(f"/ui/threads/{thread}")
    await phone.page.click("summary:has-text('2 tools found')")
    shown = await phone.page.inner_text("main")
    assert all(
        part in shown
        for part in (
            "mail a@b.c",
            "1.00",
            "100 % sure",
            "Calls send",
            "from: you",
            "Lunch",
            "Has to be asked about: it reaches other people",
            "Approved by api. As agreed.",
            "The call leaves",
            "It ended: done",
            "30 tokens",
            "60 tokens",
            "Sent.",
        )
    )
    assert await phone.page.locator(".machine .lit").get_attribute("class") == "stop lit"
    assert await _fits(phone)
    assert await findings(phone.page) == []
    await phone.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await phone.page.click("text=Copy")
    assert await phone.page.evaluate("navigator.clipboard.readText()") == "ok"


async def test_its_past_is_read_only(office: Office, client: httpx.Client, phone: Tab):
    thread = await asyncio.to_thread(_sent, office, client, to="a@b.c", subject="Lunch")
    await phone.page.goto(f"/ui/threads/{thread}")
    await phone.page.click("text=Its past")
    assert await findings(phone.page) == []
    rows = await phone.page.locator("tbody tr").all_inner_texts()
    assert ["the end" in rows[0], "tool-select" in rows[-2], "Begin" in rows[-1]] == [True, True, True]
    await phone.page.locator("tbody tr", has_text="it asks a person").locator("a").click()
    shown = await phone.page.inner_text("main")
    assert "to be read only" in shown
    assert "Nothing has come back yet." in shown
    assert not any(later in shown for later in ("Approved", "Sent.", "It ended"))
    assert await phone.page.text_content(".machine .lit") == "approve"
    assert await phone.page.locator("main form, main button").count() == 0
    assert await _fits(phone)
    assert await findings(phone.page) == []
    assert len(office.tools.made) == 1


async def test_trying_again_makes_a_new_thread_and_repeats_nothing(
    office: Office, client: httpx.Client, phone: Tab
):
    thread = await asyncio.to_thread(_sent, office, client, to="a@b.c", subject="Lunch")
    before = story(client, thread)
    office.model.calls(("send", {"to": "a@b.c", "subject": "Lunch"}), answer="Sent.")
    await phone.page.goto(f"/ui/threads/{thread}")
    await phone.page.click("text=Try this again")
    await phone.page.wait_for_selector(".badge:text-is('waits for you')")
    made = phone.page.url.rsplit("/", 1)[1]
    assert made != thread
    again = story(client, made)
    assert [each["text"] for each in again["steps"] if each["kind"] == "user"] == ["mail a@b.c"]
    assert again["approvals"][0]["state"] == "pending"
    assert len(office.tools.made) == 1
    assert story(client, thread) == before


async def test_an_open_page_follows_its_thread(office: Office, client: httpx.Client, phone: Tab):
    """Who waits is lit, and what was decided elsewhere shows by itself."""
    thread, approval = await asyncio.to_thread(pause, client, office)
    await phone.page.goto(f"/ui/threads/{thread}")
    assert await phone.page.inner_text("#state .badge") == "waits for you"
    assert await phone.page.text_content(".machine .lit") == "approve"
    assert await findings(phone.page) == []
    await phone.page.click("summary:has-text('2 tools found')")
    await asyncio.to_thread(client.post, f"/approvals/{approval['id']}/decision", json={"type": "approve"})
    await phone.page.wait_for_selector("#state .badge:text-is('answered')")
    assert "It ended: done" in await phone.page.inner_text("#turns")
    assert await phone.page.locator(".found").evaluate("each => each.open")


async def test_a_failed_run_says_why_and_goes_on(office: Office, client: httpx.Client, phone: Tab):
    thread = await asyncio.to_thread(_failed, office, client)
    await phone.page.goto(f"/ui/threads/{thread}")
    shown = await phone.page.inner_text("main")
    assert all(part in shown for part in ("failed", "The model is away.", "broke off with ModelUnavailable"))
    assert await phone.page.text_content(".machine .lit") == "reason"
    assert await findings(phone.page) == []
    office.model.calls(("read", {}), answer="Nothing.")
    await phone.page.click("button:text-is('Continue')")
    await phone.page.wait_for_selector("#state .badge:text-is('answered')")
    assert settled(client, thread)["answer"] == "Nothing."


async def test_what_is_under_way_is_stopped_from_the_page(fast_path: Path):
    office = Office(fast_path / "home", model=Waiting())
    with serving(office) as client:
        thread = await asyncio.to_thread(new_thread, client)
        client.post(f"/threads/{thread}/runs", json=request("mail a@b.c")).raise_for_status()
        async with chromium() as browser, open_tab(browser, str(client.base_url), scripts=False) as tab:
            await tab.page.goto(f"/ui/threads/{thread}")
            assert await tab.page.inner_text("#state .badge") == "working"
            async with tab.page.expect_navigation():
                await tab.page.click("button:text-is('Stop')")
            view = await asyncio.to_thread(settled, client, thread)
            assert (view["status"], office.tools.made) == ("unfinished", [])
            await tab.page.reload()
            assert await tab.page.inner_text("#state .badge") == "stopped"
            assert await tab.page.locator("button:text-is('Continue')").count() == 1


async def test_hostile_text_is_inert_wherever_it_stands(office: Office, client: httpx.Client, phone: Tab):
    """In a request, an argument, a result and an answer; nothing runs, nothing hides, nothing sticks out."""
    text = "\n".join(HOSTILE.values()) + "\n" + "long" * 200
    office.tools.behaviour = lambda *_: text
    thread, approval = await asyncio.to_thread(pause, client, office, to="a@b.c", subject=text[:200])
    office.model.script[-1] = {"answer": text[:600]}
    decision = {"type": "approve", "comment": text}
    await asyncio.to_thread(
        client.post, f"/approvals/{approval['id']}/decision", json=decision, params={"wait": True}
    )
    office.model.calls(("read", {}), answer=text[:600])
    again = request(text)
    await asyncio.to_thread(client.post, f"/threads/{thread}/runs/wait", json=again)
    for path in (f"/ui/threads/{thread}", f"/ui/chat/{thread}", "/ui/threads", f"/ui/threads/{thread}/past"):
        await phone.page.goto(path)
        await phone.page.evaluate(
            "document.querySelectorAll('details').forEach(each => { each.open = true })"
        )
        shown = await phone.page.content()
        assert not set(shown) & set("\u202e\u2066\u2067\u200b\x1b\x00\ufeff\U000e0041")
        assert await phone.page.locator("main script, main img, [onfocus], form[action*=evil]").count() == 0
        assert await _fits(phone), path
    await phone.page.goto(f"/ui/threads/{thread}")
    assert "<script>alert(1)</script>" in await phone.page.inner_text("main")
    assert "\\u{202e}" in await phone.page.inner_text("main")


def test_nothing_is_changed_without_the_pages_token_and_no_other_thread_is_there(
    office: Office, client: httpx.Client
):
    thread = _sent(office, client, to="a@b.c", subject="Lunch")
    for path in ("", "/past", "/live", "/past/1ef00000-0000-0000-0000-000000000000"):
        beside = client.get(f"/ui/threads/{thread[:-1]}{path}", headers={"Accept": "text/html"})
        assert beside.status_code == 404, path
    for name in ("retry", "stop", "continue"):
        sent = client.post(f"/ui/threads/{thread}/{name}", data={"turn": "1", "token": "x"})
        assert sent.status_code in {401, 403}, name
    assert len(client.post("/threads/search", json={}).json()) == 1
