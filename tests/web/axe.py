"""What axe-core finds on a page; its script is put in by the browser itself, not by the page."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def grave(page: Page) -> list[tuple[str, str]]:
    """The serious and critical findings, as rule and place; skips the test where axe-core is missing."""
    await page.evaluate(_script())
    found: dict[str, Any] = await page.evaluate(
        "tags => axe.run({runOnly: {type: 'tag', values: tags}})", _TAGS
    )
    return [
        (each["id"], node["html"][:200])
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]


@cache
def _script() -> str:
    file = Path(os.environ.get("NEXUS_TEST_NPM", "")) / "node_modules" / "axe-core" / "axe.min.js"
    if not file.is_file():
        pytest.skip("axe-core is not installed (NEXUS_TEST_NPM)")
    return file.read_text(encoding="utf-8")
