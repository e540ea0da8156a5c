"""The first visit in a real browser: no key, no account, no model, nothing that runs."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page

from nexus.wiring.users import open_users
from tests.api.serving import serving
from tests.api.shipped import Shipped, thinking
from tests.browser import PHONE, Tab, chromium, open_tab
from tests.servers.hub import HubStandIn
from tests.servers.running import running
from tests.web.accessibility import findings

MAIL = {"to": ["design@example.com"], "subject": "Review", "body": "It moved to Friday 3pm."}


@dataclass
class FirstVisit:
    """A Nexus that was just installed.

    Attributes:
        gate: The second half of the weights comes once it is open.
    """

    office: Shipped
    client: httpx.Client
    hub: HubStandIn
    gate: threading.Event

    @property
    def sent(self) -> list[Path]:
        """The e-mails that went out."""
        return list((self.office.home / "desk" / "mail" / "outbox").glob("*.eml"))

    async def add(self, name: str) -> str:
        """A user's key."""
        async with open_users(self.office.settings) as users:
            return await users.add(name)


@pytest.fixture(name="visit")
def _visit(tmp_path: Path) -> Iterator[FirstVisit]:
    gate = threading.Event()
    hub = HubStandIn(gate=gate)
    with running(hub.app) as url, thinking(("desk_send_email", MAIL), answer="Sent."):
        office = Shipped(tmp_path / "home", more={"hub_url": url})
        with serving(office) as client:
            yield FirstVisit(office, client, hub, gate)
            gate.set()


@asynccontextmanager
async def tab_at(visit: FirstVisit, path: str, **more: Any) -> AsyncIterator[Tab]:
    async with chromium() as browser, open_tab(browser, str(visit.client.base_url), **more) as tab:
        await tab.page.goto(path)
        yield tab
        assert (tab.strayed, tab.complaints, tab.dialogs) == ([], [], [])


async def approve(visit: FirstVisit, page: Page) -> None:
    """In the inbox, look at what waits and say yes; without scripts by looking again."""
    await page.goto("/")
    await until(page, "design@example.com")
    assert visit.sent == [], "nothing leaves before somebody said yes"
    await page.get_by_role("button", name="Approve").click()
    await until(page, "Done")


async def until(page: Page, text: str) -> None:
    """Look again until it is there."""
    for _ in range(500):
        if text in await page.inner_text("main"):
            return
        await page.reload()
    raise AssertionError(f"{text!r} never came")


async def test_the_page_fetches_the_model_starts_the_demo_and_the_demo_asks(visit: FirstVisit):
    async with tab_at(visit, "/ui/welcome") as tab:
        page = tab.page
        assert await page.get_by_role("button", name="Start the demo").is_disabled()
        assert "COMPOSIO_API_KEY=" in await page.inner_text("#apps")
        await page.get_by_role("button", name="Fetch the model").click()
        await page.locator("progress[value='50']").wait_for()  # live
        assert "50 KiB of 100 KiB" in await page.inner_text("#model")
        await page.get_by_role("button", name="Stop for now").click()
        await page.get_by_text("What has come is kept").wait_for()
        visit.gate.set()
        await page.get_by_role("button", name="Go on fetching").click()
        await page.locator("#model .badge", has_text="Ready").wait_for()
        assert visit.hub.ranges.count(None) == 1, "it never began anew"
        await page.get_by_role("button", name="Start the demo").click()
        await page.wait_for_url("**/ui/chat/*")
        await approve(visit, page)
    assert len(visit.sent) == 1
    assert (visit.office.home / "desk" / "notes" / "wifi.md").exists(), "example files are on the desk"


async def test_everybody_can_use_the_page_before_while_and_after_the_model_comes(visit: FirstVisit):
    async with tab_at(visit, "/ui/welcome", size=PHONE, color_scheme="dark") as tab:
        assert await findings(tab.page) == []
        await tab.page.get_by_role("button", name="Fetch the model").click()
        await tab.page.locator("progress[value='50']").wait_for()
        assert await findings(tab.page) == []
        visit.gate.set()
        await tab.page.locator("#model .badge", has_text="Ready").wait_for()
        assert await findings(tab.page) == []


async def test_without_scripts_the_same_is_done_by_looking_again(visit: FirstVisit):
    visit.gate.set()
    async with tab_at(visit, "/ui/welcome", size=PHONE, scripts=False) as tab:
        page = tab.page
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        await page.get_by_role("button", name="Fetch the model").click()
        await until(page, "Ready")
        await page.get_by_role("button", name="Start the demo").click()
        await approve(visit, page)
    assert len(visit.sent) == 1


async def test_a_failure_is_told_with_what_each_source_said(visit: FirstVisit):
    visit.hub.fault = "missing"
    async with tab_at(visit, "/ui/welcome") as tab:
        await tab.page.get_by_role("button", name="Fetch the model").click()
        await tab.page.get_by_role("alert").get_by_text("HTTP 404").wait_for()
        visit.hub.fault = None
        visit.gate.set()
        await tab.page.get_by_role("button", name="Go on fetching").click()
        await tab.page.locator("#model .badge", has_text="Ready").wait_for()


async def test_who_is_no_admin_sees_what_is_missing_and_cannot_fetch_it(visit: FirstVisit):
    key = await visit.add("ana")
    async with tab_at(visit, "/ui/welcome") as tab:
        page = tab.page
        await page.get_by_label("Key").fill(key)
        await page.get_by_role("button", name="Log in").click()
        await page.goto("/ui/welcome")
        assert "An admin of this server can fetch it." in await page.inner_text("#model")
        assert await page.get_by_role("button", name="Fetch the model").count() == 0
        assert f"{visit.office.home}/users/ana/desk" in await page.inner_text("#demo")
        token = await page.locator("[name=token]").first.get_attribute("value")
        for path in ("/ui/welcome/pull", "/ui/welcome/stop", "/ui/apps/desk/accept"):
            sent = await page.request.post(path, form={"token": str(token), "fingerprint": "x"})
            assert (path, sent.status) == (path, 403)
    assert visit.hub.ranges == []
