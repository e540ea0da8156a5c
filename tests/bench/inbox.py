"""How fast somebody decides in the inbox: what they press, what the page weighs, when it is there.

    python -m tests.bench.inbox [QUESTIONS] [VISITS]

A real server on loopback, Debian's Chromium, a new profile for each visit: nothing is in any cache.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

import httpx
from playwright.async_api import Browser

from tests.api.serving import pause, serving
from tests.browser import PHONE, chromium, open_tab
from tests.web.inbox import LETTER, MailOffice, Reader, eventually, fill

MAX_INTERACTIONS, MAX_BYTES, MAX_RENDER_MS = 2, 150_000, 300.0
"""The bars: presses until a decision is made, all that is fetched, until the first call is painted."""

_MEASURED = """() => {
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const fetched = all.filter((each) => !each.name.includes("/events"));
  return [paint.startTime, fetched.reduce((sum, each) => sum + each.transferSize, 0)];
}"""


async def visit(browser: Browser, url: str) -> tuple[float, int]:
    """Open the inbox once: milliseconds until it is painted, bytes that were fetched."""
    context = await browser.new_context(viewport=PHONE)  # not `open_tab`: what watches requests slows them
    page = await context.new_page()
    try:
        await page.goto(url)
        await page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
        milliseconds, size = await page.evaluate(_MEASURED)
        return milliseconds, size
    finally:
        await context.close()


async def decide(browser: Browser, url: str, client: httpx.Client, approval: str) -> int:
    """Approve the first question; how many presses that took."""
    async with open_tab(browser, url, size=PHONE) as tab:
        await tab.page.goto("/")
        await Reader(tab).press("Approve")
        await eventually(client, approval, "approved")
        return 1


async def main(questions: int = 200, visits: int = 20) -> int:
    """Print the figures beside their bars; 1 if one is missed."""
    with tempfile.TemporaryDirectory() as folder:
        office = MailOffice(Path(folder) / "home", undo=0)
        with serving(office) as client:
            _, approval = await asyncio.to_thread(pause, client, office, **LETTER)
            await fill(office, [{**LETTER, "subject": f"Letter {number}"} for number in range(questions - 1)])
            url = str(client.base_url)
            async with chromium() as browser:
                seen = [await visit(browser, url) for _ in range(visits)]
                presses = await decide(browser, url, client, approval["id"])
    paints = sorted(paint for paint, _ in seen)
    weight = max(size for _, size in seen)
    print(f"{questions} questions wait, {visits} visits")
    print(f"presses until a decision: {presses} (at most {MAX_INTERACTIONS})")
    print(f"page with all it fetches: {weight / 1000:.0f} kB (at most {MAX_BYTES / 1000:.0f})")
    print(
        f"first render: median {statistics.median(paints):.0f} ms, slowest {paints[-1]:.0f} ms"
        f" (median at most {MAX_RENDER_MS:.0f})"
    )
    is_met = (
        presses <= MAX_INTERACTIONS and weight <= MAX_BYTES and statistics.median(paints) <= MAX_RENDER_MS
    )
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*map(int, sys.argv[1:]))))
