"""`nexus tools`, `nexus threads`, `nexus serve`: lists for people and programs, switches that stay."""

from __future__ import annotations

import tomllib

from tests.cli.console import Home


def test_the_list_says_what_runs_by_itself_and_what_asks(home: Home) -> None:
    runs = {line["tool"]: line["runs"] for line in home.nexus("tools", "list", "--json").lines}
    assert runs["desk_read"] == "by itself"
    assert runs["desk_send"] == "asks first"
    assert runs["desk_forbidden"] == "never"


def test_in_a_pipe_a_tool_is_a_line_of_cells(home: Home) -> None:
    first = home.nexus("tools", "list").out.splitlines()[0]
    assert first.split("\t")[0] == "desk_forbidden"


def test_search_finds_tools(home: Home) -> None:
    assert "desk_send" in home.nexus("tools", "search", "mail", "somebody").out


def test_a_disabled_tool_stays_disabled_and_the_rest_of_the_file_stays(home: Home) -> None:
    file = home.path / "nexus.toml"
    file.write_text("# my settings\nmax_steps = 7 # enough\n")
    assert home.nexus("tools", "disable", "desk_send").code == 0
    assert "desk_send" not in home.nexus("tools", "list").out
    assert "# my settings\nmax_steps = 7 # enough\n" in file.read_text()
    assert home.nexus("tools", "enable", "desk_send").code == 0
    assert "desk_send" in home.nexus("tools", "list").out
    assert tomllib.loads(file.read_text()) == {"max_steps": 7, "disable": []}
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_tool_that_is_not_there_cannot_be_switched(home: Home) -> None:
    assert home.nexus("tools", "disable", "desk_sned").code == 2
    assert home.nexus("tools", "enable", "desk_send").code == 2
    assert not (home.path / "nexus.toml").exists()


def test_a_tool_of_a_disabled_toolkit_cannot_be_enabled_alone(home: Home) -> None:
    assert home.nexus("tools", "disable", "desk").code == 0
    done = home.nexus("tools", "enable", "desk_send")
    assert done.code == 2
    assert "nexus tools enable" in done.err


def test_a_thread_tells_its_story(home: Home) -> None:
    home.will_say(("desk_read", {}), answer="Two letters.")
    home.nexus("run", "What is in my inbox?")
    (thread,) = home.nexus("threads", "list", "--json").lines
    shown = home.nexus("threads", "show", thread["thread_id"][:6])
    assert "What is in my inbox?" in shown.out
    assert "Two letters." in shown.out
    assert "\x1b" not in shown.out
    assert home.nexus("threads", "show", "nope").code == 2


def test_serve_is_given_the_address(home: Home) -> None:
    assert "serving 127.0.0.1:8499" in home.nexus("serve", "--port", "8499").out
    assert home.nexus("serve", "--port", "99999").code == 2
