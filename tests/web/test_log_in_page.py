"""With users, a browser is known once somebody has logged in there with their key."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.api.serving import serving
from tests.browser import PHONE, chromium, open_tab
from tests.security.house import House
from tests.web.accessibility import findings


async def test_somebody_logs_in_on_a_phone_and_out_again_in_every_tab(tmp_path: Path):
    house = House(tmp_path / "home")
    key = await asyncio.to_thread(house.add, "ana")
    with serving(house) as client:
        async with chromium() as browser, open_tab(browser, str(client.base_url), size=PHONE) as tab:
            page = tab.page
            await page.goto("/ui/chat")
            assert await findings(page) == []
            await page.get_by_label("key").fill("nexus_wrong")
            await page.keyboard.press("Enter")
            await page.get_by_text("not valid").wait_for()
            assert await findings(page) == []
            await page.get_by_label("key").fill(key)
            await page.keyboard.press("Enter")
            await page.wait_for_url("**/ui/chat")
            assert key not in await page.content()
            other = await page.context.new_page()
            await other.goto("/")
            await page.get_by_role("button", name="Log out").click()
            await page.wait_for_url("**/ui/login")
            await other.wait_for_url("**/ui/login")  # what it has shown is gone, without a press
            await page.goto("/")
            assert "/ui/login" in page.url
            tab.complaints[:] = [each for each in tab.complaints if "401" not in each]  # of the wrong key
            assert (tab.strayed, tab.complaints, tab.dialogs) == ([], [], [])
