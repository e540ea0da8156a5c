"""The program as it is shipped, without a model: help, version, settings, errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nexus import __version__
from tests.cli.console import ROOT, Home

HEAVY = {
    "langgraph",
    "langchain_core",
    "pydantic",
    "httpx",
    "numpy",
    "questionary",
    "prompt_toolkit",
    "asyncio",
}

COMMANDS = (
    "demo", "run", "chat", "serve", "connect", "connections",
    "approvals", "threads", "tools", "model", "doctor",
)  # fmt: skip


def test_help_names_every_command_and_every_exit_code(real: Home) -> None:
    done = real.nexus("--help")
    assert done.code == 0
    for command in COMMANDS:
        assert command in done.out
    for code in ("0", "1", "2", "3", "4", "5", "130"):
        assert f" {code}  " in done.out


def test_help_imports_nothing_heavy(real: Home) -> None:
    program = (
        "import sys, runpy, contextlib\n"
        "sys.argv = ['nexus', '--help']\n"
        "with contextlib.suppress(SystemExit): runpy.run_module('nexus', run_name='__main__')\n"
        "print('MODULES', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=real.environment(), capture_output=True, text=True, check=True
    )
    assert HEAVY.isdisjoint(done.stdout.split("MODULES")[1].split())


def test_version(real: Home) -> None:
    assert real.nexus("--version").out == f"nexus {__version__}\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["run", "--nonsense"], ["approvals", "show"]])
def test_what_cannot_be_understood_ends_with_2(real: Home, arguments: list[str]) -> None:
    assert real.nexus(*arguments).code == 2


def test_everything_but_thinking_works_without_a_model(real: Home) -> None:
    assert real.nexus("approvals", "list").code == 0
    tools = {line["tool"]: line["runs"] for line in real.nexus("tools", "list", "--json").lines}
    assert tools["desk_send_email"] == "asks first"
    assert tools["desk_list_emails"] == "by itself"
    assert "desk_send_email" in real.nexus("tools", "search", "send", "an", "email").out
    assert real.nexus("doctor").code == 1


def test_a_run_without_a_model_says_how_to_get_one_and_can_be_continued(real: Home) -> None:
    done = real.nexus("run", "What is in my inbox?")
    assert done.code == 5
    assert "nexus model pull" in done.err
    assert "nexus run --thread" in done.out
    assert "Traceback" not in done.err


def test_home_may_stand_anywhere_and_its_file_counts(home: Home) -> None:
    other = home.path / "other"
    other.mkdir()
    (other / "nexus.toml").write_text("port = 8499\n")
    for arguments in (
        ["--home", str(other), "serve"],
        ["serve", "--home", str(other)],
        ["serve", f"--home={other}"],
    ):
        assert "serving 127.0.0.1:8499" in home.nexus(*arguments).out


def test_a_bad_setting_is_one_line_with_a_remedy(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_NUM_CTX", "7")
    done = home.nexus("approvals", "list")
    assert done.code == 2
    assert done.err.startswith("error: NEXUS_NUM_CTX:")
    assert "Context window" in done.err
    assert "Traceback" not in done.err


def test_a_broken_configuration_file_is_named(home: Home) -> None:
    (home.path / "nexus.toml").write_text("model = [")
    done = home.nexus("tools", "list")
    assert done.code == 2
    assert "nexus.toml" in done.err


def test_a_home_that_is_no_folder_is_an_error_without_a_traceback(home: Home) -> None:
    (home.path / "file").write_text("")
    done = home.nexus("approvals", "list", "--home", str(home.path / "file"))
    assert done.code == 5
    assert done.err.startswith("error: ")


def test_a_damaged_database_is_an_error_without_a_traceback(home: Home) -> None:
    (home.path / "nexus.db").write_bytes(b"this is not a database" * 100)
    done = home.nexus("approvals", "list")
    assert done.code == 5
    assert "nexus.db" in done.err


def test_every_public_command_has_help(home: Home) -> None:
    for command in COMMANDS:
        assert home.nexus(command, "--help").code == 0


def test_nothing_of_this_machine_is_in_the_help() -> None:
    assert str(ROOT) not in "".join(path.read_text() for path in (ROOT / "nexus" / "cli").glob("*.py"))
