"""A React page with `useStream`, of either protocol, in a real browser: it decides what Nexus's desk does."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from nexus.testing import ScriptedModel
from tests.browser import chromium
from tests.clients.javascript_packages import scripts_with_packages
from tests.clients.pages import LETTER, REQUEST, pages_of, served_to

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    packages = ("@langchain/langgraph-sdk", "@langchain/react", "react-dom", "esbuild")
    return scripts_with_packages(tmp_path_factory.mktemp("page"), *packages)


@pytest.fixture(scope="module", name="pages")
def _pages(folder: Path) -> Iterator[str]:
    with pages_of(folder) as origin:
        yield origin


@pytest.fixture(scope="module", name="model")
def _model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture(scope="module", name="url")
def _url(folder: Path, pages: str, model: ScriptedModel) -> Iterator[str]:
    with served_to(pages, folder, model) as url:
        for protocol in ("v1", "v2"):
            build(folder, protocol, url)
        yield url


def build(folder: Path, protocol: str, url: str) -> None:
    """Bundle one page."""
    command = ["node_modules/.bin/esbuild", f"{protocol}.jsx", "--bundle", f"--outfile=public/{protocol}.js"]
    options = ["--jsx=automatic", f'--define:API_URL="{url}"', "--log-level=warning"]
    subprocess.run([*command, *options], cwd=folder, check=True)
    page = f"<!doctype html><title>{REQUEST}</title><body><script src={protocol}.js></script>"
    (folder / "public" / f"{protocol}.html").write_text(page)


@pytest.fixture(name="page")
async def _page(url: str) -> AsyncIterator[Page]:  # noqa: ARG001 - the pages are built for it
    async with chromium() as browser:
        page = await browser.new_page()
        page.set_default_timeout(30_000)
        yield page


@pytest.mark.parametrize("decision", ["Approve", "Edit", "Reject"])
@pytest.mark.parametrize("protocol", ["v1", "v2"])
async def test_a_page_decides(  # noqa: PLR0917 - fixtures
    page: Page, pages: str, folder: Path, model: ScriptedModel, protocol: str, decision: str
):
    outbox = folder / "home" / "desk" / "mail" / "outbox"
    before = set(outbox.glob("*.eml"))
    model.script.clear()
    model.calls(("desk_send_email", dict(LETTER)), answer="That was it.")
    await page.goto(f"{pages}/{protocol}.html")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.locator("code")).to_contain_text('"subject":"Review moved"')
    assert set(outbox.glob("*.eml")) == before

    await page.get_by_role("button", name=decision).click()

    await expect(page.locator("li").last).to_contain_text(
        "Not now." if decision == "Reject" else "That was it."
    )
    await expect(page.locator("output")).to_have_text("idle")
    await expect(page.locator("section")).to_have_count(0)
    sent = [message_from_bytes(file.read_bytes())["Subject"] for file in set(outbox.glob("*.eml")) - before]
    assert sent == {"Approve": ["Review moved"], "Edit": ["Edited in the browser"], "Reject": []}[decision]


async def test_a_page_of_an_origin_that_was_not_let_in_reaches_nothing(url: str, pages: str):
    async with chromium() as browser:
        page = await browser.new_page()
        await page.goto(pages.replace("127.0.0.1", "localhost") + "/v1.html")
        tried = "fetch(url + '/threads', {method: 'POST'}).then(() => 'reached', () => 'refused')"
        assert await page.evaluate(f"(url) => {tried}", url) == "refused"
        await page.goto(f"{pages}/v1.html")
        assert await page.evaluate(f"(url) => {tried}", url) == "reached"
