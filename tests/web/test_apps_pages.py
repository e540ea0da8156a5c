"""The pages of apps in a real browser: find, switch, connect, and say what each tool may do."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page
from pydantic import SecretStr

from nexus.core.action import ApprovalId, Call, CallId, Digest, ThreadId
from nexus.core.approval import Approval
from nexus.ports.clock import SystemClock
from nexus.settings_mcp import McpServer
from nexus.store.approvals import SqliteApprovals
from nexus.store.database import Database
from nexus.tools.composio.catalogue_file import CatalogueFile, ListedToolkit
from tests.api.serving import request, serving
from tests.api.shipped import Shipped, thinking
from tests.api.test_decision_links import HOSTILE
from tests.browser import DESK, PHONE, Tab, chromium, open_tab
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.mcp.plain import READS, tool
from tests.servers.running import running
from tests.web.accessibility import findings

PLAIN = Path(__file__).parents[1] / "servers" / "mcp" / "plain.py"
ADD = ("desk_add_task", {"title": "Water the plants"})
PATHS = ("/ui/apps", "/ui/apps/gmail", "/ui/apps/desk", "/ui/accounts", "/ui/apps/linear/connect")
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module", name="standin")
def _standin() -> Iterator[ComposioStandIn]:
    standin = ComposioStandIn()
    yield standin
    assert standin.guard.violations == []


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the MCP server is told what to offer."""
    folder = tmp_path_factory.mktemp("plain")
    offer(folder, tool("look", "Say what was written.", **READS))
    return folder


@pytest.fixture(scope="module", name="home")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("apps") / "home"


@pytest.fixture(scope="module", name="client")
def _client(standin: ComposioStandIn, home: Path, folder: Path) -> Iterator[httpx.Client]:
    """One server for all tests here; each test takes apps and tools that no other takes."""
    import_module("composio_client")  # it takes seconds, which no request shall wait for
    plain = McpServer(command=sys.executable, args=(str(PLAIN), str(folder)))
    with running(standin.app) as url, thinking(ADD, answer="Added."):
        more = {
            "composio_api_key": SecretStr(KEY),
            "composio_base_url": url,
            "mcp": {"plain": plain},
            "ask": ("desk_read_note",),
            "deny": ("desk_delete_*",),
        }
        with serving(Shipped(home, more=more)) as client:
            yield client


@asynccontextmanager
async def tab_at(client: httpx.Client, path: str, **more: Any) -> AsyncIterator[Tab]:
    """A page, in a browser of its own; whatever it does, no script of others runs and nothing is fetched."""
    async with chromium() as browser, open_tab(browser, str(client.base_url), **more) as tab:
        await tab.page.goto(path)
        yield tab
        assert (tab.strayed, tab.complaints, tab.dialogs) == ([], [], [])


def offer(folder: Path, *tools: Any) -> None:
    """What the MCP server offers from now on."""
    (folder / "tools.json").write_text(json.dumps(tools))


async def ask(client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
    """A request beside the page."""
    return await asyncio.to_thread(lambda: client.request(method, path, **more))


async def run(client: httpx.Client) -> dict[str, Any]:
    """Ask for a task in a new thread; how that ended, or where it stopped."""
    thread = (await ask(client, "POST", "/threads")).json()["thread_id"]
    body = request("Add a task: Water the plants")
    await ask(client, "POST", f"/threads/{thread}/runs/wait", json=body)
    return (await ask(client, "GET", f"/threads/{thread}/story")).json()


async def own_rules(client: httpx.Client) -> list[Any]:
    """The rules that the visitor made."""
    return (await ask(client, "GET", "/policy")).json()["rules"]


async def follow(page: Page) -> None:
    """Do what the person does in the other tab."""
    link = page.get_by_role("link", name="Sign in")
    assert await link.get_attribute("target") == "_blank"
    assert await link.get_attribute("rel") == "noopener noreferrer"
    where = await link.get_attribute("href")
    assert where is not None
    await asyncio.to_thread(lambda: httpx.post(where, data={}).raise_for_status())


async def test_an_app_is_found_connected_seen_to_expire_and_disconnected(
    client: httpx.Client, standin: ComposioStandIn
):
    async with tab_at(client, "/ui/apps") as tab:
        page = tab.page
        if await page.get_by_role("button", name="Read the list of apps").count():
            await page.get_by_role("button", name="Read the list of apps").click()
        await page.get_by_role("searchbox").fill("read write MAIL")
        await page.keyboard.press("Enter")
        await page.get_by_text("1 app with").wait_for()
        await page.get_by_role("link", name="Gmail").click()
        assert "The model cannot find its tools." in await page.inner_text("main")
        await page.get_by_role("button", name="Connect Gmail").click()
        await page.get_by_text("Waiting for you").wait_for()
        await follow(page)
        await page.locator("#accounts .badge", has_text="Active").wait_for()  # live: nobody reloads
        on = {each["slug"] for each in (await ask(client, "GET", "/toolkits")).json()}
        assert "gmail" in on, "what was connected is on"
        await page.reload()
        search = page.locator("#GMAIL_FETCH_EMAILS")
        assert "runs by itself" in await search.locator("h3").inner_text()
        assert "asks you first" in await page.locator("#GMAIL_SEND_EMAIL h3").inner_text()
        (account,) = [each for each in standin.accounts.accounts.values() if each.toolkit == "gmail"]
        account.set("EXPIRED", "the refresh token was refused")
        await page.reload()
        assert "Expired" in await page.inner_text("#accounts")
        assert "the refresh token was refused" in await page.inner_text("#accounts")
        await page.get_by_role("button", name="Connect anew").click()
        await follow(page)
        await page.locator("#accounts .badge", has_text="Active").wait_for()
        await page.goto("/ui/accounts")
        assert [await row.inner_text() for row in await page.locator(".rows .badge").all()] == [
            "Active",
            "Expired",
        ]
        await page.get_by_role("link", name="gmail").first.click()
        await page.locator("summary", has_text="Disconnect").first.click()
        await page.get_by_role("button", name="Disconnect this account").first.click()
        await page.get_by_text("Expired").wait_for()
        assert await page.locator("#accounts .badge", has_text="Active").count() == 0


async def test_what_a_tool_may_do_is_changed_in_words_and_the_next_call_obeys(client: httpx.Client):
    async with tab_at(client, "/ui/apps/desk?q=add+task") as tab:
        row = tab.page.locator("#desk_add_task")
        assert "Add a task: asks you first" in await row.inner_text()
        assert (await run(client))["status"] == "waiting"
        await row.get_by_role("button", name="By itself").click()
        await tab.page.wait_for_url("**#desk_add_task")
        assert "Add a task: runs by itself, until the conversation has read" in await row.inner_text()
        assert "Because you chose so." in await row.inner_text()
        assert (await run(client))["answer"] == "Added. (task-1)"
        await row.get_by_role("button", name="Never").click()
        await tab.page.get_by_text("never runs").wait_for()
        steps = (await run(client))["steps"]
        assert any("forbids" in step["text"] for step in steps if step["kind"] == "result")
        await row.get_by_role("button", name="As usual: asks you first").click()
        await tab.page.get_by_text("Because it makes something new").wait_for()
        assert await own_rules(client) == []
        assert (await run(client))["status"] == "waiting"


async def test_nobody_can_choose_less_than_the_operator_said(client: httpx.Client):
    async with tab_at(client, "/ui/apps/desk?q=note") as tab:
        asks, never = tab.page.locator("#desk_read_note"), tab.page.locator("#desk_delete_note")
        assert "Because whoever runs this server decided so" in await asks.inner_text()
        assert await asks.get_by_role("button", name="By itself").is_disabled()
        assert "never runs" in await never.inner_text()
        assert await never.get_by_role("button", name="Ask me").is_disabled()
        token = await tab.page.locator("[name=token]").first.get_attribute("value")
    form = {"token": str(token), "tool": "desk_delete_note", "choice": "allow", "back": "/evil"}
    sent = await ask(client, "POST", "/ui/apps/desk/tools", data=form)
    assert sent.headers["location"] == "/ui/apps/desk#desk_delete_note", "it leads nowhere else"
    judged = await ask(client, "POST", "/policy/test", json={"tool": "desk_delete_note"})
    assert judged.json()["verdict"] == "deny"
    said = (await ask(client, "GET", "/ui/apps/desk?q=delete+note")).text
    assert "nobody can be laxer than whoever runs this server" in said
    await ask(client, "POST", "/ui/apps/desk/tools", data={**form, "choice": "usual"})
    assert await own_rules(client) == []


async def test_changed_tools_of_an_mcp_server_are_accepted_as_they_were_seen(
    client: httpx.Client, folder: Path
):
    offer(folder, tool("look", f"Say what was written. {EVIL} {HOSTILE['bidi']}", **READS))
    await notice(client)
    async with tab_at(client, "/ui/apps", size=PHONE) as tab:
        page = tab.page
        assert "1 to accept" in await page.inner_text("section[aria-labelledby=servers]")
        await page.get_by_role("link", name="plain", exact=True).first.click()
        shown = await page.inner_text("section[aria-labelledby=server]")
        assert f"Say what was written. {EVIL}" in shown
        assert "\\u{202e}" in shown
        assert await page.locator("img").count() == 0
        assert "Ask me" in await page.locator("#plain_look").inner_text()
        offer(folder, tool("look", "Something else.", **READS))
        await page.get_by_role("button", name="Accept these tools").click()
        await page.get_by_text("offers something else by now").wait_for()
        await page.goto("/ui/apps/plain")
        await page.get_by_role("button", name="Accept these tools").click()
        await page.get_by_text("every tool is as it was accepted").wait_for()
        assert "runs by itself" in await page.locator("#plain_look").inner_text()
        tab.complaints.clear()  # the browser's own note on the 409


async def notice(client: httpx.Client) -> None:
    """Every server is asked again what it offers."""
    await ask(client, "PUT", "/toolkits/plain", json={"is_on": True})


async def test_hostile_names_do_nothing_and_hide_nothing_however_narrow_the_page(
    client: httpx.Client, home: Path
):
    catalogue = CatalogueFile(home / "catalogue.db")
    before = catalogue.toolkits()
    names = [*HOSTILE.values(), EVIL, "long" * 200]
    evil = [ListedToolkit(f"evil{n}", name, f"hostile {name}", "1", 1) for n, name in enumerate(names)]
    catalogue.write_toolkits([*before, *evil])
    try:
        async with tab_at(client, "/ui/apps?q=hostile", size=PHONE) as tab:
            shown = await tab.page.inner_text("main")
            assert "<script>alert(1)</script>" in shown
            assert all(f"\\u{{{code}}}" in shown for code in ("202e", "2066", "1b", "200b", "e0041", "0"))
            assert await too_wide(tab.page) == 0
            assert await tab.page.locator("main script, main img, main iframe").count() == 0
            for number in range(len(evil)):
                await tab.page.goto(f"/ui/apps/evil{number}")
                assert await too_wide(tab.page) == 0
                assert await tab.page.locator("main script, main img").count() == 0
    finally:
        catalogue.write_toolkits(before)


async def too_wide(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


async def test_without_scripts_everything_is_done_by_forms_and_by_looking_again(
    client: httpx.Client, standin: ComposioStandIn
):
    async with tab_at(client, "/ui/apps", size=PHONE, scripts=False) as tab:
        page = tab.page
        if await page.get_by_role("button", name="Read the list of apps").count():
            await page.get_by_role("button", name="Read the list of apps").click()
        await page.get_by_role("searchbox").fill("slack")
        await page.get_by_role("button", name="Search").click()
        await page.get_by_role("button", name="Switch on Slack").click()
        assert "Switch off" in await page.inner_text("main")
        await page.get_by_role("button", name="Connect Slack").click()
        await follow(page)
        await page.get_by_role("link", name="look again").click()
        await page.reload()  # a fragment of the same page alone loads nothing
        assert "Active" in await page.inner_text("#accounts")
        await page.locator("li.tool").first.get_by_role("button", name="Never").click()
        assert "never runs" in await page.locator("li.tool").first.inner_text()
        await page.locator("li.tool").first.get_by_role("button", name="As usual").click()
        await page.get_by_role("button", name="Switch off").click()
        assert "The model cannot find its tools." in await page.inner_text("main")
    assert [each.status for each in standin.accounts.accounts.values() if each.toolkit == "slack"] == [
        "ACTIVE"
    ]


async def test_what_an_app_wants_to_know_is_asked_for_and_never_shown_again(client: httpx.Client):
    async with tab_at(client, "/ui/apps/linear") as tab:
        page = tab.page
        await page.get_by_role("button", name="Connect Linear").click()
        field = page.get_by_label("API")
        assert await field.get_attribute("type") == "password"
        await field.fill("lin_secret_value")
        await page.get_by_role("button", name="Connect").click()
        await page.locator("#accounts .badge", has_text="Active").wait_for()
        assert "lin_secret_value" not in await page.content()
        tab.complaints.clear()  # the browser's own note on the 422 that asks


@pytest.mark.parametrize(
    ("size", "scheme", "paths"),
    [(DESK, "light", PATHS), (PHONE, "dark", PATHS[:2])],
    ids=["desk", "phone"],
)
async def test_everybody_can_use_the_pages(
    client: httpx.Client, size: Any, scheme: str, paths: tuple[str, ...]
):
    async with tab_at(client, "/ui/apps", size=size, color_scheme=scheme) as tab:
        for path in paths:
            await tab.page.goto(path)
            assert (path, await findings(tab.page)) == (path, [])
            assert (path, await too_wide(tab.page)) == (path, 0)


async def asked_to_connect(home: Path, toolkit: str) -> ApprovalId:
    """A question that waits for an account."""
    database = Database(home / "nexus.db", SystemClock())
    try:
        now = database.now()
        question = Approval(
            id=ApprovalId(f"{toolkit}-1"),
            thread=ThreadId("t"),
            call=Call(CallId(toolkit), f"{toolkit}_do", {}),
            question="connect",
            digest=Digest("0" * 64),
            reason="it needs an account",
            policy_version="p",
            origins={},
            created_at=now,
            expires_at=now + timedelta(days=1),
            toolkit=toolkit,
        )
        return (await SqliteApprovals(database, "owner").ask(question)).id
    finally:
        await database.close()


async def test_everybody_can_connect_an_app_that_the_inbox_asks_for(client: httpx.Client, home: Path):
    """By its link alone, or by what the app wants to know; on a phone."""
    for toolkit, text in (("notion", "Sign in, in a new tab"), ("linear", "API")):
        question = await asked_to_connect(home, toolkit)
        async with tab_at(client, f"/ui/inbox/{question}", size=PHONE) as tab:
            assert "Is this account connected?" in await tab.page.inner_text("main")
            await tab.page.get_by_role("button", name=f"Connect {toolkit}").click()
            await tab.page.get_by_text(text).first.wait_for()
            assert await findings(tab.page) == []
            assert await too_wide(tab.page) == 0
            if toolkit == "notion":
                await follow(tab.page)  # or the server waits for that at its end
