"""MCP servers at an address: the real client against a real server made with the `mcp` package."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from nexus.core.tool import ToolSpec
from nexus.errors import ArgumentsInvalid, NexusError, NotSent, OutcomeUnknown, Refused, ToolFailed
from nexus.settings_mcp import McpServer
from nexus.tools.mcp import McpProvider
from tests.servers.mcp.post import KEY, Post, serving
from tests.unit.tools_mcp.conftest import OpenMcp, spec_named


@pytest.fixture(name="post")
def _post() -> Post:
    return Post()


@pytest.fixture(name="url")
def _url(post: Post) -> Iterator[str]:
    with serving(post) as url:
        yield url


@pytest.fixture(name="provider")
async def _provider(url: str, open_servers: OpenMcp, monkeypatch: pytest.MonkeyPatch) -> McpProvider:
    monkeypatch.setenv("POST_KEY", KEY)
    return await open_servers({"post": McpServer(url=url, headers={"Authorization": "${POST_KEY}"})})


@pytest.fixture(name="send")
async def _send(provider: McpProvider) -> ToolSpec:
    return await spec_named(provider, "post_send")


async def test_annotations_and_schemas_arrive_as_they_are(provider: McpProvider):
    specs = {spec.slug: spec for spec in await provider.tools()}
    assert specs["post_count"].is_read_only
    assert specs["post_send"].hints == frozenset()
    assert specs["post_send"].parameters["required"] == ["to"]


async def test_results_are_texts_and_images_are_named(provider: McpProvider, send: ToolSpec, post: Post):
    sent = await provider.call(send, {"to": "ana"}, key="k")
    count = await provider.call(await spec_named(provider, "post_count"), {}, key="k")
    photo = await provider.call(await spec_named(provider, "post_photo"), {}, key="k")

    assert (sent.text, count.text) == ("Sent to ana.", "1")
    assert photo.text == "Click.\n[image/png, 12 bytes, not shown]"
    assert post.sent == ["ana"]


async def test_a_tool_that_says_it_failed_has_failed(provider: McpProvider, send: ToolSpec):
    with pytest.raises(ToolFailed, match="nobody lives there"):
        await provider.call(send, {"to": "nobody"}, key="k")


@pytest.mark.parametrize(
    ("status", "means"),
    [(401, Refused), (403, Refused), (429, NotSent), (500, OutcomeUnknown), (502, OutcomeUnknown)],
)
async def test_what_is_known_of_a_call_that_was_turned_away(
    provider: McpProvider, send: ToolSpec, post: Post, status: int, means: type[NexusError]
):
    post.fail_with = status
    with pytest.raises(means) as caught:
        await provider.call(send, {"to": "ana"}, key="k")
    assert KEY not in str(caught.value)
    post.fail_with = None
    assert (await provider.call(send, {"to": "bo"}, key="k")).text == "Sent to bo."
    assert post.sent == ["bo"]


async def test_a_server_is_heard_that_says_its_tools_changed(provider: McpProvider):
    count = await spec_named(provider, "post_count")
    await provider.call(await spec_named(provider, "post_grow"), {}, key="k")
    async with asyncio.timeout(20):
        while not await provider.has_changed():  # it is told on a connection of its own
            await provider.call(count, {}, key="k")
    assert not (await spec_named(provider, "post_new")).is_read_only


async def test_a_connection_that_breaks_after_the_effect_leaves_the_outcome_unknown(
    provider: McpProvider, send: ToolSpec, post: Post
):
    post.break_off = True
    with pytest.raises(OutcomeUnknown):
        await provider.call(send, {"to": "ana"}, key="k")
    assert post.sent == ["ana"]


async def test_a_server_that_went_away_was_not_reached(open_servers: OpenMcp, post: Post):
    with serving(post) as url:
        provider = await open_servers({"post": McpServer(url=url, headers={"Authorization": KEY})})
        send = await spec_named(provider, "post_send")
    with pytest.raises(NotSent, match="cannot be reached"):
        await provider.call(send, {"to": "ana"}, key="k")


async def test_a_wrong_key_and_a_closed_port_are_reported(url: str, open_servers: OpenMcp):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/mcp"
    provider = await open_servers(
        {
            "locked": McpServer(url=url, headers={"Authorization": "wrong-wrong"}),
            "closed": McpServer(url=closed),
        }
    )
    assert await provider.tools() == []
    reasons = {failure.provider: failure.reason for failure in provider.failures()}
    assert "it answers 401" in reasons["locked"]
    assert "wrong-wrong" not in reasons["locked"]
    assert "cannot be reached" in reasons["closed"]


async def test_arguments_that_the_server_finds_fault_with_go_back_to_the_model(
    provider: McpProvider, send: ToolSpec
):
    with pytest.raises(ArgumentsInvalid):
        await provider.call(send, {}, key="k")
