"""What goes wrong when it is told to, as the real SDK reports it."""

from __future__ import annotations

from typing import Any, get_args

import composio_client as client
import httpx
import pytest

from tests.servers.composio.faults import Kind
from tests.servers.composio.standin import ComposioStandIn

MAIL = {"recipient_email": "triage@example.com", "body": "Login loops."}
RAISED: dict[Kind, type[Exception]] = {
    "timeout": client.APITimeoutError,
    "drop": client.APIConnectionError,
    "401": client.AuthenticationError,
    "403": client.PermissionDeniedError,
    "404": client.NotFoundError,
    "409": client.ConflictError,
    "422": client.UnprocessableEntityError,
    "429": client.RateLimitError,
    "500": client.InternalServerError,
    "502": client.InternalServerError,
}
ANSWERED: tuple[Kind, ...] = ("unsuccessful", "junk")


def send(sdk: Any, **more: Any) -> Any:
    return sdk.client.without_retries.tools.execute("GMAIL_SEND_EMAIL", user_id="ana", arguments=MAIL, **more)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", RAISED)
def test_a_fault_raises_what_the_sdk_makes_of_it_and_posts_once(
    sdk: Any, standin: ComposioStandIn, kind: Kind, when: Any
):
    standin.connect("ana", "gmail")
    standin.fault(kind, when)
    with pytest.raises(RAISED[kind]):
        send(sdk, timeout=1 if kind == "timeout" else 60)
    assert standin.app.struck.wait(60)
    assert standin.effects("GMAIL_SEND_EMAIL") == (when == "after")
    assert standin.posts("GMAIL_SEND_EMAIL") == 1
    assert send(sdk).successful


def test_every_fault_is_tried():
    assert set(get_args(Kind)) == {*RAISED, *ANSWERED}


def test_a_rate_limit_has_the_real_body_and_says_when_to_come_back(sdk: Any, standin: ComposioStandIn):
    standin.fault("429", retry_after=7)
    with pytest.raises(client.RateLimitError) as limited:
        send(sdk)
    assert limited.value.response.headers["retry-after"] == "7"
    assert limited.value.body == {"message": "Rate limit exceeded. Limit: 2000 requests per 1 minutes"}


def test_a_failure_of_the_app_arrives_as_an_answer(sdk: Any, standin: ComposioStandIn):
    standin.fault("unsuccessful", message="Quota exceeded")
    result = send(sdk)
    assert (result.successful, result.error) == (False, "Quota exceeded")


def test_junk_is_not_taken_for_a_result(sdk: Any, standin: ComposioStandIn):
    standin.connect("ana", "gmail")
    standin.fault("junk", "after")
    with pytest.raises(client.ComposioError):
        send(sdk)
    assert standin.effects() == 1


def test_faults_can_hit_any_request_and_wait_for_their_turn(sdk: Any, standin: ComposioStandIn, url: str):
    fault = {"kind": "500", "on": "GET /tools", "skip": 1, "times": 2}
    assert httpx.post(f"{url}/_control/faults", json=fault).status_code == 201
    sdk.client.tools.list()
    for _ in range(2):
        with pytest.raises(client.InternalServerError):
            sdk.client.tools.list()
    sdk.client.tools.list()
    standin.fault("401", times=9)
    assert httpx.delete(f"{url}/_control/faults").json() == {"removed": 1}
    assert httpx.get(f"{url}/_control/faults").json() == []


def test_reads_are_retried_by_the_sdk_and_effects_are_not(sdk: Any, standin: ComposioStandIn):
    standin.connect("ana", "gmail")
    retrying = sdk.client.with_options(max_retries=2)
    standin.fault("429", on="GET /toolkits", times=2, retry_after=0)
    assert retrying.toolkits.list().items
    assert standin.app.counts()["GET /toolkits"] == 3
    standin.fault("500", times=9)
    with pytest.raises(client.InternalServerError):
        sdk.tools.execute("GMAIL_SEND_EMAIL", MAIL, user_id="ana", dangerously_skip_version_check=True)
    assert standin.posts("GMAIL_SEND_EMAIL") == 1
