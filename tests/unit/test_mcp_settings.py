"""MCP servers in the configuration file: what is wrong is named, and no secret is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.errors import SettingsInvalid
from nexus.settings import load_settings


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_servers_are_read_from_the_file_in_the_home(home: Path):
    (home / "nexus.toml").write_text(
        '[mcp.files]\ncommand = "npx"\nargs = ["-y", "x"]\nenv = { KEY = "${KEY}" }\n'
        '[mcp.my-post]\nurl = "https://mcp.example.com/mcp"\nheaders = { Authorization = "${TOKEN}" }\n'
    )
    servers = load_settings().mcp
    assert servers["files"].args == ("-y", "x")
    assert servers["my-post"].headers == {"Authorization": "${TOKEN}"}
    assert not servers["files"].shared


@pytest.mark.parametrize(
    ("table", "field", "said"),
    [
        ('[mcp.files]\nargs = ["x"]', "mcp.files", "give either command"),
        ('[mcp.files]\ncommand = "x"\nurl = "http://x"', "mcp.files", "give either command"),
        ('[mcp.files]\ncommand = "x"\nheaders = { A = "s3cret" }', "mcp.files", "headers belong to a url"),
        ('[mcp.files]\nurl = "ftp://s3cret@x"', "mcp.files.url", "should match pattern"),
        (
            '[mcp.files]\ncommand = "x"\nenvironment = { A = "s3cret" }',
            "mcp.files.environment",
            "not permitted",
        ),
        ('[mcp.files]\ncommand = "x"\nenv = { A = 5 }', "mcp.files.env.A", "valid string"),
        ('[mcp.My_Files]\ncommand = "x"', "mcp.My_Files", "match pattern"),
        ('[mcp.desk]\ncommand = "x"', "mcp.desk", "a name that Nexus uses itself"),
    ],
)
def test_a_mistake_is_named_with_its_place(home: Path, table: str, field: str, said: str):
    (home / "nexus.toml").write_text(table)
    with pytest.raises(SettingsInvalid) as caught:
        load_settings()
    assert caught.value.field is not None
    assert caught.value.field.startswith(field)
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)
