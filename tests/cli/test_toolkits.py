"""Apps and their tools at the command line, over real HTTP to the stand-in for Composio."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from nexus.app import open_service, serve
from nexus.cli.health_composio import egress
from nexus.cli.program import Entry, program
from nexus.settings import Settings
from nexus.wiring.audit import open_audit
from nexus.wiring.memories import open_own_memories
from nexus.wiring.notices import open_notices
from nexus.wiring.users import open_users
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.running import running


@pytest.fixture(name="standin")
def _standin() -> ComposioStandIn:
    standin = ComposioStandIn()
    standin.connect("owner", "gmail")
    return standin


@pytest.fixture(name="served")
def _served(standin: ComposioStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    """The stand-in, until the stack is closed."""
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.setenv("NEXUS_MODEL", "openai:http://127.0.0.1:9/v1#none")
    monkeypatch.setenv("COMPOSIO_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        monkeypatch.setenv("COMPOSIO_BASE_URL", stack.enter_context(running(standin.app)))
        yield stack


def nexus(*arguments: str) -> Result:
    """What the program says to these arguments."""
    entry = Entry(open_service, serve, open_users, open_audit, open_notices, open_own_memories)
    done = CliRunner().invoke(program, list(arguments), obj=entry)
    assert KEY not in done.output
    return done


def lines(done: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_app_is_switched_on_and_its_tools_are_found_without_the_network(served: ExitStack):
    assert "gmail is on" in nexus("toolkits", "enable", "Gmail").output
    assert "No account is connected yet" in nexus("toolkits", "enable", "slack").output
    served.close()
    listed = {each["slug"]: each["is_on"] for each in lines(nexus("toolkits", "list", "--all", "--json"))}
    assert (listed["gmail"], listed["desk"], listed["github"]) == (True, True, False)
    (shown,) = lines(nexus("tools", "show", "GMAIL_SEND_EMAIL", "--json"))
    assert (shown["runs"], shown["needs_account"], bool(shown["account"])) == ("asks first", True, True)
    found = lines(nexus("tools", "search", "send", "gmail", "--json"))
    assert "GMAIL_SEND_EMAIL" in {each["tool"] for each in found}
    assert nexus("toolkits", "disable", "gmail").exit_code == 0
    assert nexus("tools", "show", "GMAIL_SEND_EMAIL").exit_code == 0  # of an app that is off
    checks = {each["name"]: each for each in lines(nexus("doctor", "--json"))[0]["checks"]}  # type: ignore[attr-defined]
    assert (checks["composio"]["level"], "is not reached" in checks["composio"]["text"]) == ("warn", True)
    assert checks["egress"]["text"].startswith("no setting lets a connection leave this machine")


def test_the_whole_catalogue_is_read_once(served: ExitStack, standin: ComposioStandIn):  # noqa: ARG001 - it serves
    first = nexus("tools", "sync", "--all")
    assert (
        f"Read {len(standin.catalogue.tools)} tools of {len(standin.catalogue.toolkits)} apps" in first.output
    )
    assert "Read 0 tools of 0 apps" in nexus("tools", "sync", "--all").output
    assert nexus("tools", "sync").exit_code == 2  # no app is on
    checks = {each["name"]: each for each in lines(nexus("doctor", "--json"))[0]["checks"]}  # type: ignore[attr-defined]
    assert "answers; connected: gmail (ca_" in checks["composio"]["text"]


def test_every_place_that_connections_leave_to_is_told(tmp_path: Path):
    settings = Settings(
        home=tmp_path,
        model="openai:http://192.168.1.7:8080/v1#big",
        composio_api_key=KEY,
        composio_base_url="https://composio.example.com/",
    )
    text = egress(settings).text
    assert "to: http://192.168.1.7:8080, https://composio.example.com; " in text
    assert egress(Settings(home=tmp_path)).text.startswith("no setting lets a connection leave this machine")


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"embeddings": "ollama:nomic", "ollama_url": "http://10.0.0.9:11434"}, "http://10.0.0.9:11434"),
        ({"memory": "chroma:https://chroma.example.com#team"}, "https://chroma.example.com"),
        ({"memory": "pinecone:mine"}, "https://api.pinecone.io"),
        ({"memory": "pinecone:mine", "pinecone_url": "https://pine.example.com"}, "https://pine.example.com"),
        ({"slack_webhook_url": "https://hooks.slack.com/services/secret"}, "https://hooks.slack.com"),
        ({"notify_url": "mailto://me:secret@example.com"}, "mailto: (NEXUS_NOTIFY_URL)"),
    ],
)
def test_what_memory_and_messages_reach_is_told_too_and_no_secret(
    tmp_path: Path, more: dict[str, Any], place: str
):
    text = egress(Settings(home=tmp_path, model="embedded:qwen2.5-coder-0.5b", **more)).text
    assert f"to: {place}" in text
    assert "secret" not in text


def test_without_a_key_it_is_said_that_composio_is_off(served: ExitStack, monkeypatch: pytest.MonkeyPatch):
    served.close()
    monkeypatch.setenv("COMPOSIO_API_KEY", "")
    assert "COMPOSIO_API_KEY" in nexus("tools", "sync", "--all").output
    unknown = nexus("toolkits", "enable", "gmail")
    assert (unknown.exit_code != 0, "Set COMPOSIO_API_KEY" in unknown.output) == (True, True)
