"""Tools that act, for one user's account at a time."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from composio_client import BadRequestError, NotFoundError, UnprocessableEntityError

from tests.servers.composio.standin import ComposioStandIn
from tests.servers.composio.toolkits.base import LATEST, OLDER

MAIL = {"recipient_email": "triage@example.com", "body": "Login loops.", "subject": "Bug"}
ISSUES = {"owner": "acme", "repo": "web"}


def run(sdk: Any, slug: str, given: dict[str, Any], user: str = "ana", **more: Any) -> Any:
    return sdk.client.tools.execute(slug, user_id=user, arguments=given, **more)


def test_a_mail_is_sent_once_and_counted(sdk: Any, standin: ComposioStandIn, url: str):
    account = standin.connect("ana", "gmail")
    result = sdk.tools.execute("GMAIL_SEND_EMAIL", MAIL, user_id="ana", version=LATEST)
    assert result["successful"]
    assert result["data"]["labelIds"] == ["SENT"]
    effects = httpx.get(f"{url}/_control/effects").json()
    assert effects["by_tool"] == {"GMAIL_SEND_EMAIL": 1}
    assert effects["effects"][0]["connected_account_id"] == account.id
    requests = httpx.get(f"{url}/_control/requests").json()
    assert requests["counts"]["POST /tools/execute/GMAIL_SEND_EMAIL"] == 1
    assert requests["requests"][-1]["body"]["arguments"] == MAIL


def test_the_log_id_is_on_the_wire(sdk: Any, standin: ComposioStandIn):
    standin.connect("ana", "gmail")
    assert run(sdk, "GMAIL_SEND_EMAIL", MAIL).log_id == standin.execution.effects[0].log_id


def test_reading_is_no_effect_and_uses_the_defaults(sdk: Any, standin: ComposioStandIn):
    standin.connect("ana", "github")
    result = run(sdk, "GITHUB_LIST_REPOSITORY_ISSUES", {**ISSUES, "labels": "bug"})
    assert [issue["number"] for issue in result.data["issues"]] == [3, 1]
    assert standin.effects() == 0


@pytest.mark.parametrize(
    ("slug", "given", "said"),
    [
        ("GMAIL_SEND_EMAIL", {"body": "Hi"}, "Following fields are missing: {'recipient_email'}"),
        ("GITHUB_LIST_REPOSITORY_ISSUES", {**ISSUES, "state": "new"}, "'new' is not one of"),
        ("SLACK_SEND_MESSAGE", {"channel": "general", "text": "Hi"}, "$.channel"),
        ("LINEAR_CREATE_LINEAR_ISSUE", {"team_id": "Web", "title": "x"}, "$.team_id"),
        ("LINEAR_LIST_LINEAR_ISSUES", {"first": "5"}, "is not of type 'integer'"),
        ("NOTION_ADD_PAGE_CONTENT", {"parent_block_id": "0", "content_block": {}}, "$.parent_block_id"),
        ("GOOGLECALENDAR_CREATE_EVENT", {"summary": "x", "start_datetime": "noon"}, "$.start_datetime"),
        ("HUBSPOT_CREATE_CONTACT", {"email": "a@b.co", "lifecyclestage": "hot"}, "'hot' is not one of"),
    ],
)
def test_arguments_that_do_not_fit_are_said_and_change_nothing(
    sdk: Any, standin: ComposioStandIn, slug: str, given: dict[str, Any], said: str
):
    standin.connect("ana", standin.catalogue.tools[slug].toolkit)
    result = run(sdk, slug, given)
    assert not result.successful
    assert said in result.error
    assert standin.effects() == 0


def test_every_tool_that_acts_keeps_what_it_did(sdk: Any, standin: ComposioStandIn, url: str):
    """A walk through the apps: each step uses what the one before made."""
    for toolkit in standin.catalogue.toolkits:
        standin.connect("ana", toolkit)
    channel = run(sdk, "SLACK_LIST_ALL_CHANNELS", {}).data["channels"][0]["id"]
    posted = run(sdk, "SLACK_SEND_MESSAGE", {"channel": channel, "text": "Hi"}).data
    reaction = {"channel": channel, "timestamp": posted["ts"], "name": "tada"}
    assert run(sdk, "SLACK_ADD_REACTION_TO_AN_ITEM", reaction).successful
    history = run(sdk, "SLACK_FETCH_CONVERSATION_HISTORY", {"channel": channel}).data["messages"]
    assert history == [{"ts": posted["ts"], "text": "Hi", "reactions": ["tada"]}]
    page = run(sdk, "NOTION_SEARCH_NOTION_PAGE", {"query": "handbook"}).data["results"][0]["id"]
    made = run(sdk, "NOTION_CREATE_NOTION_PAGE", {"parent_id": page, "title": "Bugs"}).data["id"]
    block = {"parent_block_id": made, "content_block": {"content": "Login loops"}}
    assert run(sdk, "NOTION_ADD_PAGE_CONTENT", block).data["blocks"] == [{"content": "Login loops"}]
    assert run(sdk, "NOTION_ARCHIVE_NOTION_PAGE", {"page_id": made}).data["archived"]
    event = {"summary": "Bug hunt", "start_datetime": "2026-08-25T09:00:00"}
    made = run(sdk, "GOOGLECALENDAR_CREATE_EVENT", event).data
    assert made["event_duration_minutes"] == 30
    moved = {"event_id": made["id"], "start_datetime": "2026-08-26T09:00:00"}
    assert run(sdk, "GOOGLECALENDAR_UPDATE_EVENT", moved).successful
    found = run(sdk, "GOOGLECALENDAR_FIND_EVENT", {"query": "bug"}).data["items"]
    assert found[0]["start_datetime"] == "2026-08-26T09:00:00"
    assert run(sdk, "GOOGLECALENDAR_DELETE_EVENT", {"event_id": made["id"]}).successful
    team = run(sdk, "LINEAR_LIST_LINEAR_TEAMS", {}).data["teams"][0]["id"]
    issue = run(sdk, "LINEAR_CREATE_LINEAR_ISSUE", {"team_id": team, "title": "Login"}).data["id"]
    assert run(sdk, "LINEAR_UPDATE_ISSUE", {"issue_id": issue, "state": "done"}).data["state"] == "done"
    contact = run(sdk, "HUBSPOT_CREATE_CONTACT", {"email": "bo@example.com"}).data["id"]
    assert run(sdk, "HUBSPOT_DELETE_CONTACT", {"contact_id": contact}).successful
    new = run(sdk, "GITHUB_CREATE_AN_ISSUE", {**ISSUES, "title": "Crash"}).data["number"]
    assert run(sdk, "GITHUB_UPDATE_AN_ISSUE", {**ISSUES, "issue_number": new, "state": "closed"}).successful
    comment = {**ISSUES, "issue_number": new, "body": "Fixed"}
    assert run(sdk, "GITHUB_CREATE_AN_ISSUE_COMMENT", comment).successful
    assert run(sdk, "GITHUB_GET_AN_ISSUE", {**ISSUES, "issue_number": new}).data["comments"] == ["Fixed"]
    mail = run(sdk, "GMAIL_FETCH_EMAILS", {"query": "invoice"}).data["messages"][0]["messageId"]
    assert run(sdk, "GMAIL_MOVE_TO_TRASH", {"message_id": mail}).successful
    read = run(sdk, "GMAIL_FETCH_MESSAGE_BY_MESSAGE_ID", {"message_id": mail}).data
    assert read["labelIds"] == ["TRASH"]
    holds = {each["toolkit"]: each["holds"] for each in httpx.get(f"{url}/_control/state").json()}
    assert holds["github"]["repositories"]["acme/web"][-1]["title"] == "Crash"
    assert standin.effects() == 16


def test_an_app_that_says_no_is_no_success(sdk: Any, standin: ComposioStandIn):
    standin.connect("ana", "github")
    result = run(sdk, "GITHUB_GET_AN_ISSUE", {"owner": "acme", "repo": "nope", "issue_number": 1})
    assert not result.successful
    assert "404" in result.error
    assert standin.effects() == 0


def test_each_user_acts_on_their_own_account(sdk: Any, standin: ComposioStandIn):
    hers, his = standin.connect("ana", "github"), standin.connect("bo", "github")
    run(sdk, "GITHUB_CREATE_AN_ISSUE", {**ISSUES, "title": "Hers"})
    seen = run(sdk, "GITHUB_LIST_REPOSITORY_ISSUES", ISSUES, user="bo").data["issues"]
    assert "Hers" not in {issue["title"] for issue in seen}
    assert standin.execution.state(hers) is not standin.execution.state(his)
    with pytest.raises(BadRequestError) as refused:
        run(sdk, "GITHUB_LIST_REPOSITORY_ISSUES", ISSUES, user="bo", connected_account_id=hers.id)
    assert refused.value.details["slug"] == "ActionExecute_ConnectedAccountEntityIdMismatch"


def test_without_an_account_nothing_runs(sdk: Any, standin: ComposioStandIn):
    with pytest.raises(NotFoundError) as missing:
        run(sdk, "GMAIL_SEND_EMAIL", MAIL)
    assert missing.value.details["slug"] == "ActionExecute_ConnectedAccountNotFound"
    assert missing.value.details["code"] == 1810
    with pytest.raises(BadRequestError) as nobody:
        sdk.client.tools.execute("GMAIL_SEND_EMAIL", arguments=MAIL)
    assert nobody.value.details["code"] == 1811
    assert standin.effects() == 0


async def test_an_expired_account_cannot_be_used(sdk: Any, standin: ComposioStandIn):
    account = standin.connect("ana", "gmail")
    await standin.change(account, "EXPIRED")
    with pytest.raises(UnprocessableEntityError):
        run(sdk, "GMAIL_SEND_EMAIL", MAIL, connected_account_id=account.id)
    with pytest.raises(NotFoundError):
        run(sdk, "GMAIL_SEND_EMAIL", MAIL)
    assert standin.effects() == 0


def test_a_tool_runs_only_in_the_versions_that_have_it(sdk: Any, standin: ComposioStandIn):
    standin.connect("ana", "gmail")
    draft = {"recipient_email": "a@example.com", "body": "x"}
    with pytest.raises(NotFoundError):
        run(sdk, "GMAIL_CREATE_EMAIL_DRAFT", draft, version=OLDER)
    assert run(sdk, "GMAIL_CREATE_EMAIL_DRAFT", draft, version=LATEST).successful
    with pytest.raises(NotFoundError):
        run(sdk, "GMAIL_SEND_EMAIL", MAIL, version="19990101_00")
