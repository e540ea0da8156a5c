"""The chat in a real browser: say something, see the answer grow, decide on what it asks, attach a file."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from nexus.core.tool import JsonSchema
from nexus.ports.model import Completion
from tests.api.serving import Office, Script, pause, serving, settled, story
from tests.browser import PHONE, Tab, chromium, open_tab
from tests.web.accessibility import findings

MAIL = {"to": "a@b.c", "subject": "Lunch"}


@dataclass
class Slow(Script):
    """A scripted model that writes half of its answer, and the rest when the test lets it."""

    gate: threading.Event = field(default_factory=threading.Event)

    async def complete(self, messages: Any, *, schema: JsonSchema | None = None, **rest: Any) -> Completion:
        on_text = rest.pop("on_text", None)
        done = await super().complete(messages, schema=schema, **rest)
        if on_text is not None:
            half = len(done.text) // 2
            on_text(done.text[:half])
            await asyncio.to_thread(self.gate.wait)
            on_text(done.text[half:])
        return done


@pytest.fixture(name="office")
def _office(fast_path: Path) -> Office:
    model = Slow()
    office = Office(fast_path / "home", model=model)
    office.tools.gate.set()
    return office


@pytest.fixture(name="client")
def _client(office: Office) -> Iterator[httpx.Client]:
    with serving(office) as client:
        yield client
        _gate(office).set()  # a server waits for what it has begun


@pytest.fixture(name="phone")
async def _phone(client: httpx.Client) -> AsyncIterator[Tab]:
    async with chromium() as browser, open_tab(browser, str(client.base_url), size=PHONE) as tab:
        yield tab
        assert (tab.strayed, tab.complaints, tab.dialogs) == ([], [], [])


def _gate(office: Office) -> threading.Event:
    assert isinstance(office.model, Slow)
    return office.model.gate


async def _say(tab: Tab, text: str) -> None:
    await tab.page.fill("#message", text)
    async with tab.page.expect_navigation():
        await tab.page.click("button:text-is('Send')")


async def _reloaded(tab: Tab, client: httpx.Client, thread: str, wanted: str) -> None:
    """Reload until it is there: for a moment after a message its run has not begun, and nothing goes on."""
    for _ in range(100):
        await asyncio.to_thread(settled, client, thread)
        await tab.page.reload()
        if await tab.page.locator(wanted).count():
            return
    raise AssertionError(f"{wanted} does not come")


async def test_an_answer_is_seen_while_it_is_written(office: Office, phone: Tab):
    office.model.calls(("read", {}), answer="There is one new letter in your inbox.")
    await phone.page.goto("/ui/chat")
    assert await findings(phone.page) == []
    await _say(phone, "What is new?")
    await phone.page.wait_for_selector("#growing pre:has-text('There is')")
    assert "inbox" not in await phone.page.inner_text("#growing pre")
    assert await phone.page.locator("button:text-is('Stop')").count() == 1
    _gate(office).set()
    await phone.page.wait_for_selector("#talk .agent:has-text('There is one new letter in your inbox.')")
    await phone.page.wait_for_selector("#message")
    assert not await phone.page.is_visible("#growing")
    assert "read done" in " ".join((await phone.page.inner_text("#talk")).split())
    assert await phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert await findings(phone.page) == []


async def test_a_question_back_is_answered_by_the_next_message(
    office: Office, client: httpx.Client, phone: Tab
):
    _gate(office).set()
    office.model.script += [{"tool": "ask_user"}, {"question": "Whom?"}]
    await phone.page.goto("/ui/chat")
    await _say(phone, "Mail somebody that lunch is at noon")
    await phone.page.wait_for_selector("#talk .agent:has-text('Whom?')")
    await phone.page.wait_for_selector("label:text-is('Your answer')")
    office.model.calls(("send", MAIL), answer="Sent.")
    await phone.page.fill("#message", "a@b.c")
    await phone.page.press("#message", "Control+Enter")
    await phone.page.wait_for_selector("#ask")
    said = story(client, phone.page.url.rsplit("/", 1)[1])["steps"]
    assert [each["text"] for each in said if each["kind"] == "user"][1:] == ["a@b.c"]


async def test_without_scripts_forms_and_reloading_do_the_same(office: Office, client: httpx.Client):
    _gate(office).set()
    office.model.calls(("read", {}), answer="Nothing.")
    office.model.calls(("send", MAIL), answer="Sent.")
    async with chromium() as browser, open_tab(browser, str(client.base_url), scripts=False) as tab:
        await tab.page.goto("/ui/chat")
        await _say(tab, "What is new?")
        thread = tab.page.url.rsplit("/", 1)[1]
        await _reloaded(tab, client, thread, "#talk:has-text('Nothing.')")
        await _say(tab, "Mail a@b.c about lunch")
        await _reloaded(tab, client, thread, "#ask:has-text('a@b.c')")
        assert (tab.strayed, tab.complaints, tab.dialogs) == ([], [], [])


async def test_a_file_is_handed_over_with_a_message(office: Office, phone: Tab, tmp_path: Path):
    _gate(office).set()
    plan = tmp_path / "Trip Plan.txt"
    plan.write_text("Fly on Friday.", encoding="utf-8")
    office.model.calls(("read", {}), answer="On Friday.")
    await phone.page.goto("/ui/chat")
    await phone.page.click("summary:has-text('Attach a file')")
    assert await findings(phone.page) == []
    await phone.page.set_input_files("#file", plan)
    await _say(phone, "What is my plan?")
    await phone.page.wait_for_selector("#talk .agent:has-text('On Friday.')")
    assert "(Attached: the note trip-plan)" in await phone.page.inner_text("#talk .you")
    note = office.home / "desk" / "notes" / "trip-plan.md"
    assert note.read_text(encoding="utf-8") == "Fly on Friday.\n"


async def test_a_file_that_cannot_be_used_is_refused_and_nothing_begins(
    client: httpx.Client, phone: Tab, tmp_path: Path
):
    picture = tmp_path / "photo.png"
    picture.write_bytes(b"\x89PNG")
    await phone.page.goto("/ui/chat")
    await phone.page.click("summary:has-text('Attach a file')")
    await phone.page.set_input_files("#file", picture)
    await _say(phone, "What is this?")
    await phone.page.wait_for_selector("main:has-text('Attach a .txt, .md or .eml file.')")
    phone.complaints.clear()  # the browser tells its console of every answer that is an error
    assert (await asyncio.to_thread(client.post, "/threads/search", json={})).json() == []


async def test_what_it_asks_is_decided_in_the_chat(office: Office, client: httpx.Client, phone: Tab):
    """The inbox's own card: the exact call, an undo, and then the answer, without leaving or reloading."""
    _gate(office).set()
    thread, _ = await asyncio.to_thread(pause, client, office)
    await phone.page.goto(f"/ui/chat/{thread}")
    shown = await phone.page.inner_text("#ask")
    assert all(part in shown for part in ("a@b.c", "from you", "send"))
    assert await phone.page.locator("#message").count() == 0
    assert await findings(phone.page) == []
    await phone.page.click("#ask button:text-is('Approve')")
    await phone.page.click("#ask button:text-is('Undo')")
    await phone.page.wait_for_selector("#ask button:text-is('Approve')")
    assert office.tools.made == []
    await phone.page.click("#ask button:text-is('Approve')")
    await phone.page.wait_for_selector("#talk .agent:has-text('Sent.')")
    await phone.page.wait_for_selector("#message")
    assert phone.page.url.endswith(f"/ui/chat/{thread}")
    assert len(office.tools.made) == 1


async def test_a_no_is_said_in_the_chat_without_scripts(office: Office, client: httpx.Client):
    thread, _ = await asyncio.to_thread(pause, client, office)
    async with chromium() as browser, open_tab(browser, str(client.base_url), scripts=False) as tab:
        await tab.page.goto(f"/ui/chat/{thread}")
        await tab.page.click("#ask summary")
        await tab.page.click("#ask button:text-is('Reject')")
        assert tab.page.url.endswith(f"/ui/chat/{thread}")
        await tab.page.wait_for_selector("#talk .agent:has-text('Not done, because you said no')")
    assert office.tools.made == []
