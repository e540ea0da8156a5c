"""One user's Composio tools, over real HTTP to the stand-in."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nexus.core.tool import ToolSpec
from nexus.errors import (
    ArgumentsInvalid,
    NexusError,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Refused,
    SettingsInvalid,
    ToolFailed,
)
from nexus.settings import Settings
from nexus.tools.composio import ComposioProject, ComposioProvider, open_composio, open_project
from tests.servers.composio.faults import Kind
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.composio.toolkits.base import OLDER
from tests.servers.running import running

MAIL = {"recipient_email": "triage@example.com", "body": "Login loops."}
SEND = "GMAIL_SEND_EMAIL"


@pytest.fixture(name="standin")
def _standin() -> Iterator[ComposioStandIn]:
    standin = ComposioStandIn()
    standin.connect("ana", "gmail")
    yield standin
    assert standin.guard.violations == []


@pytest.fixture(name="url")
def _url(standin: ComposioStandIn) -> Iterator[str]:
    with running(standin.app) as url:
        yield url


@pytest.fixture(name="project")
async def _project(url: str, tmp_path: Path) -> AsyncIterator[ComposioProject]:
    async with opened(url, tmp_path) as project:
        yield project


@asynccontextmanager
async def opened(url: str, home: Path, **settings: Any) -> AsyncIterator[ComposioProject]:
    async with open_project(settings_for(url, home, **settings)) as project:
        assert project is not None
        yield project


def settings_for(url: str, home: Path, **settings: Any) -> Settings:
    return Settings(home=home, composio_api_key=KEY, composio_base_url=url, **settings)


@pytest.fixture(name="provider")
async def _provider(project: ComposioProject) -> ComposioProvider:
    return await provider_of(project, ["gmail", "github"])


async def provider_of(
    project: ComposioProject, toolkits: Sequence[str], *, user: str = "ana"
) -> ComposioProvider:
    """The user's provider, with everything it offers read from Composio."""

    async def wanted() -> frozenset[str]:
        return frozenset(toolkits)

    await project.list_accounts(user)
    await project.sync(toolkits)
    return ComposioProvider(project, user_id=user, wanted=wanted)


async def spec_named(provider: ComposioProvider, slug: str) -> ToolSpec:
    return {spec.slug: spec for spec in await provider.tools()}[slug]


async def test_every_tool_comes_with_its_hints_its_version_and_the_users_account(
    provider: ComposioProvider, standin: ComposioStandIn
):
    specs = {spec.slug: spec for spec in await provider.tools()}
    of_both = [each.slug for each in standin.catalogue.tools.values() if each.toolkit in ("gmail", "github")]
    assert set(specs) == set(of_both)
    account = standin.accounts.active("ana", "gmail")
    assert account is not None
    assert specs[SEND].hints == {"createHint", "openWorldHint"}
    assert specs["GMAIL_FETCH_EMAILS"].is_read_only
    assert (specs[SEND].version, specs[SEND].account) == ("20260817_00", account.id)
    assert specs["GITHUB_GET_AN_ISSUE"].account is None


async def test_a_mail_is_sent_in_one_request_and_its_log_id_is_kept(
    provider: ComposioProvider, standin: ComposioStandIn
):
    result = await provider.call(await spec_named(provider, SEND), MAIL, key="k1")
    effect = standin.execution.effects[0]
    assert (result.reference, effect.arguments, effect.user_id) == (effect.log_id, MAIL, "ana")
    assert '"labelIds":["SENT"]' in result.text
    assert standin.posts(SEND) == 1


async def test_a_pinned_version_is_what_is_listed_and_what_runs(
    url: str, standin: ComposioStandIn, tmp_path: Path
):
    async with opened(url, tmp_path, toolkit_versions={"gmail": OLDER}) as project:
        pinned = await provider_of(project, ["gmail"])
        spec = await spec_named(pinned, SEND)
        await pinned.call(spec, MAIL, key="k1")
    assert spec.version == OLDER
    assert standin.app.seen[-1].body["version"] == OLDER


async def test_arguments_that_do_not_fit_never_leave(provider: ComposioProvider, standin: ComposioStandIn):
    spec = await spec_named(provider, SEND)
    with pytest.raises(ArgumentsInvalid, match="recipient_email is missing"):
        await provider.call(spec, {"body": "Hi"}, key="k1")
    assert standin.posts(SEND) == 0


async def test_arguments_the_app_refuses_go_back_to_the_model(provider: ComposioProvider):
    spec = replace(await spec_named(provider, SEND), parameters={"type": "object"})
    with pytest.raises(ArgumentsInvalid, match="recipient_email"):
        await provider.call(spec, {"body": "Hi"}, key="k1")


async def test_without_an_account_nothing_is_sent(provider: ComposioProvider, standin: ComposioStandIn):
    spec = await spec_named(provider, "GITHUB_GET_AN_ISSUE")
    with pytest.raises(Refused, match="Connect github first"):
        await provider.call(spec, {"owner": "acme", "repo": "web", "issue_number": 1}, key="k1")
    assert standin.posts(spec.slug) == 0


async def test_an_account_that_expired_meanwhile_is_to_be_connected_again(
    provider: ComposioProvider, standin: ComposioStandIn
):
    spec = await spec_named(provider, SEND)
    assert spec.account is not None
    await standin.change(standin.accounts.account(spec.account), "EXPIRED")
    with pytest.raises(Refused, match="Connect gmail first"):
        await provider.call(spec, MAIL, key="k1")


async def test_one_user_never_acts_on_the_account_of_another(
    project: ComposioProject, standin: ComposioStandIn
):
    standin.connect("bo", "gmail")
    ana, bo = await provider_of(project, ["gmail"]), await provider_of(project, ["gmail"], user="bo")
    hers = await spec_named(ana, SEND)
    assert hers.account != (await spec_named(bo, SEND)).account
    with pytest.raises(Refused):
        await bo.call(hers, MAIL, key="k1")
    assert standin.effects() == 0


CERTAIN: dict[Kind, type[NexusError]] = {
    "401": Refused,
    "403": Refused,
    "404": NotFound,
    "422": Refused,
    "429": ToolFailed,
    "unsuccessful": ToolFailed,
}
OPEN: tuple[Kind, ...] = ("timeout", "drop", "409", "500", "502", "junk")


@pytest.mark.parametrize("kind", CERTAIN)
async def test_what_composio_decides_before_it_runs_a_tool_is_certain(
    provider: ComposioProvider, standin: ComposioStandIn, kind: Kind
):
    spec = await spec_named(provider, SEND)
    standin.fault(kind)
    with pytest.raises(CERTAIN[kind]):
        await provider.call(spec, MAIL, key="k1")
    assert (standin.effects(), standin.posts(SEND)) == (0, 1)


@pytest.mark.parametrize(
    "text", ["Request timed out", "Failed with status code 504", "500 Server Error", "read ECONNRESET"]
)
async def test_an_app_that_gave_composio_no_answer_may_have_acted(
    provider: ComposioProvider, standin: ComposioStandIn, text: str
):
    standin.fault("unsuccessful", "after", message=text)
    with pytest.raises(OutcomeUnknown, match=text):
        await provider.call(await spec_named(provider, SEND), MAIL, key="k1")
    standin.fault("unsuccessful", message=text)
    with pytest.raises(OutcomeUnknown, match=f"^{text}$"):  # a read: it may be tried again, and did nothing
        await provider.call(await spec_named(provider, "GMAIL_FETCH_EMAILS"), {}, key="k2")


@pytest.mark.parametrize("text", ["The subject is longer than 500 characters", "Error code: 404"])
async def test_a_plain_refusal_of_the_app_is_certain(
    provider: ComposioProvider, standin: ComposioStandIn, text: str
):
    standin.fault("unsuccessful", message=text)
    with pytest.raises(ToolFailed, match=text):
        await provider.call(await spec_named(provider, SEND), MAIL, key="k1")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", OPEN)
async def test_what_may_have_happened_is_open_and_never_sent_twice(
    url: str, standin: ComposioStandIn, tmp_path: Path, kind: Kind, when: Any
):
    async with opened(url, tmp_path, tool_timeout=1 if kind == "timeout" else 60) as project:
        provider = await provider_of(project, ["gmail"])
        spec = await spec_named(provider, SEND)
        standin.fault(kind, when)
        with pytest.raises(OutcomeUnknown):
            await provider.call(spec, MAIL, key="k1")
    assert await asyncio.to_thread(standin.app.struck.wait, 60)
    assert (standin.effects(), standin.posts(SEND)) == (when == "after", 1)


async def test_an_answer_without_a_verdict_is_open(provider: ComposioProvider, standin: ComposioStandIn):
    spec = await spec_named(provider, SEND)
    standin.guard.contract = None
    standin.execution.run = lambda *_, **__: type("Odd", (), {"response": lambda _: {"data": {}}})()
    with pytest.raises(OutcomeUnknown):
        await provider.call(spec, MAIL, key="k1")


async def test_where_nobody_listens_nothing_was_sent_and_tools_are_still_known(
    standin: ComposioStandIn, tmp_path: Path
):
    with running(standin.app) as url:
        async with opened(url, tmp_path) as project:
            await provider_of(project, ["gmail"])

    async def wanted() -> frozenset[str]:
        return frozenset({"gmail"})

    async with opened(url, tmp_path) as project:
        provider = ComposioProvider(project, user_id="ana", wanted=wanted)
        with pytest.raises(NotSent):
            await provider.call(await spec_named(provider, SEND), MAIL, key="k1")


async def test_an_address_elsewhere_needs_https():
    with pytest.raises(SettingsInvalid, match="COMPOSIO_BASE_URL"):
        async with open_composio(KEY, base_url="http://composio.example"):
            pass


QUIET = """
import asyncio, json, sys

reached = set()

def watch(event, arguments):
    if event == "socket.connect":
        reached.add(str(arguments[1]))
    elif event == "socket.getaddrinfo":
        reached.add(str(arguments[0]))

sys.addaudithook(watch)

from nexus.settings import Settings
from nexus.tools.composio import ComposioProvider, open_project

async def gmail():
    return frozenset({"gmail"})

async def main(url, home):
    settings = Settings(home=home, composio_api_key="ak_stand_in", composio_base_url=url)
    async with open_project(settings) as project:
        provider = ComposioProvider(project, user_id="ana", wanted=gmail)
        assert await provider.has_changed()
        spec = {spec.slug: spec for spec in await provider.tools()}["GMAIL_SEND_EMAIL"]
        await provider.call(spec, {"recipient_email": "a@example.com", "body": "x"}, key="k")
        try:
            await provider.call(spec, {"body": "x"}, key="k")
        except Exception as error:
            print(type(error).__name__)

asyncio.run(main(*sys.argv[1:]))
import atexit
atexit.register(lambda: print(json.dumps(sorted(reached))))
"""


def test_nothing_but_the_configured_address_is_ever_looked_up_or_reached(
    url: str, standin: ComposioStandIn, tmp_path: Path
):
    """A program of its own, to its very end: telemetry is sent by threads and when a program ends."""
    done = subprocess.run(
        [sys.executable, "-c", QUIET, url, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=110,
        cwd=Path(__file__).parents[3],
    )
    raised, reached = done.stdout.splitlines()
    port = url.rsplit(":", 1)[1]
    assert raised == "ArgumentsInvalid"
    assert standin.effects() == 1
    connected = str(("127.0.0.1", int(port)))
    assert connected in json.loads(reached)
    assert set(json.loads(reached)) <= {connected, "127.0.0.1"}
