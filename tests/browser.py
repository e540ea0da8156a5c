"""A real browser for tests of pages: Debian's Chromium, headless, against a server on loopback."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

PHONE = ViewportSize(width=360, height=740)
DESK = ViewportSize(width=1280, height=800)

_SWITCHES = (
    "--no-sandbox",  # CI is root, and what is opened is our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Tab:
    """One tab with a profile of its own, and what it did besides showing a page.

    Addresses are relative to the server. Requests to anywhere else are cut off and kept in `strayed`; errors
    of scripts and of the content security policy are in `complaints`, dialogs that opened in `dialogs`.
    """

    page: Page
    strayed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser for a few tabs; skips the test with the reason where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium (apt-get install chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=_SWITCHES)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def open_tab(
    browser: Browser, url: str, *, size: ViewportSize = DESK, scripts: bool = True, **more: Any
) -> AsyncIterator[Tab]:
    """A tab at the server `url`; `scripts=False` is JavaScript off, `more` goes to Playwright's context."""
    url = url.rstrip("/")
    context = await browser.new_context(
        base_url=url, viewport=size, java_script_enabled=scripts, locale="en-GB", timezone_id="UTC", **more
    )
    context.set_default_timeout(30_000)
    tab = Tab(await context.new_page())

    async def keep_inside(route: Any) -> None:
        if route.request.url.startswith((f"{url}/", "data:", "blob:", "about:")):
            await route.continue_()
        else:
            tab.strayed.append(route.request.url)
            await route.abort()

    async def dismiss(dialog: Any) -> None:
        tab.dialogs.append(dialog.message)
        await dialog.dismiss()

    await context.route("**/*", keep_inside)
    tab.page.on("dialog", dismiss)
    tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.page.on("console", lambda said: tab.complaints.append(said.text) if said.type == "error" else None)
    try:
        yield tab
    finally:
        await context.close()
