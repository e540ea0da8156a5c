"""The page of a decision link in a real browser: what is seen there; only its buttons decide."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.serving import Office, serving, settled
from tests.api.test_decision_links import HOSTILE, Visitor, visit
from tests.browser import PHONE, chromium, open_tab


@pytest.fixture(name="office")
def _office(fast_path: Path) -> Office:
    office = Office(fast_path / "home")
    office.tools.gate.set()
    return office


@pytest.fixture(name="client")
def _client(office: Office) -> Iterator[httpx.Client]:
    with serving(office) as client:
        yield client


async def test_a_person_decides_on_a_phone_with_scripts_off(office: Office, client: httpx.Client):
    """The call is on the page, and what is pressed is what happens."""
    visitor: Visitor = await asyncio.to_thread(visit, client, office, to="a@b.c", subject="Lunch")
    async with (
        chromium() as browser,
        open_tab(browser, str(client.base_url), size=PHONE, scripts=False) as tab,
    ):
        await tab.page.goto(f"/decide?link={visitor.secret}")
        shown = await tab.page.inner_text("main")
        assert all(part in shown for part in ("a@b.c", "Lunch", "send", visitor.approval["digest"]))
        assert visitor.state == "pending"
        await tab.page.fill("#comment", "As agreed.\nOn Monday.")
        await tab.page.click("button:text-is('Approve')")
        assert "approved" in await tab.page.inner_text(".state")
        assert await tab.page.inner_text("main > pre") == "As agreed.\nOn Monday."
        assert (tab.strayed, tab.complaints, tab.dialogs) == ([], [], [])
    assert settled(client, visitor.thread)["answer"] == "Sent."
    assert len(office.tools.made) == 1


async def test_hostile_text_does_nothing_in_a_browser_and_hides_nothing(office: Office, client: httpx.Client):
    """With scripts on, as wide as a phone: nothing runs, nothing is fetched, nothing stands outside."""
    text = "\n".join(HOSTILE.values()) + "\n" + "long" * 200
    visitor = await asyncio.to_thread(visit, client, office, to=text)
    async with chromium() as browser, open_tab(browser, str(client.base_url), size=PHONE) as tab:
        await tab.page.goto(f"/decide?link={visitor.secret}")
        shown = await tab.page.inner_text("pre")
        assert "<script>alert(1)</script>" in shown
        assert all(f"\\u{{{code}}}" in shown for code in ("202e", "2066", "1b", "200b", "e0041", "0"))
        assert await tab.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        below = "pre => pre.scrollHeight - pre.clientHeight"
        assert await tab.page.locator("pre").first.evaluate(below) <= 1, "some of it has to be scrolled to"
        assert await tab.page.locator("form, script, img, a").count() == 1
        assert (tab.strayed, tab.complaints, tab.dialogs) == ([], [], [])
    assert visitor.state == "pending"
