"""The stand-in is held to the wire contract, and the check is worth something."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.servers.composio import errors
from tests.servers.composio.contract import contract_file
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.running import running

OFFICIAL = contract_file().with_name("openapi_official_v31.json")
pytestmark = pytest.mark.skipif(not contract_file().is_file(), reason="the wire contract is not here")


def test_the_contract_is_read_where_it_is_there(standin: ComposioStandIn):
    assert standin.guard.contract is not None


@pytest.mark.parametrize("path", ["tools", "tools/GMAIL_SEND_EMAIL"])
def test_an_answer_that_breaks_the_contract_is_caught(path: str):
    standin = ComposioStandIn()
    broken: Any = 5
    tools = standin.catalogue.tools
    tools["GMAIL_SEND_EMAIL"] = replace(tools["GMAIL_SEND_EMAIL"], name=broken)
    with running(standin.app) as url:
        answer = httpx.get(f"{url}/api/v3.1/{path}?limit=100", headers={"x-api-key": KEY})
    assert answer.status_code == 500
    assert "name: 5 is not of type 'string'" in answer.json()["contract_violation"]
    assert len(standin.guard.violations) == 1


def test_a_route_the_contract_does_not_have_is_caught():
    standin = ComposioStandIn()
    contract = standin.guard.contract
    assert contract is not None
    assert contract.fault("GET", "/api/v3.1/wishes", {}) == "the contract has no GET /api/v3.1/wishes"


@pytest.mark.skipif(not OFFICIAL.is_file(), reason="the official document is not here")
@pytest.mark.parametrize(
    "error",
    [
        errors.unauthorized(),
        errors.bad_request("no", ["a: missing"]),
        errors.not_found("This"),
        errors.toolkit_not_found("x"),
        errors.tool_not_found("X"),
        errors.auth_config_not_found("ac_1"),
        errors.account_not_found("ca_1"),
        errors.managed_endpoint_retired(),
        errors.no_account("ana", "gmail"),
        errors.user_required(),
        errors.wrong_user(),
        errors.account_unusable("ca_1", "EXPIRED"),
    ],
    ids=lambda error: error.body["error"]["slug"],
)
def test_every_error_has_the_official_shape(error: errors.ApiError):
    schema = json.loads(OFFICIAL.read_text("utf-8"))["components"]["schemas"]["Error"]
    Draft202012Validator(schema).validate(error.body)


def test_a_malformed_request_is_answered_in_the_same_shape(url: str):
    headers = {"x-api-key": KEY}
    answer = httpx.post(f"{url}/api/v3.1/connected_accounts/link", json={}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["errors"] == [
        "body.auth_config_id: Field required",
        "body.user_id: Field required",
    ]
    assert httpx.get(f"{url}/api/v3.1/wishes", headers=headers).json()["error"]["status"] == 404
