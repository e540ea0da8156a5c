"""What axe-core finds wrong with a page; it is installed by `.ci/run` from npm, and never served by us."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Page

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


async def findings(page: Page) -> list[str]:
    """Each serious or critical finding by WCAG 2.2 AA, with where it is; skips the test without axe-core."""
    script = Path(os.environ.get("NEXUS_TEST_NPM", "")) / "node_modules/axe-core/axe.min.js"
    if not script.exists():
        pytest.skip("axe-core is not installed (NEXUS_TEST_NPM)")
    # By the debugger, not as a script of the page: its policy lets in none but the server's own.
    await page.evaluate(script.read_text())
    found = await page.evaluate("rules => axe.run({runOnly: {type: 'tag', values: rules}})", _RULES)
    return [
        f"{each['id']}: {node['target']} {node['html'][:200]}"
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]
