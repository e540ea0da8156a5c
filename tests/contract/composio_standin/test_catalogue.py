"""Toolkits and tools as the real SDK sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from composio.exceptions import ToolNotFoundError
from composio_client import AuthenticationError, BadRequestError, NotFoundError

from tests.servers.composio.contract import contract_file
from tests.servers.composio.sdk import real_sdk
from tests.servers.composio.standin import ComposioStandIn
from tests.servers.composio.toolkits.base import LATEST, OLDER

CATALOGUE = contract_file().with_name("catalog.jsonl")


def every_tool(sdk: Any, limit: int, **wanted: Any) -> list[Any]:
    tools: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = sdk.client.tools.list(limit=limit, **cursor, **wanted)
        tools += page.items
        if not page.next_cursor:
            return tools
        cursor = {"cursor": page.next_cursor}


def test_the_pages_of_a_list_hold_every_tool_once(sdk: Any, standin: ComposioStandIn):
    slugs = [tool.slug for tool in every_tool(sdk, limit=7)]
    assert sorted(slugs) == sorted(standin.catalogue.tools)


def test_the_sdk_alone_gets_the_first_page_only(sdk: Any, standin: ComposioStandIn):
    toolkits = list(standin.catalogue.toolkits)
    assert len(sdk.tools.get_raw_composio_tools(toolkits=toolkits, limit=5)) == 5


def test_raw_tools_keep_their_tags(sdk: Any):
    tags = {tool.slug: set(tool.tags) for tool in sdk.tools.get_raw_composio_tools(toolkits=["gmail"])}
    assert {"createHint", "openWorldHint", "important"} == tags["GMAIL_SEND_EMAIL"]
    assert "readOnlyHint" in tags["GMAIL_FETCH_EMAILS"]
    assert "destructiveHint" in tags["GMAIL_MOVE_TO_TRASH"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"tool_slugs": "SLACK_SEND_MESSAGE,GMAIL_SEND_EMAIL"}, {"SLACK_SEND_MESSAGE", "GMAIL_SEND_EMAIL"}),
        ({"query": "trash"}, {"GMAIL_MOVE_TO_TRASH", "NOTION_ARCHIVE_NOTION_PAGE"}),
        ({"toolkit_slug": "slack", "important": "true"}, {"SLACK_SEND_MESSAGE"}),
        (
            {"toolkit_slug": "gmail,notion", "tags": ["destructiveHint"]},
            {"GMAIL_MOVE_TO_TRASH", "NOTION_ARCHIVE_NOTION_PAGE"},
        ),
    ],
)
def test_a_list_can_be_narrowed_down(sdk: Any, wanted: dict[str, Any], expected: set[str]):
    assert {tool.slug for tool in every_tool(sdk, limit=100, **wanted)} == expected


def test_a_pinned_version_lacks_the_tools_added_later(sdk: Any):
    older = every_tool(sdk, limit=100, toolkit_slug="gmail", toolkit_versions={"gmail": OLDER})
    latest = every_tool(sdk, limit=100, toolkit_slug="gmail", toolkit_versions="latest")
    assert {tool.slug for tool in latest} - {tool.slug for tool in older} == {"GMAIL_CREATE_EMAIL_DRAFT"}
    assert {tool.version for tool in older} == {OLDER}
    assert {tool.version for tool in latest} == {LATEST}


def test_a_published_version_becomes_the_latest(sdk: Any, url: str):
    httpx.post(f"{url}/_control/toolkits/gmail/versions", json={"version": "20261101_00"})
    assert sdk.tools.get_raw_composio_tool_by_slug("GMAIL_SEND_EMAIL").version == "20261101_00"
    pinned = every_tool(sdk, limit=100, toolkit_slug="gmail", toolkit_versions={"gmail": LATEST})
    assert {tool.version for tool in pinned} == {LATEST}


def test_what_is_not_there_is_said_to_be_not_there(sdk: Any):
    with pytest.raises(ToolNotFoundError):
        sdk.tools.get_raw_composio_tool_by_slug("GMAIL_FLY")
    with pytest.raises(NotFoundError):
        sdk.toolkits.get("flying")
    with pytest.raises(BadRequestError):
        sdk.client.tools.list(cursor="nonsense")


def test_toolkits_are_listed_and_say_what_they_need(sdk: Any, standin: ComposioStandIn):
    listed = sdk.toolkits.list(limit=100, sort_by="alphabetically").items
    assert [toolkit.slug for toolkit in listed] == sorted(standin.catalogue.toolkits)
    assert {toolkit.slug: toolkit.meta.tools_count for toolkit in listed}["slack"] == 4
    fields = sdk.toolkits.get_auth_config_creation_fields("hubspot", "OAUTH2")
    assert [field.name for field in fields] == ["client_id", "client_secret"]
    fields = sdk.toolkits.get_connected_account_initiation_fields("linear", "API_KEY", required_only=True)
    assert [field.name for field in fields] == ["generic_api_key"]
    assert "email" in {category.id for category in sdk.toolkits.list_categories()}


def test_a_wrong_key_is_refused(url: str, tmp_path: Path):
    with real_sdk(url, tmp_path, key="ak_wrong") as stranger, pytest.raises(AuthenticationError) as refused:
        stranger.client.tools.list()
    assert refused.value.details is not None


@pytest.mark.skipif(not CATALOGUE.is_file(), reason="the catalogue to measure with is not here")
def test_a_catalogue_of_ten_thousand_tools_is_read_page_by_page(sdk: Any, standin: ComposioStandIn, url: str):
    loaded = httpx.post(f"{url}/_control/catalogue", json={"path": str(CATALOGUE)}, timeout=60).json()
    standin.guard.contract = None  # 7 s of computing for 12,000 tools; other tests hold the shape to it
    tools = every_tool(sdk, limit=1000)
    assert len({tool.slug for tool in tools}) == len(tools) == loaded["tools"] >= 10_000
    assert {tool.slug: tool for tool in tools}["GMAIL_SEND_EMAIL"].version == LATEST


@pytest.mark.skipif(not CATALOGUE.is_file(), reason="the catalogue to measure with is not here")
def test_a_listed_tool_that_does_not_act_says_so(sdk: Any, standin: ComposioStandIn):
    standin.catalogue.load(CATALOGUE)
    slug = next(each.slug for each in standin.catalogue.tools.values() if each.run is None)
    tool = standin.catalogue.tools[slug]
    standin.connect("ana", tool.toolkit)
    given = dict.fromkeys(tool.parameters.get("required", []), "x")
    with pytest.raises(Exception, match="listed here") as refused:
        sdk.client.tools.execute(slug, user_id="ana", arguments=given)
    assert getattr(refused.value, "status_code", None) == 501
