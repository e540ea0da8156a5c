"""`nexus connect` and `nexus connections`: the shipped program, its Composio a stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from nexus.cli.program import program
from tests.cli.console import ENTER, Home, Result, Terminal
from tests.cli.planned import ENTRY, REQUEST, SEND, planned
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.running import running

OWNER = "owner"


@pytest.fixture(name="standin")
def _standin() -> Iterator[ComposioStandIn]:
    standin = ComposioStandIn()
    yield standin
    assert standin.guard.violations == []


@pytest.fixture(name="home")
def _home(standin: ComposioStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home with gmail switched on, without an account and without a display."""
    with running(standin.app) as url:
        variables = {
            "COMPOSIO_API_KEY": KEY,
            "COMPOSIO_BASE_URL": url,
            "NEXUS_TOOLKITS": "gmail",
            "NEXUS_HOME": str(tmp_path),
            "COLUMNS": "120",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.chdir(tmp_path)
        yield Home(tmp_path, module="tests.cli.planned", variables=variables)


@pytest.fixture(name="_model")
def _planned_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus.wiring.shared._model", planned)


def nexus(*arguments: str, stdin: str = "") -> Result:
    """Run the program in this process, in a pipe."""
    run = CliRunner().invoke(program, arguments, input=stdin, obj=ENTRY, catch_exceptions=False)
    return Result(run.exit_code, run.stdout, run.stderr)


@pytest.mark.usefixtures("home", "_model")
def test_an_app_is_connected_listed_and_disconnected(standin: ComposioStandIn) -> None:
    empty = nexus("connections", "list")
    assert (empty.code, empty.out, "nexus connect gmail" in empty.err) == (0, "", True)
    begun = nexus("connect", "gmail", "--wait", "0", "--json")
    assert (begun.code, [line["event"] for line in begun.lines]) == (3, ["link", "connection"])
    httpx.post(begun.lines[0]["link"]).raise_for_status()
    done = nexus("connect", "gmail")
    assert (done.code, done.out) == (0, "gmail is connected.\n")
    account = begun.lines[0]["connection_id"]
    assert nexus("connections", "list").out.startswith(f"{account}\tgmail\tactive\t")
    assert nexus("connections", "remove", account).code == 0
    assert standin.accounts.accounts == {}
    again = nexus("connections", "remove", account)
    assert (again.code, f"There is no connection '{account}'." in again.err) == (2, True)


@pytest.mark.usefixtures("home", "_model")
def test_an_app_that_is_connected_can_be_signed_in_to_anew(standin: ComposioStandIn) -> None:
    first = standin.connect(OWNER, "gmail")
    assert nexus("connect", "gmail", "--json").lines[-1]["connection_id"] == first.id
    begun = nexus("connect", "gmail", "--again", "--wait", "0", "--json")
    assert (begun.code, begun.lines[-1]["state"]) == (3, "waiting")
    httpx.post(begun.lines[0]["link"]).raise_for_status()
    used = nexus("connect", "gmail", "--json").lines[-1]["connection_id"]
    assert (used, used == first.id) == (begun.lines[0]["connection_id"], False)


@pytest.mark.usefixtures("home", "_model")
def test_an_api_key_can_be_replaced(standin: ComposioStandIn) -> None:
    for key in ("lin_old", "lin_new"):
        again = ("--again",) if key == "lin_new" else ()
        values = json.dumps({"generic_api_key": key})
        assert nexus("connect", "linear", *again, "--fields", "-", stdin=values).code == 0
    newest = nexus("connect", "linear", "--json").lines[-1]["connection_id"]
    assert standin.accounts.account(newest).values == {"generic_api_key": "lin_new"}


@pytest.mark.usefixtures("home", "_model")
def test_a_sign_in_that_ends_badly_says_why(standin: ComposioStandIn) -> None:
    link = nexus("connect", "gmail", "--wait", "0", "--json").lines[0]
    standin.accounts.account(link["connection_id"]).set("FAILED", "they said no")
    (line,) = nexus("connections", "list", "--json").lines
    assert (line["state"], line["reason"]) == ("failed", "they said no")
    unknown = nexus("connect", "gmial")
    assert (unknown.code, "The nearest names are gmail." in unknown.err) == (2, True)


@pytest.mark.usefixtures("home", "_model")
def test_in_a_pipe_an_api_key_comes_from_a_pipe_and_is_not_shown(standin: ComposioStandIn) -> None:
    asked = nexus("connect", "linear")
    assert (asked.code, "fields.generic_api_key" in asked.err) == (2, True)
    odd = nexus("connect", "linear", "--fields", "-", stdin="lin_secret")
    assert (odd.code, "lin_secret" in odd.err) == (2, False)
    done = nexus("connect", "linear", "--fields", "-", stdin=json.dumps({"generic_api_key": "lin_secret"}))
    assert (done.code, done.out) == (0, "linear is connected.\n")
    assert [each.values for each in standin.accounts.accounts.values()] == [{"generic_api_key": "lin_secret"}]


@pytest.mark.usefixtures("home", "_model")
def test_a_run_in_a_pipe_says_how_to_connect_and_goes_on_after_it(standin: ComposioStandIn) -> None:
    run = nexus("run", REQUEST)
    assert run.code == 3
    assert "nexus connect gmail" in run.out
    (asked,) = nexus("approvals", "list", "--json").lines
    assert (asked["question"], asked["toolkit"]) == ("connect", "gmail")
    assert "Connect gmail for: Send Email?" in nexus("approvals", "show", asked["approval_id"]).out
    early = nexus("approvals", "approve", asked["approval_id"])
    assert (early.code, "No active gmail account of yours is connected." in early.err) == (1, True)
    standin.connect(OWNER, "gmail")
    assert nexus("approvals", "approve", asked["approval_id"]).code == 3
    (action,) = nexus("approvals", "list", "--json").lines
    assert action["question"] == "action"
    assert nexus("approvals", "approve", action["approval_id"]).code == 0
    assert (standin.posts(SEND), standin.effects(SEND)) == (1, 1)


def test_at_a_terminal_the_app_is_connected_without_leaving_the_run(
    home: Home, standin: ComposioStandIn
) -> None:
    with Terminal(home, "run", REQUEST) as terminal:
        shown = terminal.wait_for("Connect it now")
        assert "Connect gmail for" in shown
        terminal.wait_for("Decide later")
        terminal.press(ENTER)
        terminal.wait_for("Sign in here: ")
        terminal.wait_for("\n")
        (account,) = standin.accounts.accounts.values()
        httpx.post(f"{home.environment()['COMPOSIO_BASE_URL']}/link/{account.link_token}").raise_for_status()
        terminal.wait_for("gmail is connected.")
        assert f"Account: {account.id}" in terminal.wait_for("Decide later")
        assert standin.posts(SEND) == 0
        terminal.press(ENTER)
        terminal.wait_for("It is sent.")
        assert terminal.end() == 0
    assert (standin.posts(SEND), standin.effects(SEND)) == (1, 1)


def test_at_a_terminal_an_api_key_is_asked_for_and_not_shown(home: Home, standin: ComposioStandIn) -> None:
    with Terminal(home, "connect", "linear") as terminal:
        terminal.wait_for("linear asks for API key.")
        terminal.wait_for("? API key:")
        terminal.press("lin_secret")
        terminal.press(ENTER)
        terminal.wait_for("linear is connected.")
        assert terminal.end() == 0
        assert "lin_secret" not in terminal.shown
    assert [each.values for each in standin.accounts.accounts.values()] == [{"generic_api_key": "lin_secret"}]
