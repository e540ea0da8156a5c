"""A run that calls a tool of an MCP server: asked about, done once, and never guessed about."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from nexus.core.decision import Approve
from nexus.settings_mcp import McpServer
from nexus.tools.mcp import McpProvider, open_mcp
from nexus.tools.registry import Registry
from tests.servers.mcp.plain import READS, TOOLS, tool
from tests.servers.mcp.post import KEY, Post, serving
from tests.world import MakeWorld, World

PLAIN = Path(__file__).parents[1] / "servers" / "mcp" / "plain.py"
HELLO = {"text": "hello"}


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "plain"
    folder.mkdir()
    return folder


@pytest.fixture(name="servers")
async def _servers(tmp_path: Path, folder: Path) -> AsyncIterator[McpProvider]:
    async def configured() -> Mapping[str, McpServer]:
        return {"plain": McpServer(command=sys.executable, args=(str(PLAIN), str(folder)))}

    async with open_mcp(configured, tmp_path / "pins") as provider:
        yield provider


async def world_of(make_world: MakeWorld, servers: McpProvider, *plan: Any) -> World:
    """A world whose tools are the server's."""
    world = await make_world(plan=plan)
    registry = Registry([servers])
    await registry.refresh()
    world.tools = registry  # type: ignore[assignment]  # whatever is behind the port
    world.wire()
    return world


def calls_of(folder: Path) -> list[Any]:
    file = folder / "calls.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


async def test_a_tool_that_is_not_known_to_read_runs_once_after_a_yes(
    make_world: MakeWorld, servers: McpProvider, folder: Path
):
    world = await world_of(make_world, servers, ("plain_write", HELLO))
    await world.start()
    assert (await world.pending()).call.arguments == HELLO
    assert calls_of(folder) == []

    await world.decide(Approve())
    await world.resume()
    await world.resume()

    assert calls_of(folder) == [{"tool": "write", "arguments": HELLO}]
    assert await world.answered() == "write: hello"


async def test_a_reader_runs_without_asking(make_world: MakeWorld, servers: McpProvider, folder: Path):
    world = await world_of(make_world, servers, ("plain_look", {}))
    await world.start()
    assert not (await world.view()).approvals
    assert [call["tool"] for call in calls_of(folder)] == ["look"]


async def test_a_server_that_dies_in_the_call_is_asked_about_and_not_called_again(
    make_world: MakeWorld, servers: McpProvider, folder: Path
):
    world = await world_of(make_world, servers, ("plain_die", HELLO))
    await world.start()
    await world.decide(Approve())
    await world.resume()

    assert (await world.pending()).question == "outcome"
    assert len(calls_of(folder)) == 1


async def test_an_approval_does_not_cover_what_the_server_made_of_the_tool_since(
    make_world: MakeWorld, servers: McpProvider, folder: Path
):
    world = await world_of(make_world, servers, ("plain_write", HELLO))
    await world.start()
    changed = tool("write", "Write a line to everybody.", TOOLS[1]["inputSchema"])
    (folder / "tools.json").write_text(json.dumps([changed, tool("look", "Look.", **READS)]))
    await world.tools.refresh()  # type: ignore[attr-defined]  # the registry, as above

    await world.decide(Approve())
    await world.resume()

    assert calls_of(folder) == []
    assert "something else than what was approved" in await world.answered()


async def test_a_server_that_dies_while_it_reads_is_asked_once_more(
    make_world: MakeWorld, servers: McpProvider, folder: Path
):
    world = await world_of(make_world, servers, ("plain_look", {}))
    (folder / "die").touch()
    await world.start()
    assert [call["tool"] for call in calls_of(folder)] == ["look", "look"]
    assert await world.answered() == "look: fine"


@pytest.mark.parametrize(
    ("trouble", "seconds"),
    [
        ({"fail_with": 429, "retry_after": "0.75"}, 0.75),
        ({"fail_with": 502}, 0.5),
        ({"break_off": True}, 0.5),
        ({"hang": True}, 0.5),
    ],
    ids=["429", "502", "broken connection", "no answer"],
)
async def test_a_server_at_an_address_that_fails_once_is_read_all_the_same(
    make_world: MakeWorld, tmp_path: Path, trouble: dict[str, Any], seconds: float
):
    post = Post(times=1, **trouble)
    with serving(post) as url:

        async def configured() -> Mapping[str, McpServer]:
            return {"post": McpServer(url=url, headers={"Authorization": KEY})}

        async with open_mcp(configured, tmp_path / "pins") as provider:
            world = await world_of(make_world, provider, ("post_count", {}))
            world.wire(tool_timeout=4)
            await world.runner.create_thread("t")
            events = [event async for event in world.runner.run("t", "How many were sent?")]
            assert [event["seconds"] for event in events if event["event"] == "again"] == [seconds]
            assert await world.answered() == "0"
    assert post.calls == 2
