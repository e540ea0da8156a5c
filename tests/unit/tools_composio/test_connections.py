"""Accounts at Composio, over real HTTP to the stand-in."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from nexus.errors import Conflict, InvalidInput, NotFound, Unavailable
from nexus.ports.connections import Connection
from nexus.testing import FakeClock
from nexus.tools.composio.client import open_composio
from nexus.tools.composio.connections import ComposioConnections
from tests.servers.composio.accounts import LINK_LASTS, Status
from tests.servers.composio.faults import Fault
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.composio.toolkits.base import API_KEY, OAUTH, OWN_OAUTH, Field, Scheme
from tests.servers.running import running

if TYPE_CHECKING:
    from composio_client import AsyncComposio

LINKS = "POST /connected_accounts/link"


@pytest.fixture(name="standin")
def _standin() -> Iterator[ComposioStandIn]:
    standin = ComposioStandIn()
    yield standin
    assert standin.guard.violations == []


@pytest.fixture(name="url")
def _url(standin: ComposioStandIn) -> Iterator[str]:
    with running(standin.app) as url:
        yield url


@pytest.fixture(name="told")
def _told() -> list[tuple[str, Connection]]:
    """What was told of changes, and to whom it belongs."""
    return []


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    """As late as it is for the stand-in."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture(name="connections")
async def _connections(
    url: str, told: list[tuple[str, Connection]], clock: FakeClock
) -> AsyncIterator[ComposioConnections]:
    async def changed(user: str, connection: Connection) -> None:
        told.append((user, connection))

    async with open_composio(KEY, base_url=url) as client:

        async def shared() -> AsyncComposio:
            return client

        yield ComposioConnections(shared, clock=clock, changed=changed, first_pause=0.01)


def follow(connection: Connection, **typed: str) -> None:
    """Do what the person does in the browser."""
    assert connection.link is not None
    httpx.post(connection.link.url, data=typed).raise_for_status()


async def test_a_link_is_opened_and_waited_for(
    connections: ComposioConnections, told: list[tuple[str, Connection]]
):
    opened = await connections.connect("ana", "gmail")
    assert (opened.toolkit, opened.state, told) == ("gmail", "waiting", [])
    waiting = asyncio.create_task(connections.get("ana", opened.id, wait=60))
    await asyncio.to_thread(follow, opened)
    found = await waiting
    assert (found.id, found.state, found.link) == (opened.id, "active", None)
    assert [(user, each.id, each.state) for user, each in told] == [("ana", opened.id, "active")]


async def test_looking_without_waiting_answers_at_once_with_the_link(connections: ComposioConnections):
    opened = await connections.connect("ana", "gmail")
    found = await connections.get("ana", opened.id)
    assert (found.state, found.link) == ("waiting", opened.link)
    assert [(each.id, each.link) for each in await connections.all("ana")] == [(opened.id, opened.link)]


async def test_an_active_account_is_found_and_no_link_is_made(
    connections: ComposioConnections, standin: ComposioStandIn
):
    account = standin.connect("ana", "gmail")
    found = await connections.connect("ana", " Gmail ")
    assert (found.id, found.state, found.link) == (account.id, "active", None)
    assert standin.app.counts()[LINKS] == 0


async def test_asking_again_gives_the_same_link_also_to_two_who_ask_at_once(
    connections: ComposioConnections, standin: ComposioStandIn
):
    first, second = await asyncio.gather(
        connections.connect("ana", "gmail"), connections.connect("ana", "gmail")
    )
    third = await connections.connect("ana", "gmail")
    assert first.link == second.link == third.link
    assert standin.app.counts()[LINKS] == 1


async def test_a_link_that_is_over_is_made_anew(
    connections: ComposioConnections, standin: ComposioStandIn, clock: FakeClock
):
    first = await connections.connect("ana", "gmail")
    assert first.link is not None
    clock.time = first.link.expires_at
    again = await connections.connect("ana", "gmail")
    assert (again.id != first.id, standin.app.counts()[LINKS]) == (True, 2)


@pytest.mark.parametrize(
    ("status", "state"), [("FAILED", "failed"), ("EXPIRED", "expired"), ("REVOKED", "revoked")]
)
async def test_waiting_ends_with_what_went_wrong(
    connections: ComposioConnections, standin: ComposioStandIn, status: Status, state: str
):
    opened = await connections.connect("ana", "gmail")
    standin.accounts.account(opened.id).set(status, "they said no")
    found = await connections.get("ana", opened.id, wait=60)
    assert (found.state, found.reason) == (state, "they said no")
    again = await connections.connect("ana", "gmail")
    assert again.id != opened.id


async def test_waiting_ends_when_the_time_is_over(connections: ComposioConnections):
    opened = await connections.connect("ana", "gmail")
    assert (await connections.get("ana", opened.id, wait=0.05)).state == "waiting"


async def test_a_link_nobody_followed_expires(connections: ComposioConnections, standin: ComposioStandIn):
    opened = await connections.connect("ana", "gmail")
    assert opened.link is not None
    standin.accounts.account(opened.id).updated -= LINK_LASTS + timedelta(seconds=1)
    assert (await asyncio.to_thread(httpx.get, opened.link.url)).status_code == 410
    assert (await connections.get("ana", opened.id, wait=60)).state == "expired"


async def test_waiting_outlasts_a_moment_without_composio(
    connections: ComposioConnections, standin: ComposioStandIn
):
    opened = await connections.connect("ana", "gmail")
    standin.app.waiting.append(Fault(kind="401", on="GET /connected_accounts/*"))
    await asyncio.to_thread(follow, opened)
    assert (await connections.get("ana", opened.id, wait=60)).state == "active"


async def test_an_app_that_is_not_there_is_answered_with_the_nearest(connections: ComposioConnections):
    with pytest.raises(NotFound, match="The nearest names are gmail"):
        await connections.connect("ana", "gmial")
    with pytest.raises(InvalidInput, match="no name of an app"):
        await connections.connect("ana", "../tools")


async def test_an_app_without_accounts_says_so(connections: ComposioConnections, standin: ComposioStandIn):
    standin.catalogue.toolkits["notion"].schemes = (Scheme("NO_AUTH"),)
    with pytest.raises(Conflict, match="needs no account"):
        await connections.connect("ana", "notion")


async def test_an_api_key_is_asked_for_and_connects_at_once(
    connections: ComposioConnections,
    standin: ComposioStandIn,
    told: list[tuple[str, Connection]],
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    (field,) = await connections.needs("ana", "linear")
    assert (field.name, field.label, field.is_secret) == ("generic_api_key", "API key", True)
    with pytest.raises(InvalidInput, match="linear needs it") as missing:
        await connections.connect("ana", "linear")
    assert missing.value.field == "fields.generic_api_key"
    found = await connections.connect("ana", "linear", {"generic_api_key": "lin_secret"})
    assert (found.state, found.link, [user for user, _ in told]) == ("active", None, ["ana"])
    assert standin.accounts.account(found.id).values == {"generic_api_key": "lin_secret"}
    assert "lin_secret" not in caplog.text


async def test_ones_own_oauth_app_is_asked_for_once_for_all_users(
    connections: ComposioConnections, standin: ComposioStandIn
):
    assert [field.name for field in await connections.needs("owner", "hubspot")] == [
        "client_id",
        "client_secret",
    ]
    opened = await connections.connect("owner", "hubspot", {"client_id": "mine", "client_secret": "shh"})
    assert opened.state == "waiting"
    (config,) = standin.accounts.configs.values()
    assert config.credentials == {"client_id": "mine", "client_secret": "shh"}
    assert await connections.needs("bo", "hubspot") == []
    assert (await connections.connect("bo", "hubspot")).state == "waiting"
    assert len(standin.accounts.configs) == 1


async def test_what_is_everybodys_only_the_owner_sets_up(
    connections: ComposioConnections, standin: ComposioStandIn
):
    """Else others would sign in at an OAuth app of whoever was first."""
    with pytest.raises(Conflict, match="The owner has to connect it first"):
        await connections.needs("mallory", "hubspot")
    with pytest.raises(Conflict, match="The owner has to connect it first"):
        await connections.connect("mallory", "hubspot", {"client_id": "hers", "client_secret": "shh"})
    assert standin.accounts.configs == {}


async def test_another_key_makes_another_account(connections: ComposioConnections, standin: ComposioStandIn):
    first = await connections.connect("ana", "linear", {"generic_api_key": "old"})
    second = await connections.connect("ana", "linear", {"generic_api_key": "new"})
    assert standin.accounts.account(second.id).values == {"generic_api_key": "new"}
    assert (await connections.connect("ana", "linear")).id == second.id != first.id


@pytest.mark.parametrize("identity", ["..", ".", "", "a/b", "ca_1?x=1"])
async def test_what_can_be_no_id_is_not_found_and_not_asked_for(
    connections: ComposioConnections, standin: ComposioStandIn, identity: str
):
    with pytest.raises(NotFound):
        await connections.get("ana", identity)
    assert standin.app.seen == []


async def test_names_of_apps_that_are_not_there_leave_nothing_behind(connections: ComposioConnections):
    for number in range(3):
        with pytest.raises(NotFound):
            await connections.connect("ana", f"madeup{number}")
    gc.collect()
    assert len(connections._turns) == 0


async def test_what_an_oauth_app_asks_of_each_account_goes_along_with_the_link(
    connections: ComposioConnections, standin: ComposioStandIn
):
    shop = Field("shop", "Shop", "The name of your shop.")
    standin.catalogue.toolkits["notion"].schemes = (Scheme("OAUTH2", managed=True, initiation=(shop,)),)
    opened = await connections.connect("ana", "notion", {"shop": "acme"})
    assert standin.accounts.account(opened.id).values == {"shop": "acme"}


async def test_composios_own_oauth_app_is_preferred(
    connections: ComposioConnections, standin: ComposioStandIn
):
    standin.catalogue.toolkits["notion"].schemes = (OWN_OAUTH, API_KEY, OAUTH)
    assert await connections.needs("ana", "notion") == []
    standin.catalogue.toolkits["notion"].schemes = (OWN_OAUTH, API_KEY)
    assert [field.name for field in await connections.needs("ana", "notion")] == ["generic_api_key"]


async def test_a_field_nobody_asks_for_is_refused(connections: ComposioConnections, standin: ComposioStandIn):
    with pytest.raises(InvalidInput, match="does not ask for it") as unknown:
        await connections.connect("ana", "gmail", {"password": "shh"})
    assert unknown.value.field == "fields.password"
    assert standin.app.counts()[LINKS] == 0


async def test_a_secret_that_composio_repeats_does_not_get_into_the_error(
    connections: ComposioConnections, standin: ComposioStandIn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        "tests.servers.composio.faults._STATUS", {"422": ("HTTP_Bad", "the key lin_secret is wrong")}
    )
    standin.app.waiting.append(Fault(kind="422", on="POST /connected_accounts"))
    with pytest.raises(InvalidInput, match="the key … is wrong") as refused:
        await connections.connect("ana", "linear", {"generic_api_key": "lin_secret"})
    assert refused.value.__suppress_context__


async def test_a_user_sees_and_removes_only_their_own(
    connections: ComposioConnections, standin: ComposioStandIn
):
    mine, theirs = standin.connect("ana", "gmail"), standin.connect("bo", "gmail")
    assert [each.id for each in await connections.all("ana")] == [mine.id]
    strange: list[Callable[[str, str], Awaitable[Connection]]] = [
        connections.get,
        connections.remove,
        connections.reconnect,
    ]
    for ask in strange:
        with pytest.raises(NotFound) as foreign:
            await ask("ana", theirs.id)
        with pytest.raises(NotFound) as missing:
            await ask("ana", "ca_nothing")
        assert str(foreign.value).replace(theirs.id, "") == str(missing.value).replace("ca_nothing", "")
    assert set(standin.accounts.accounts) == {mine.id, theirs.id}
    assert (await connections.connect("ana", "gmail")).id == mine.id


async def test_an_account_of_somebody_else_is_left_out_even_if_composio_lists_it(
    connections: ComposioConnections, standin: ComposioStandIn, monkeypatch: pytest.MonkeyPatch
):
    standin.connect("bo", "gmail")
    monkeypatch.setattr(standin.accounts, "find", lambda _: list(standin.accounts.accounts.values()))
    assert await connections.all("ana") == []
    assert (await connections.connect("ana", "gmail")).state == "waiting"


async def test_a_removed_account_is_gone_at_composio(
    connections: ComposioConnections, standin: ComposioStandIn, told: list[tuple[str, Connection]]
):
    account = standin.connect("ana", "gmail")
    assert (await connections.remove("ana", account.id)).toolkit == "gmail"
    assert standin.accounts.accounts == {}
    assert [(user, each.state) for user, each in told] == [("ana", "revoked")]


async def test_an_expired_account_is_linked_again(connections: ComposioConnections, standin: ComposioStandIn):
    account = standin.connect("ana", "gmail")
    account.set("EXPIRED")
    opened = await connections.reconnect("ana", account.id)
    assert (opened.state, opened.toolkit) == ("waiting", "gmail")
    await asyncio.to_thread(follow, opened)
    assert (await connections.connect("ana", "gmail")).id == opened.id
    assert len(standin.accounts.configs) == 1


async def test_a_lost_answer_makes_no_second_link(connections: ComposioConnections, standin: ComposioStandIn):
    standin.app.waiting.append(Fault(kind="500", when="after", on=LINKS))
    with pytest.raises(Unavailable):
        await connections.connect("ana", "gmail")
    assert standin.app.counts()[LINKS] == 1


async def test_a_wrong_key_is_said_to_be_wrong(standin: ComposioStandIn, url: str):
    async with open_composio("ak_wrong", base_url=url) as client:

        async def shared() -> AsyncComposio:
            return client

        with pytest.raises(Unavailable, match="COMPOSIO_API_KEY"):
            await ComposioConnections(shared, clock=FakeClock()).all("ana")
    assert standin.guard.violations == []
