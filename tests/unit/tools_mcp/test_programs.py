"""MCP servers that are programs: what they are given, what becomes of calls, what happens when they die."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid, NotSent, OutcomeUnknown
from nexus.settings_mcp import McpServer
from nexus.tools.mcp import McpProvider
from nexus.tools.mcp.session import LONGEST_PAUSE, pause_after
from nexus.tools.registry import Registry
from tests.unit.tools_mcp.conftest import OpenMcp, plain_server, spec_named


def calls_of(folder: Path) -> list[Any]:
    file = folder / "calls.jsonl"
    return [json.loads(line)["tool"] for line in file.read_text().splitlines()] if file.exists() else []


def write(file: Path, text: str) -> None:
    file.write_text(text)


def pids_of(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "starts.txt").read_text().split()]


async def call(provider: McpProvider, spec: ToolSpec, **arguments: Any) -> str:
    return (await provider.call(spec, arguments, key="k")).text


@pytest.fixture(name="provider")
async def _provider(open_servers: OpenMcp, plain: McpServer) -> McpProvider:
    return await open_servers({"plain": plain})


async def test_the_tools_of_every_page_are_offered_under_the_servers_name(provider: McpProvider):
    specs = await provider.tools()

    assert [spec.slug for spec in specs] == [
        f"plain_{name}" for name in ("look", "write", "die", "hang", "environment", "change")
    ]
    assert {spec.toolkit for spec in specs} == {"plain"}
    assert [spec.is_read_only for spec in specs] == [True, False, False, False, True, True]


async def test_one_process_serves_every_call(provider: McpProvider, folder: Path):
    write = await spec_named(provider, "plain_write")

    answers = await asyncio.gather(*(call(provider, write, text=str(number)) for number in range(5)))

    assert answers == [f"write: {number}" for number in range(5)]
    assert len(pids_of(folder)) == 1


async def test_arguments_that_do_not_fit_the_schema_never_reach_the_server(
    provider: McpProvider, folder: Path
):
    write = await spec_named(provider, "plain_write")
    with pytest.raises(ArgumentsInvalid, match="text is missing"):
        await provider.call(write, {}, key="k")
    assert calls_of(folder) == []


async def test_a_server_gets_its_own_variables_and_none_of_ours(
    open_servers: OpenMcp, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COMPOSIO_API_KEY", "not-for-servers")
    monkeypatch.setenv("PLAIN_TOKEN", "for-plain")
    monkeypatch.chdir(folder)
    write(folder / ".env", "PLAIN_TOKEN=hidden-by-the-environment\nOTHER=from-dotenv\n")
    own = {"TOKEN": "x-${PLAIN_TOKEN}", "OTHER": "${OTHER}"}
    provider = await open_servers({"plain": plain_server(folder, env=own)})

    said = json.loads(await call(provider, await spec_named(provider, "plain_environment")))

    assert (said["TOKEN"], said["OTHER"]) == ("x-for-plain", "from-dotenv")
    # Python sets the last one itself.
    assert said.keys() <= {"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", *own, "LC_CTYPE"}


async def test_a_server_that_dies_while_it_acts_leaves_the_outcome_unknown(
    provider: McpProvider, folder: Path
):
    die = await spec_named(provider, "plain_die")
    with pytest.raises(OutcomeUnknown, match="plain did not say whether it was done"):
        await call(provider, die, text="x")
    assert calls_of(folder) == ["die"]


async def test_a_server_that_was_killed_is_started_again_for_the_next_call(
    provider: McpProvider, folder: Path
):
    write = await spec_named(provider, "plain_write")
    server = provider._servers["plain"]
    session = await server._connection.session()
    os.kill(pids_of(folder)[0], signal.SIGKILL)
    await session.ended()

    assert await call(provider, write, text="again") == "write: again"
    assert len(pids_of(folder)) == 2
    assert calls_of(folder) == ["write"]


async def test_a_call_that_is_given_up_leaves_the_others_alone(provider: McpProvider, folder: Path):
    hang, write = await spec_named(provider, "plain_hang"), await spec_named(provider, "plain_write")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await call(provider, hang, text="x")
    os.kill(pids_of(folder)[0], signal.SIGKILL)
    await (await provider._servers["plain"]._connection.session()).ended()
    assert await call(provider, write, text="later") == "write: later"


async def test_a_server_that_does_not_start_is_reported_with_what_it_says_and_stops_nobody(
    open_servers: OpenMcp, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PLAIN_TOKEN", "hunter2-hunter2")
    (folder / "refuse").write_text("the token hunter2-hunter2 is wrong")
    good, plainly = tmp_path / "good", tmp_path / "plainly"
    good.mkdir()
    plainly.mkdir()
    (plainly / "refuse").write_text("the token correct-horse is wrong")
    provider = await open_servers(
        {
            "bad": plain_server(folder, env={"TOKEN": "${PLAIN_TOKEN}"}),
            "plainly": plain_server(plainly, env={"TOKEN": "correct-horse"}),
            "gone": McpServer(command=str(tmp_path / "no-such-program")),
            "unset": McpServer(command="true", env={"TOKEN": "${NO_SUCH_VARIABLE}"}),
            "good": plain_server(good),
        }
    )

    registry = Registry([provider])
    await registry.refresh()

    assert {spec.toolkit for spec in registry.all()} == {"good"}
    reasons = {failure.provider: failure.reason for failure in registry.failures()}
    assert reasons.keys() == {"bad", "plainly", "gone", "unset"}
    assert "I will not start: the token … is wrong" in reasons["bad"]
    assert "I will not start: the token … is wrong" in reasons["plainly"]
    assert "no-such-program" in reasons["gone"]
    assert (
        "${NO_SUCH_VARIABLE} is not set Set NO_SUCH_VARIABLE in the environment or in .env"
        in reasons["unset"]
    )


async def test_a_server_that_is_not_ready_in_time_is_given_up(open_servers: OpenMcp):
    provider = await open_servers({"slow": McpServer(command="sleep", args=("60",), start_timeout=0.2)})
    assert await provider.tools() == []
    (failure,) = provider.failures()
    assert "not ready after 0.2 s" in failure.reason


async def test_a_server_that_was_mended_is_found_without_a_restart(
    open_servers: OpenMcp, folder: Path, plain: McpServer
):
    (folder / "refuse").write_text("not yet")
    provider = await open_servers({"plain": plain})
    assert await provider.tools() == []
    (folder / "refuse").unlink()

    assert not await provider.has_changed()  # it is being started meanwhile
    await provider._servers["plain"]._connection.session()
    assert await provider.has_changed()
    assert len(await provider.tools()) == 6
    assert provider.failures() == []
    assert not await provider.has_changed()


async def test_a_call_of_a_server_that_does_not_start_was_not_sent(provider: McpProvider, folder: Path):
    write = await spec_named(provider, "plain_write")
    session = await provider._servers["plain"]._connection.session()
    (folder / "refuse").write_text("no more")
    os.kill(pids_of(folder)[0], signal.SIGKILL)
    await session.ended()
    with pytest.raises(NotSent, match="no more"):
        await call(provider, write, text="x")
    assert calls_of(folder) == []


async def test_a_call_whose_time_is_over_before_the_server_is_ready_was_not_sent(
    open_servers: OpenMcp, folder: Path, plain: McpServer
):
    """The server starts in half of the time first; then it is killed, and hangs when it is started again."""
    provider = await open_servers({"plain": plain}, tool_timeout=1.0)
    write = await spec_named(provider, "plain_write")
    session = await provider._servers["plain"]._connection.session()
    os.mkfifo(folder / "refuse")  # nobody writes to it, so reading it never ends
    os.kill(pids_of(folder)[0], signal.SIGKILL)
    await session.ended()
    with pytest.raises(NotSent, match="not ready in time"):
        async with asyncio.timeout(1.0):  # as the execute node
            await call(provider, write, text="x")
    assert calls_of(folder) == []


async def test_servers_come_and_go_while_the_program_runs(
    open_servers: OpenMcp, folder: Path, plain: McpServer
):
    servers = {"plain": plain}
    provider = await open_servers(servers)
    await provider.tools()
    servers["other"] = plain

    assert await provider.has_changed()
    assert {spec.toolkit for spec in await provider.tools()} == {"plain", "other"}
    del servers["plain"]
    assert {spec.toolkit for spec in await provider.tools()} == {"other"}
    with pytest.raises(ProcessLookupError):
        os.kill(pids_of(folder)[0], 0)


async def test_no_process_outlives_the_provider(open_servers: OpenMcp, folder: Path, plain: McpServer):
    provider = await open_servers({"plain": plain})
    await provider.tools()
    await provider.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pids_of(folder)[0], 0)


def test_pauses_grow_up_to_a_minute():
    assert [pause_after(failures) for failures in range(1, 6)] == [0, 1, 2, 4, 8]
    assert pause_after(50) == LONGEST_PAUSE
