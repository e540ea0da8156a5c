"""How an account is connected, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from composio.exceptions import (
    ComposioLegacyConnectedAccountsEndpointRetiredError,
    ComposioMultipleConnectedAccountsError,
    SDKError,
    WebhookSignatureVerificationError,
)
from composio_client import BadRequestError, NotFoundError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.servers.composio.accounts import LINK_LASTS, Status
from tests.servers.composio.standin import ComposioStandIn
from tests.servers.composio.webhooks import EXPIRED
from tests.servers.running import running

MANAGED = {"type": "use_composio_managed_auth"}


def link(sdk: Any, toolkit: str = "gmail", user: str = "ana", **more: Any) -> Any:
    config = sdk.auth_configs.create(toolkit, MANAGED)
    return sdk.connected_accounts.link(user, config.id, **more)


def status_of(sdk: Any, identity: str) -> str:
    return sdk.connected_accounts.get(identity).status


def test_an_account_is_active_once_its_user_followed_the_link(sdk: Any):
    request = link(sdk)
    assert status_of(sdk, request.id) == "INITIATED"
    page = httpx.get(request.redirect_url)
    assert page.text.count("<button>") == 1
    assert status_of(sdk, request.id) == "INITIATED"
    assert "connected" in httpx.post(request.redirect_url).text
    account = request.wait_for_connection(timeout=30)
    assert (account.status, account.user_id, account.toolkit.slug) == ("ACTIVE", "ana", "gmail")
    assert httpx.get(request.redirect_url).status_code == 410


def test_the_browser_is_sent_back_to_where_it_came_from(sdk: Any):
    request = link(sdk, callback_url="http://127.0.0.1:1/done?from=nexus")
    answer = httpx.post(request.redirect_url)
    assert answer.status_code == 303
    back = answer.headers["location"]
    assert back == f"http://127.0.0.1:1/done?from=nexus&status=success&connected_account_id={request.id}"


@pytest.mark.parametrize("ending", ["FAILED", "EXPIRED", "REVOKED"])
def test_waiting_ends_when_the_connection_cannot_come_about(sdk: Any, url: str, ending: Status):
    request = link(sdk)
    httpx.post(f"{url}/_control/accounts/{request.id}", json={"status": ending, "reason": "they said no"})
    with pytest.raises(SDKError, match=ending):
        request.wait_for_connection(timeout=30)
    assert sdk.connected_accounts.get(request.id).status_reason == "they said no"


def test_a_link_nobody_followed_in_time_is_of_no_use(sdk: Any, standin: ComposioStandIn):
    request = link(sdk)
    standin.accounts.account(request.id).updated -= LINK_LASTS + timedelta(seconds=1)
    assert httpx.post(request.redirect_url).status_code == 410
    assert status_of(sdk, request.id) == "EXPIRED"


def test_accounts_are_listed_by_user_toolkit_and_status(sdk: Any, standin: ComposioStandIn):
    mine, _ = standin.connect("ana", "gmail"), standin.connect("bo", "gmail")
    standin.connect("ana", "slack")
    sdk.connected_accounts.disable(standin.connect("ana", "gmail").id)
    listed = sdk.connected_accounts.list(user_ids=["ana"], toolkit_slugs=["gmail"], statuses=["ACTIVE"])
    assert [each.id for each in listed.items] == [mine.id]
    assert sdk.connected_accounts.list(limit=2).next_cursor


def test_an_account_is_switched_off_and_on_and_deleted(sdk: Any, standin: ComposioStandIn):
    account = standin.connect("ana", "gmail")
    sdk.connected_accounts.disable(account.id)
    assert sdk.connected_accounts.get(account.id).status == "INACTIVE"
    sdk.connected_accounts.enable(account.id)
    assert status_of(sdk, account.id) == "ACTIVE"
    assert sdk.connected_accounts.revoke(account.id).connected_account.status == "REVOKED"
    with pytest.raises(BadRequestError):
        sdk.connected_accounts.enable(account.id)
    assert sdk.connected_accounts.delete(account.id).success
    with pytest.raises(NotFoundError) as gone:
        sdk.connected_accounts.get(account.id)
    assert gone.value.details["slug"] == "ConnectedAccount_ResourceNotFound"


def test_an_expired_account_is_linked_again(sdk: Any, standin: ComposioStandIn, url: str):
    account = standin.connect("ana", "gmail")
    httpx.post(f"{url}/_control/accounts/{account.id}", json={"status": "EXPIRED"})
    again = sdk.client.connected_accounts.refresh(account.id)
    assert again.status == "INITIATED"
    httpx.post(again.redirect_url)
    assert status_of(sdk, account.id) == "ACTIVE"


def test_a_second_account_of_one_user_must_be_meant(sdk: Any, standin: ComposioStandIn):
    account = standin.connect("ana", "gmail")
    with pytest.raises(ComposioMultipleConnectedAccountsError):
        sdk.connected_accounts.link("ana", account.config.id)
    assert sdk.connected_accounts.link("ana", account.config.id, allow_multiple=True).id != account.id


def test_the_old_way_of_connecting_is_gone_for_managed_oauth(sdk: Any):
    config = sdk.auth_configs.create("gmail", MANAGED)
    with pytest.raises(ComposioLegacyConnectedAccountsEndpointRetiredError):
        sdk.connected_accounts.initiate("ana", config.id)


def test_an_api_key_connects_at_once_and_is_never_shown_again(sdk: Any):
    custom = {"type": "use_custom_auth", "auth_scheme": "API_KEY", "credentials": {}}
    config = sdk.auth_configs.create("linear", custom)
    with pytest.raises(BadRequestError, match="generic_api_key"):
        sdk.connected_accounts.initiate("ana", config.id, config={"auth_scheme": "API_KEY", "val": {}})
    key = {"auth_scheme": "API_KEY", "val": {"status": "ACTIVE", "generic_api_key": "lin_secret"}}
    request = sdk.connected_accounts.initiate("ana", config.id, config=key)
    account = sdk.connected_accounts.get(request.id)
    assert account.status == "ACTIVE"
    assert "lin_secret" not in account.model_dump_json()


def test_an_api_key_can_be_typed_into_the_link_page(sdk: Any):
    custom = {"type": "use_custom_auth", "auth_scheme": "API_KEY", "credentials": {}}
    request = sdk.connected_accounts.link("ana", sdk.auth_configs.create("linear", custom).id)
    assert 'name="generic_api_key"' in httpx.get(request.redirect_url).text
    httpx.post(request.redirect_url, data={"generic_api_key": "lin_secret"})
    assert status_of(sdk, request.id) == "ACTIVE"


def test_ones_own_oauth_app_needs_its_fields(sdk: Any):
    with pytest.raises(BadRequestError, match="no Composio-managed auth"):
        sdk.auth_configs.create("hubspot", MANAGED)
    custom = {"type": "use_custom_auth", "auth_scheme": "OAUTH2"}
    with pytest.raises(BadRequestError, match="client_id, client_secret"):
        sdk.auth_configs.create("hubspot", {**custom, "credentials": {}})
    given = {"client_id": "mine", "client_secret": "shh"}
    config = sdk.auth_configs.create("hubspot", {**custom, "credentials": given})
    shown = sdk.auth_configs.get(config.id)
    assert shown.status == "ENABLED"
    assert "shh" not in shown.model_dump_json()


def test_auth_configs_are_found_switched_off_and_deleted(sdk: Any):
    config = sdk.auth_configs.create("gmail", MANAGED)
    assert [each.id for each in sdk.auth_configs.list(toolkit_slug="gmail").items] == [config.id]
    sdk.auth_configs.disable(config.id)
    with pytest.raises(BadRequestError, match="disabled"):
        sdk.connected_accounts.link("ana", config.id)
    sdk.auth_configs.enable(config.id)
    request = sdk.connected_accounts.link("ana", config.id)
    sdk.auth_configs.delete(config.id)
    with pytest.raises(NotFoundError):
        sdk.connected_accounts.get(request.id)
    with pytest.raises(BadRequestError) as missing:
        sdk.connected_accounts.link("ana", config.id)
    assert missing.value.details["code"] == 607


@pytest.fixture(name="inbox")
def _inbox() -> Iterator[tuple[str, list[tuple[dict[str, str], str]]]]:
    """A receiver of webhooks, and what it received."""
    received: list[tuple[dict[str, str], str]] = []

    async def take(request: Request) -> Response:
        received.append((dict(request.headers), (await request.body()).decode()))
        return PlainTextResponse("ok")

    with running(Starlette(routes=[Route("/hook", take, methods=["POST"])])) as url:
        yield f"{url}/hook", received


async def test_expiry_is_told_with_a_signature_the_sdk_verifies(
    sdk: Any, standin: ComposioStandIn, inbox: tuple[str, list[tuple[dict[str, str], str]]]
):
    url, received = inbox
    subscription = sdk.webhooks.subscriptions.set(webhook_url=url, enabled_events=[EXPIRED])
    account = standin.connect("ana", "gmail")
    await standin.change(account, "EXPIRED", "the refresh token was revoked")
    headers, body = received[0]
    signed = {
        "id": headers["webhook-id"],
        "payload": body,
        "signature": headers["webhook-signature"],
        "timestamp": headers["webhook-timestamp"],
    }
    event = sdk.triggers.verify_webhook(**signed, secret=subscription["secret"])["raw_payload"]
    assert event["type"] == EXPIRED
    assert (event["data"]["id"], event["data"]["user_id"]) == (account.id, "ana")
    with pytest.raises(WebhookSignatureVerificationError):
        sdk.triggers.verify_webhook(**signed, secret="another")
    altered = {**signed, "payload": body.replace("ana", "bo")}
    with pytest.raises(WebhookSignatureVerificationError):
        sdk.triggers.verify_webhook(**altered, secret=subscription["secret"])
    assert standin.webhooks.deliveries[0].answer == 200


async def test_only_wanted_events_are_sent(
    sdk: Any, standin: ComposioStandIn, inbox: tuple[str, list[tuple[dict[str, str], str]]]
):
    url, received = inbox
    await standin.change(standin.connect("ana", "gmail"), "EXPIRED")
    subscription = sdk.webhooks.subscriptions.set(webhook_url=url)
    await standin.change(standin.connect("ana", "gmail"), "EXPIRED")
    await standin.change(standin.connect("ana", "gmail"), "REVOKED")
    assert received == []
    assert EXPIRED in {each.event_type for each in sdk.webhooks.subscriptions.list_event_types().items}
    rotated = sdk.webhooks.subscriptions.rotate_secret(subscription["id"])
    assert rotated.secret != subscription["secret"]
    assert sdk.webhooks.subscriptions.delete(subscription["id"]).success
    assert sdk.webhooks.subscriptions.list().items == []
