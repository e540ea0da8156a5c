"""Who may use which MCP server, and that the configuration file counts while Nexus runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from nexus.core.user import OWNER
from nexus.settings import load_settings
from nexus.tools.preferences import Preferences
from nexus.tools.schema_check import SchemaCheck
from nexus.wiring.providers import servers_for


def configure(file: Path, text: str) -> None:
    file.write_text(text)


class NoSwitches:
    """A user who switched nothing."""

    async def all(self) -> Mapping[str, bool]:
        return {}

    async def set(self, toolkit: str, *, is_on: bool) -> None:
        raise NotImplementedError


@pytest.fixture(name="file")
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "nexus.toml"
    file.write_text('[mcp.own]\ncommand = "x"\n[mcp.all]\ncommand = "x"\nshared = true\n')
    return file


@pytest.mark.usefixtures("file")
async def test_other_users_have_only_the_servers_that_are_shared():
    preferences = Preferences(load_settings(), NoSwitches())
    assert (await servers_for(OWNER, preferences)()).keys() == {"own", "all"}
    assert (await servers_for("ana", preferences)()).keys() == {"all"}


async def test_a_server_that_is_added_to_the_file_counts_without_a_restart(file: Path):
    configured = servers_for(OWNER, Preferences(load_settings(), NoSwitches()))
    await configured()
    configure(file, '[mcp.new]\ncommand = "x"\n')
    assert (await configured()).keys() == {"new"}


@pytest.mark.parametrize("draft", [{}, {"$schema": "http://json-schema.org/draft-07/schema#"}])
def test_a_schema_that_would_have_to_be_fetched_is_refused(draft: dict[str, str]):
    hostile = {"type": "object", "properties": {"a": {"$ref": "http://example.com/schema.json"}}}
    assert "'http://example.com/schema.json', which nobody fetches" in str(
        SchemaCheck().fault(draft | hostile)
    )
    local = {"type": "object", "$defs": {"b": {}}, "properties": {"$ref": {"$ref": "#/$defs/b"}}}
    assert SchemaCheck().fault(draft | local) is None
