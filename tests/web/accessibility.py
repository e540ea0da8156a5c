"""What axe-core finds wrong with a page; it is installed by `.ci/run` from npm, and never served by us."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

_RULES: dict[str, Any] = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
_CONTRAST: dict[str, Any] = {"type": "rule", "values": ["color-contrast"]}


async def findings(page: Page, *, contrast_only: bool = False) -> list[str]:
    """Each serious or critical finding, with where it is; skips the test without axe-core."""
    script = Path(os.environ.get("NEXUS_TEST_NPM", "")) / "node_modules/axe-core/axe.min.js"
    if not script.exists():
        pytest.skip("axe-core is not installed (NEXUS_TEST_NPM)")
    # By the debugger, not as a script of the page: its policy lets in none but the server's own.
    await page.evaluate(script.read_text())
    only = _CONTRAST if contrast_only else _RULES
    found = await page.evaluate("only => axe.run({ runOnly: only })", only)
    assert found["passes"], "axe has looked at nothing"
    return [
        f"{each['id']}: {node['target']} {node['html'][:200]}"
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]
