"""The official JavaScript SDK against `nexus serve`: every route of LangGraph's that Nexus has."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.testing import ScriptedModel
from tests.clients import graphs_of_others as others
from tests.clients.javascript_packages import SCRIPTS, scripts_with_packages
from tests.clients.pages import LETTER
from tests.clients.scripted_chat import scripted_chat
from tests.servers.nexus import nexus_serve

pytestmark = pytest.mark.timeout(180)

NAMES = ("asks", "waits", "chat", "made", "many", "fails")


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scripts_with_packages(tmp_path_factory.mktemp("javascript"), "@langchain/langgraph-sdk")


@pytest.fixture(scope="module", name="outbox")
def _outbox(folder: Path) -> Path:
    return folder / "home" / "desk" / "mail" / "outbox"


@pytest.fixture(scope="module", name="url")
def _url(folder: Path) -> Iterator[str]:
    file = folder / "langgraph.json"
    module = Path(others.__file__ or "").stem
    file.write_text(json.dumps({"graphs": {name: f"tests.clients.{module}:{name}" for name in NAMES}}))
    model = ScriptedModel()
    for _ in range(2):
        model.calls(("desk_send_email", dict(LETTER)), answer="Sent.")
    (folder / "home").mkdir()
    with (
        scripted_chat(model) as setting,
        nexus_serve(folder / "home", "--config", str(file), NEXUS_MODEL=setting) as url,
    ):
        yield url


def test_the_scripts_are_those_that_are_run():
    assert {path.name.partition(".")[0] for path in SCRIPTS.glob("*.test.mjs")} == {
        "assistants",
        "threads",
        "runs",
        "desk",
    }


@pytest.mark.parametrize("script", ["assistants", "threads", "runs"])
def test_the_javascript_sdk_drives_every_route(url: str, folder: Path, script: str):
    run_script(url, folder, script)


def test_a_letter_is_sent_once_for_each_yes(url: str, folder: Path, outbox: Path):
    run_script(url, folder, "desk")
    sent = [file.read_text() for file in outbox.glob("*.eml")]
    assert len(sent) == 2
    assert sum("Subject: Moved to Friday" in letter for letter in sent) == 1


def run_script(url: str, folder: Path, script: str) -> None:
    """Run a file of tests with Node; what it printed is the failure."""
    ran = subprocess.run(
        ["node", "--test", "--test-timeout=60000", f"{script}.test.mjs"],
        cwd=folder,
        env={**os.environ, "NEXUS_URL": url},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "pass 0" not in ran.stdout
