from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from nexus.core.tool import ToolSpec
from nexus.errors import NotFound, Unavailable
from nexus.ports.tools import ToolResult
from nexus.tools.registry import Failure, Registry


class Shelf:
    """A provider that offers what it is given, or fails as it is told."""

    def __init__(self, name: str, *offered: ToolSpec) -> None:
        self.name = name
        self.offered: Sequence[ToolSpec] = offered
        self.error: Exception | None = None
        self.calls: list[tuple[str, Mapping[str, Any], str]] = []

    async def tools(self) -> Sequence[ToolSpec]:
        if self.error is not None:
            raise self.error
        return self.offered

    async def call(self, spec: ToolSpec, arguments: Mapping[str, Any], *, key: str) -> ToolResult:
        self.calls.append((spec.slug, arguments, key))
        return ToolResult(f"{self.name} did {spec.slug}")


def tool(slug: str, toolkit: str = "desk", parameters: Any = None) -> ToolSpec:
    return ToolSpec(slug, toolkit, slug, "Does it.", {"type": "object"} if parameters is None else parameters)


class Switches:
    """What is switched off, as a test turns it."""

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)

    async def off(self) -> frozenset[str]:
        return self.names


async def registry(*providers: Shelf, off: Switches | None = None) -> Registry:
    made = Registry(providers, (off or Switches()).off)
    await made.refresh()
    return made


def slugs(tools: Registry) -> list[str]:
    return [spec.slug for spec in tools.all()]


async def test_it_is_empty_until_the_first_refresh():
    assert Registry([Shelf("desk", tool("send"))]).all() == ()


async def test_tools_of_all_providers_are_in_one_stable_order():
    one = Shelf("one", tool("b", "zoo"), tool("c", "app"))
    two = Shelf("two", tool("a", "zoo"), tool("d", "app"))
    assert slugs(await registry(one, two)) == slugs(await registry(two, one)) == ["c", "d", "a", "b"]


async def test_a_failing_provider_does_not_hide_the_others():
    broken = Shelf("composio", tool("x"))
    broken.error = Unavailable("no network")
    tools = await registry(broken, Shelf("desk", tool("send")))
    assert slugs(tools) == ["send"]
    assert tools.failures() == (Failure("composio", "Unavailable: no network"),)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyError("slug")])
async def test_a_provider_with_a_bug_does_not_hide_the_others(error: Exception):
    broken = Shelf("mcp")
    broken.error = error
    tools = await registry(broken, Shelf("desk", tool("send")))
    assert slugs(tools) == ["send"]
    assert tools.failures()[0].provider == "mcp"


async def test_a_provider_that_fails_later_keeps_its_tools():
    shelf = Shelf("desk", tool("send"))
    tools = await registry(shelf)
    shelf.error = Unavailable()
    await tools.refresh()
    assert slugs(tools) == ["send"]
    assert len(tools.failures()) == 1
    shelf.error = None
    shelf.offered = [tool("write")]
    await tools.refresh()
    assert slugs(tools) == ["write"]
    assert tools.failures() == ()


async def test_of_one_name_from_two_providers_the_later_is_refused_and_both_are_named():
    desk, other = Shelf("desk", tool("send")), Shelf("mcp", tool("send", "post"), tool("new", "post"))
    tools = await registry(desk, other)
    assert slugs(tools) == ["send", "new"]
    (failure,) = tools.failures()
    assert (failure.provider, failure.slug) == ("mcp", "send")
    assert re.search("send of post is not offered: desk has", failure.reason)
    await tools.call(tools.get("send"), {}, key="k")
    assert desk.calls
    assert not other.calls


async def test_of_one_name_twice_from_one_provider_the_first_is_taken():
    tools = await registry(Shelf("desk", tool("send"), tool("send", "other")))
    assert tools.get("send").toolkit == "desk"
    assert [failure.slug for failure in tools.failures()] == ["send"]


async def test_a_name_that_is_free_again_goes_to_the_provider_that_was_refused():
    desk, other = Shelf("desk", tool("send")), Shelf("mcp", tool("send", "post"))
    tools = await registry(desk, other)
    desk.offered = []
    await tools.refresh()
    assert tools.get("send").toolkit == "post"
    assert tools.failures() == ()


async def test_a_disabled_name_takes_nobodys_place():
    both = (Shelf("desk", tool("send", "desk")), Shelf("composio", tool("send", "gmail")))
    off = Switches("gmail")
    tools = await registry(*both, off=off)
    assert tools.get("send").toolkit == "desk"
    assert tools.failures() == ()
    off.names = frozenset({"desk"})
    await tools.freshen()
    assert tools.get("send").toolkit == "gmail"
    off.names = frozenset()
    await tools.freshen()
    assert tools.get("send").toolkit == "desk"
    assert [failure.slug for failure in tools.failures()] == ["send"]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ([], "not an object schema"),
        ("object", "not an object schema"),
        ({}, "not 'object'"),
        ({"type": "array"}, "not 'object'"),
        ({"type": "object", "properties": []}, r"at \$\.properties: "),
        ({"type": "object", "properties": {"to": {"type": "text"}}}, r"at \$\.properties\.to\.type: 'text'"),
        ({"type": "object", "properties": {"to": 5}}, r"at \$\.properties\.to: 5"),
        ({"type": "object", "properties": {"to": {"anyOf": []}}}, r"at \$\.properties\.to\.anyOf"),
        ({"type": "object", "properties": {"to": {"anyOf": [{}, {"type": 1}]}}}, r"\.anyOf\[1\]\.type"),
        ({"type": "object", "properties": {"n": {"exclusiveMinimum": True}}}, "exclusiveMinimum"),
        ({"type": "object", "required": "to"}, r"at \$\.required"),
        ({"type": "object", "required": ["to", "to"]}, r"at \$\.required"),
        ({"type": "object", "description": 5}, r"at \$\.description"),
        (
            {"type": "object", "additionalProperties": {"minLength": -1}},
            r"at \$\.additionalProperties\.minLength",
        ),
        ({"type": "object", "default": {1, 2}}, "not JSON"),
        ({"type": "object", "default": float("nan")}, "not JSON"),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "required": [1]},
            r"at \$\.required\[0\]",
        ),
    ],
)
async def test_unusable_parameters_are_refused_with_the_reason(parameters: Any, reason: str):
    tools = await registry(Shelf("mcp", tool("good"), tool("bad", parameters=parameters)))
    assert slugs(tools) == ["good"]
    (failure,) = tools.failures()
    assert (failure.provider, failure.slug) == ("mcp", "bad")
    assert re.search(reason, failure.reason), failure.reason


@pytest.mark.parametrize(
    "parameters",
    [
        {
            "type": "object",
            "properties": {"to": {"type": ["string", "null"], "enum": ["a", None]}, "any": True},
        },
        {"type": "object", "properties": {"type": {"type": "string"}, "enum": {"const": {"a": 1}}}},
        {
            "type": "object",
            "$defs": {"x": {"items": {"$ref": "#/$defs/x"}}},
            "allOf": [{"$ref": "#/$defs/x"}],
        },
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "items": [{}, {}]},
        {"type": "object", "x-vendor": {"anything": [1]}},
    ],
)
async def test_valid_parameters_of_any_shape_are_taken(parameters: Any):
    assert slugs(await registry(Shelf("mcp", tool("good", parameters=parameters)))) == ["good"]


async def test_endless_parameters_are_refused():
    nested: dict[str, Any] = {"type": "string"}
    for _ in range(5000):
        nested = {"type": "object", "properties": {"inner": nested}}
    circular: dict[str, Any] = {"type": "object"}
    circular["properties"] = {"self": circular}
    tools = await registry(Shelf("mcp", tool("deep", parameters=nested), tool("round", parameters=circular)))
    assert [failure.slug for failure in tools.failures()] == ["deep", "round"]


async def test_an_unknown_tool_is_answered_with_the_nearest_names():
    tools = await registry(Shelf("desk", tool("GMAIL_SEND_EMAIL"), tool("SLACK_SEND_MESSAGE")))
    with pytest.raises(NotFound, match="GMAIL_SEND_EMAIL"):
        tools.get("GMAIL_SEND_MAIL")
    with pytest.raises(NotFound, match="no tool zebra"):
        tools.get("zebra")


async def test_a_tool_can_be_switched_off_and_on_by_its_name():
    off = Switches("send")
    tools = await registry(Shelf("desk", tool("send"), tool("write")), off=off)
    assert slugs(tools) == ["write"]
    with pytest.raises(NotFound, match="disabled"):
        tools.get("send")
    off.names = frozenset()
    await tools.freshen()
    assert slugs(tools) == ["send", "write"]


async def test_a_toolkit_can_be_switched_off_and_on_by_its_name():
    off = Switches("gmail")
    tools = await registry(Shelf("composio", tool("a", "gmail"), tool("b", "slack")), off=off)
    assert slugs(tools) == ["b"]
    assert tools.toolkits() == {"gmail": 1, "slack": 1}
    off.names = frozenset({"slack"})
    await tools.freshen()
    assert slugs(tools) == ["a"]


async def test_freshening_asks_the_providers_only_if_something_changed():
    shelf, told = Counting("composio", tool("a")), list[list[str]]()

    async def tell(tools: Sequence[ToolSpec]) -> None:
        told.append([spec.slug for spec in tools])

    tools = Registry([shelf], on_change=tell)
    await tools.refresh()
    await tools.freshen()
    assert (shelf.asked, told) == (1, [["a"]])
    shelf.offered, shelf.changed = [tool("b")], True
    await tools.freshen()
    assert (shelf.asked, told) == (2, [["a"], ["b"]])


async def test_a_provider_that_cannot_say_whether_it_changed_stops_no_other():
    broken, shelf = Counting("composio", tool("a")), Counting("mcp", tool("b"))
    broken.cannot_say = sqlite3.DatabaseError("file is not a database")
    tools = await registry(broken, shelf)
    await tools.freshen()
    assert slugs(tools) == ["a", "b"]
    shelf.offered, shelf.changed = [tool("c")], True
    await tools.freshen()
    assert slugs(tools) == ["a", "c"]


class Counting(Shelf):
    """A shelf that says whether it changed, and counts how often it was looked at."""

    asked = 0
    changed = False
    cannot_say: Exception | None = None

    async def tools(self) -> Sequence[ToolSpec]:
        self.asked += 1
        return await super().tools()

    async def has_changed(self) -> bool:
        if self.cannot_say is not None:
            raise self.cannot_say
        return self.changed


async def test_a_call_goes_to_the_provider_of_the_tool():
    desk, composio = Shelf("desk", tool("send")), Shelf("composio", tool("post"))
    tools = await registry(desk, composio)
    result = await tools.call(tools.get("post"), {"text": "hi"}, key="k1")
    assert result.text == "composio did post"
    assert composio.calls == [("post", {"text": "hi"}, "k1")]
    assert desk.calls == []


async def test_a_disabled_tool_is_not_called():
    desk = Shelf("desk", tool("send"))
    off = Switches()
    tools = await registry(desk, off=off)
    spec = tools.get("send")
    off.names = frozenset({"desk"})
    await tools.refresh()
    with pytest.raises(NotFound):
        await tools.call(spec, {}, key="k")
    assert desk.calls == []


async def test_a_toolkit_is_connected_if_one_of_its_tools_has_an_account_or_needs_none():
    free, able, unable = tool("a", "desk"), tool("b", "mail"), tool("c", "chat")
    mine = replace(able, needs_account=True, account="acc_1")
    shelf = Shelf("apps", free, mine, replace(able, slug="d"), replace(unable, needs_account=True))
    tools = await registry(shelf)
    assert tools.connected() == {"desk", "mail"}
    shelf.offered = [free, replace(unable, needs_account=True, account="acc_2")]
    assert tools.connected() == {"desk", "mail"}
    await tools.refresh()
    assert tools.connected() == {"desk", "chat"}


async def test_nothing_is_connected_before_the_first_refresh():
    assert Registry([Shelf("desk", tool("send"))]).connected() == frozenset()
