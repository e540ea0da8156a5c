"""The README's clients, each run as it stands there; only the server's address is another."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from playwright.async_api import expect

from nexus.testing import ScriptedModel
from tests.browser import chromium
from tests.clients.javascript_packages import scripts_with_packages
from tests.clients.pages import LETTER, REQUEST, pages_of, served_to
from tests.servers.nexus import ROOT

pytestmark = pytest.mark.timeout(180)

ADDRESS = "http://127.0.0.1:8420"
STREAMLIT = Path(os.environ.get("NEXUS_TEST_STREAMLIT", "")) / "bin" / "python"

TRIED = """
import sys
from streamlit.testing.v1 import AppTest

app = AppTest.from_file(sys.argv[1], default_timeout=60).run()
app.chat_input[0].set_value(sys.argv[2]).run()
assert not app.exception, app.exception
assert app.code[0].value == "desk_send_email"
next(button for button in app.button if button.label == "Approve").click().run()
assert not app.exception, app.exception
assert not app.button
print(app.chat_message[-1].markdown[0].value)
"""
"""What a person does with the Streamlit page."""


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


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
        yield url


@pytest.fixture(autouse=True)
def _script(model: ScriptedModel) -> None:
    model.script.clear()
    model.calls(("desk_send_email", dict(LETTER)), answer="It is sent.")


@pytest.fixture(name="sent")
def _sent(folder: Path) -> Iterator[list[str]]:
    """The subjects of what a test sent, once it has ended: one letter."""
    outbox = folder / "home" / "desk" / "mail" / "outbox"
    before = set(outbox.glob("*.eml"))
    subjects: list[str] = []
    yield subjects
    subjects += [
        message_from_bytes(each.read_bytes())["Subject"] for each in set(outbox.glob("*.eml")) - before
    ]
    assert subjects == [LETTER["subject"]]


def example(language: str, mark: str, url: str) -> str:
    """The one block of that language that says so, for this server."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = [each for each in re.findall(rf"```{language}\n(.*?)```", readme, re.DOTALL) if mark in each]
    assert ADDRESS in block
    return block.replace(ADDRESS, url)


def output_of(*command: str, typed: str = "", folder: Path | None = None) -> str:
    done = subprocess.run(
        command, input=typed, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("sent")
def test_curl(url: str):
    said = output_of("bash", "-e", "-c", example("sh", "curl", url))
    assert "desk_send_email" in said
    assert "It is sent." in said


@pytest.mark.usefixtures("sent")
def test_python(url: str):
    said = output_of(sys.executable, "-c", example("python", "May it?", url), typed="y\n")
    assert said.startswith("desk_send_email")
    assert "It is sent." in said


@pytest.mark.usefixtures("sent")
def test_javascript(url: str, tmp_path: Path):
    place = scripts_with_packages(tmp_path, "@langchain/langgraph-sdk")
    (place / "example.mjs").write_text(example("js", "Client", url))
    said = output_of("node", "example.mjs", folder=place)
    assert said.startswith("desk_send_email")
    assert "It is sent." in said


@pytest.mark.usefixtures("sent")
async def test_react(url: str, folder: Path, pages: str, tmp_path: Path):
    place = scripts_with_packages(tmp_path, "@langchain/langgraph-sdk", "react-dom", "esbuild")
    (place / "example.jsx").write_text(example("jsx", "useStream", url))
    (place / "page.jsx").write_text(
        'import { createRoot } from "react-dom/client";\nimport { Chat } from "./example.jsx";\n'
        "createRoot(document.body).render(<Chat request={document.title} />);\n"
    )
    bundle = folder / "public" / "page.js"
    options = ("--bundle", "--jsx=automatic", "--log-level=warning", f"--outfile={bundle}")
    output_of("node_modules/.bin/esbuild", "page.jsx", *options, folder=place)
    (folder / "public" / "index.html").write_text(
        f"<title>{REQUEST}</title><body><script src=page.js></script>"
    )
    async with chromium() as browser:
        page = await browser.new_page()
        page.set_default_timeout(30_000)
        await page.goto(pages)
        await page.get_by_role("button", name="Ask").click()
        await expect(page.locator("pre")).to_contain_text("desk_send_email")
        await page.get_by_role("button", name="approve").click()
        await expect(page.locator("p").last).to_contain_text("It is sent.")


@pytest.mark.usefixtures("sent")
@pytest.mark.skipif(not STREAMLIT.exists(), reason="Streamlit is not installed (NEXUS_TEST_STREAMLIT)")
def test_streamlit(url: str, tmp_path: Path):
    """Streamlit pins other versions of what Nexus needs, so it has an environment of its own."""
    chat = tmp_path / "chat.py"
    chat.write_text(example("python", "streamlit", url))
    assert "It is sent." in output_of(str(STREAMLIT), "-c", TRIED, str(chat), REQUEST)


def test_the_streamlit_chat_is_as_short_as_it_is_said_to_be():
    lines = [line for line in example("python", "streamlit", "").splitlines() if line.strip()]
    assert len(lines) <= 30
