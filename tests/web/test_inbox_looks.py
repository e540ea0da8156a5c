"""How the inbox looks: on a phone, with 200 questions, for everybody, and whatever others wrote."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.serving import pause, serving
from tests.api.test_decision_links import link_to
from tests.browser import DESK, PHONE, chromium, open_tab
from tests.web.accessibility import findings
from tests.web.inbox import LETTER, MailOffice, Reader, eventually, fill

HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'>",
    "</span></dd></dl></article><form action=//evil.example><button>Approve</button></form><!--",
    '" autofocus onfocus=alert(1) x="',
    "' onmouseover='alert(1)",
    "javascript:alert(1)//",
    "<a href=javascript:alert(1)>Approve</a>",
    "<style>*{display:none}</style>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example>",
    "<textarea><!--</textarea><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "{{ 7*7 }} {% include 'x' %} ${7*7} <%= 7*7 %>",
    "[Approve](https://evil.example) ![x](https://evil.example/p.png) **bold**",
    "pay \u202e0001\u202c to me",
    "\u2066\u2067hidden\u2069\u2069",
    "\u200f\u200eleft\u061cright",
    "a\u200bd\u200cm\u200di\ufeffn",
    "ok\U000e0041\U000e0042",
    "\u3164\u2800\u115f blank",
    "e\u034f\u0301" * 8 + "Z\u0337\u0321\u0322" * 8,
    "\x1b[2K\x1b[1A\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "a\x00b\x08c\x7f",
    "one\rtwo\x85three\u2028four",
    "&lt;b&gt; &amp;nbsp; &#x202e;",
    "W" * 1_000,
    "\u05d0" * 40 + "\ufdfd" * 3,
)
"""30 texts that try to run something, to hide or reorder something, or to burst what they stand in."""


@pytest.fixture(name="office")
def _office(fast_path: Path) -> MailOffice:
    return MailOffice(fast_path / "home", undo=0)


@pytest.fixture(name="client")
def _client(office: MailOffice) -> Iterator[httpx.Client]:
    with serving(office) as client:
        yield client


def test_there_are_thirty_of_them():
    assert len(set(HOSTILE)) == 30


async def test_hostile_texts_do_nothing_and_hide_nothing(office: MailOffice, client: httpx.Client):
    """In the list, on the page of the question and in the form of an edit, as wide as a phone."""
    letters = [{**LETTER, "subject": text, "body": text, text: text} for text in HOSTILE]
    together = {f"text {number}": text for number, text in enumerate(HOSTILE)}
    await fill(office, [*letters, together])
    async with chromium() as browser, open_tab(browser, str(client.base_url), size=PHONE) as tab:
        reader = Reader(tab)
        for page in ("/", "/?page=2"):
            await tab.page.goto(page)
            await _check_layout(reader)
            assert (
                await tab.page.locator("#inbox :is(script, img, iframe, style, meta, base, link)").count()
                == 0
            )
            for name in await tab.page.locator("#inbox a").evaluate_all("all => all.map(a => a.origin)"):
                assert name == str(client.base_url)
        await tab.page.goto("/ui/inbox/question-030-1/edit")
        await _check_layout(reader)
        for name, text in together.items():
            kept = await tab.page.input_value(f"[name='a.{name}']")
            assert kept in {text, json.dumps(text)}, "an edit starts with exactly what is there"
        assert "owned" not in await tab.page.title()
        reader.was_quiet()
    shown = [await asyncio.to_thread(_spelled, client, number) for number in range(len(HOSTILE))]
    assert not [
        text for text in shown if set(text) & set("\x00\x07\x08\x1b\x7f\x85\u200b\u200f\u202e\u2066\ufeff")
    ]


def _spelled(client: httpx.Client, number: int) -> str:
    return client.get(f"/ui/inbox/question-{number:03d}-1", headers={"Accept": "text/html"}).text


async def _check_layout(reader: Reader) -> None:
    """Nothing is wider than the page, and nothing in a call has to be scrolled to."""
    wide = "document.documentElement.scrollWidth"
    assert await reader.page.evaluate(wide) <= PHONE["width"], reader.page.url
    cut = "all => all.filter(each => each.scrollHeight - each.clientHeight > 1).length"
    assert await reader.page.locator(".call, .line").evaluate_all(cut) == 0


async def test_two_hundred_questions_stay_light_and_each_can_be_reached(
    office: MailOffice, client: httpx.Client
):
    """Ten pages, by keys alone; what is decided on the last one is decided."""
    letters = [{**LETTER, "subject": f"Letter {number}"} for number in range(200)]
    await fill(office, letters, each_thread=2)
    async with chromium() as browser, open_tab(browser, str(client.base_url), size=DESK) as tab:
        reader = Reader(tab)
        await tab.page.goto("/")
        assert "200 questions wait for you" in await reader.text("h1")
        assert await tab.page.title() == "(200) Inbox · Nexus"
        assert "2 questions wait in this thread" in await reader.text("h2 >> nth=0")
        seen: set[str] = set()
        for number in range(1, 11):
            await reader.sees(f"Page {number} of 10")
            seen.update(await tab.page.locator("article.card .heading .value").all_inner_texts())
            if number < 10:
                await tab.page.locator("article.card").last.focus()
                await tab.page.keyboard.press("j")
        assert len(seen) == 200
        await reader.press("Approve", card=19)
        await eventually(client, "question-199-1", "approved")
        await reader.sees("199 questions wait")
        reader.was_quiet()


async def test_everybody_can_use_it(office: MailOffice, client: httpx.Client):
    """axe-core finds nothing serious on any page of the inbox, in both colours, on a phone."""
    _, first = await asyncio.to_thread(pause, client, office, **LETTER)
    await fill(office, [{**LETTER, "body": "long " * 1000}, LETTER])
    used, fresh = [await asyncio.to_thread(link_to, office, each) for each in (first["id"], "question-000-1")]
    async with chromium() as browser, open_tab(browser, str(client.base_url), size=PHONE) as tab:
        reader = Reader(tab)
        await tab.page.goto("/")
        await reader.press("Approve")
        await reader.sees("Done")
        await tab.page.click("article.card summary >> nth=0")
        for page, text in (
            ("/", "2 questions wait for you"),
            ("/ui/inbox/question-000-1", "May this be done?"),
            ("/ui/inbox/question-000-1/edit", "Edit, then approve"),
            (f"/ui/inbox/{first['id']}", "What became of it"),
            ("/ui/inbox/none", "There is no question"),
            (f"/decide?link={fresh}", "Decide by"),
            (f"/decide?link={used}", "This was decided: approved"),
        ):
            if page != "/":
                await tab.page.goto(page)
            assert text in await reader.text()
            for scheme in ("light", "dark"):
                await tab.page.emulate_media(color_scheme=scheme)
                assert await findings(tab.page, contrast_only=scheme == "dark") == [], f"{page} ({scheme})"
        reader.was_quiet()


async def test_a_button_is_big_enough_for_a_thumb_and_has_a_visible_focus(
    office: MailOffice, client: httpx.Client
):
    await fill(office, [LETTER])
    async with chromium() as browser, open_tab(browser, str(client.base_url), size=PHONE) as tab:
        await tab.page.goto("/")
        boxes = await tab.page.locator("button:visible, a.button:visible, nav a, summary").evaluate_all(
            "all => all.map(each => each.getBoundingClientRect()).map(box => Math.min(box.width, box.height))"
        )
        assert len(boxes) >= 5
        assert min(boxes) >= 44
        await tab.page.keyboard.press("Tab")
        assert await tab.page.inner_text(":focus") == "Skip to the content"
        for _ in range(5):
            await tab.page.keyboard.press("Tab")
            ring = await tab.page.locator(":focus").evaluate("each => getComputedStyle(each).outlineWidth")
            assert ring == "3px"
