"""Sessions, as the real SDK uses them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from composio.exceptions import ToolInputRequiredError
from composio_client import NotFoundError

from tests.servers.composio.standin import ComposioStandIn

MAIL = {"recipient_email": "triage@example.com", "body": "Login loops."}


def test_a_session_runs_tools_for_its_user(sdk: Any, standin: ComposioStandIn):
    standin.connect("ana", "gmail")
    session = sdk.create(user_id="ana", toolkits=["gmail", "slack"])
    result = session.execute("GMAIL_SEND_EMAIL", arguments=MAIL)
    assert (result.result_type, result.error) == ("completed", None)
    assert standin.execution.effects[0].user_id == "ana"
    assert session.execute("GMAIL_SEND_EMAIL", arguments={}).result_type == "failed"
    with pytest.raises(NotFoundError):
        session.execute("NOTION_SEARCH_NOTION_PAGE", arguments={})


def test_a_session_gives_the_tools_it_was_made_with(sdk: Any, standin: ComposioStandIn):
    session = sdk.create(
        user_id="ana", toolkits=["gmail"], tools={"gmail": {"disable": ["GMAIL_MOVE_TO_TRASH"]}}
    )
    assert [each.slug for each in session.toolkits().items] == ["gmail"]
    everything = sdk.create(user_id="ana", toolkits=["gmail"], preload={"tools": "all"})
    listed = sdk.client.tool_router.session.tools(everything.session_id, limit=500).items
    assert {each.slug for each in listed} == {
        each.slug for each in standin.catalogue.tools.values() if each.toolkit == "gmail"
    }
    again = sdk.use(session.session_id)
    with pytest.raises(NotFoundError):
        again.execute("GMAIL_MOVE_TO_TRASH", arguments={})


def test_a_session_links_an_account_and_finds_tools(sdk: Any):
    session = sdk.create(user_id="ana", toolkits=["gmail"])
    request = session.authorize("gmail")
    found = session.search(query="send a mail")
    assert "GMAIL_SEND_EMAIL" in found.results[0].primary_tool_slugs
    assert not found.toolkit_connection_statuses[0].has_active_connection
    httpx.post(request.redirect_url)
    assert session.search(query="send a mail").toolkit_connection_statuses[0].has_active_connection


def test_a_call_that_needs_an_approval_waits_for_it(sdk: Any, standin: ComposioStandIn):
    standin.connect("ana", "gmail")
    session = sdk.create(user_id="ana", toolkits=["gmail"], tags={"require_approval": ["createHint"]})
    with pytest.raises(ToolInputRequiredError) as asked:
        session.execute("GMAIL_SEND_EMAIL", arguments=MAIL)
    assert standin.effects() == 0
    yes = {
        name: {"action": "accept", "content": {"decision": "approve"}} for name in asked.value.input_requests
    }
    told = {"input_responses": yes, "request_state": asked.value.request_state}
    assert session.execute("GMAIL_SEND_EMAIL", arguments=MAIL, **told).result_type == "completed"
    with pytest.raises(ToolInputRequiredError):
        session.execute("GMAIL_SEND_EMAIL", arguments={**MAIL, "body": "Another"}, **told)
    assert standin.effects() == 1


def test_a_deleted_session_is_gone(sdk: Any):
    session = sdk.create(user_id="ana", toolkits=["gmail"])
    session.delete()
    with pytest.raises(NotFoundError):
        sdk.use(session.session_id)
