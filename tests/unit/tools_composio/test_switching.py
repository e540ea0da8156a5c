"""Apps are switched on and off while everything runs: the next run sees it, in every process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from nexus.app import open_service
from nexus.core.decision import Approve
from nexus.errors import Conflict, NotFound, Unavailable
from nexus.runtime.runner import finish
from nexus.runtime.service import Service
from nexus.settings import load_settings
from nexus.testing import ScriptedModel
from nexus.tools.composio.catalogue_file import ListedToolkit
from tests.clients.scripted_chat import scripted_chat
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.composio.toolkits.base import LATEST
from tests.servers.running import running

SEND = "GMAIL_SEND_EMAIL"
MAIL = {"recipient_email": "triage@example.com", "body": "Login loops."}


@pytest.fixture(name="standin")
def _standin() -> Iterator[ComposioStandIn]:
    standin = ComposioStandIn()
    standin.connect("owner", "gmail")
    yield standin
    assert standin.guard.violations == []


@pytest.fixture(name="home")
def _home(standin: ComposioStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.setenv("NEXUS_MODEL", "openai:http://127.0.0.1:9/v1#none")
    monkeypatch.setenv("COMPOSIO_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    with running(standin.app) as url:
        monkeypatch.setenv("COMPOSIO_BASE_URL", url)
        yield tmp_path


@pytest.fixture(name="service")
async def _service(home: Path) -> AsyncIterator[Service]:  # noqa: ARG001 - it sets the environment
    async with opened() as service:
        yield service


def opened(**settings: Any) -> AbstractAsyncContextManager[Service]:
    return open_service(load_settings(**settings))


async def on_at_the_next_run(service: Service) -> set[str]:
    """The apps whose tools a run that begins now can find."""
    await service.parts.tools.freshen()
    return {spec.toolkit for spec in service.parts.tools.all()} - {"results"}


async def test_an_app_that_is_switched_on_is_found_with_its_account_and_off_again_it_is_gone(
    service: Service,
):
    assert await on_at_the_next_run(service) == {"desk"}
    gmail = await service.toolkits.switch("gmail", is_on=True)
    assert (gmail.is_on, gmail.account is not None) == (True, True)
    assert await on_at_the_next_run(service) == {"desk", "gmail"}
    assert any(hit.slug == "GMAIL_SEND_EMAIL" for hit in await service.parts.index.search("send gmail email"))
    await service.toolkits.switch("gmail", is_on=False)
    assert await on_at_the_next_run(service) == {"desk"}
    assert not any("GMAIL" in hit.slug for hit in await service.parts.index.search("send gmail email"))


async def test_apps_are_found_among_thousands_by_their_words_the_best_first(service: Service):
    assert service.composio is not None
    assert await service.toolkits.listed_at() is None
    await service.toolkits.read_list()
    assert await service.toolkits.listed_at() is not None
    listed = service.composio.catalogue.toolkits()
    many = [
        ListedToolkit(f"app{number}", f"App {number}", "Works with Gmail.", "1", 1) for number in range(4_000)
    ]
    service.composio.catalogue.write_toolkits([*listed, *many])
    found = await service.toolkits.find("gmail", limit=3)
    assert [each.slug for each in found.toolkits] == ["gmail", "app0", "app1"]
    assert found.total >= 4_001
    (one,) = (await service.toolkits.find("GMAIL app 3999")).toolkits
    assert one.slug == "app3999"
    last = await service.toolkits.find("works with", offset=3_990, limit=50)
    assert (len(last.toolkits), last.total) == (10, 4_000)
    assert (await service.toolkits.find("gmail nothing-like-that")).total == 0
    assert (await service.toolkits.find(limit=1)).toolkits[0].is_on


async def test_the_tools_of_an_app_are_seen_also_while_it_is_off(service: Service):
    await service.toolkits.switch("gmail", is_on=True)
    on = await service.toolkits.tools_of(await service.toolkits.get("gmail"))
    off = await service.toolkits.tools_of(await service.toolkits.switch("gmail", is_on=False))
    assert SEND in {spec.slug for spec in on}
    assert {spec.slug for spec in off} == {spec.slug for spec in on}
    assert await service.toolkits.tools_of(await service.toolkits.get("slack")) == []


async def test_an_own_toolkit_that_is_switched_on_is_none_of_composios(service: Service):
    await service.toolkits.switch("desk", is_on=True)
    await service.toolkits.switch("gmail", is_on=True)
    assert await on_at_the_next_run(service) == {"desk", "gmail"}
    assert await service.toolkits.wanted() == {"gmail"}


async def test_an_app_whose_account_is_removed_is_not_switched_on_by_that(
    service: Service, standin: ComposioStandIn
):
    account = standin.connect("owner", "slack")
    assert service.connections is not None
    await service.connections.remove("owner", account.id)
    assert await on_at_the_next_run(service) == {"desk"}


async def test_what_another_process_switches_is_seen_by_the_next_run(service: Service):
    async with opened() as other:
        await other.toolkits.switch("gmail", is_on=True)
        await other.toolkits.switch("desk", is_on=False)
    assert await on_at_the_next_run(service) == {"gmail"}


async def test_a_change_of_the_configuration_file_is_seen_by_the_next_run(service: Service, home: Path):
    await on_at_the_next_run(service)
    (home / "nexus.toml").write_text('toolkits = ["slack", "gmail"]\ndisable = ["desk"]\n')
    assert await on_at_the_next_run(service) == {"slack", "gmail"}
    (home / "nexus.toml").write_text("toolkits = [")
    assert await on_at_the_next_run(service) == {"slack", "gmail"}


async def test_what_the_settings_switch_off_nobody_switches_on(home: Path):
    (home / "nexus.toml").write_text('disable = ["gmail"]\n')
    async with opened() as service:
        with pytest.raises(Conflict, match="for everybody"):
            await service.toolkits.switch("gmail", is_on=True)
        assert await on_at_the_next_run(service) == {"desk"}


async def test_with_auto_every_tool_of_the_catalogue_is_found_connected_or_not(home: Path):  # noqa: ARG001 - it sets the environment
    async with opened(toolkits=("auto",)) as service:
        assert service.composio is not None
        await service.composio.sync(None)
        assert {"gmail", "github", "hubspot"} <= await on_at_the_next_run(service)
        unconnected = service.parts.tools.get("GITHUB_GET_AN_ISSUE")
        assert (unconnected.needs_account, unconnected.account) == (True, None)
        assert service.parts.tools.get("GMAIL_SEND_EMAIL").account is not None


async def test_with_auto_a_tool_of_an_app_nobody_switched_on_is_proposed_with_the_question_to_connect_it(
    home: Path,  # noqa: ARG001 - it sets the environment
    standin: ComposioStandIn,
):
    """The catalogue is read by the run itself; the desk has its own mail, and gmail has an account."""
    post = ("SLACK_SEND_MESSAGE", {"channel": "C0GENERAL1", "text": "Lunch is at noon"})
    with scripted_chat(ScriptedModel().calls(post, answer="It is posted.")) as setting:
        async with opened(model=setting, toolkits=("auto",)) as service:
            runner = service.runner
            thread = await runner.create_thread()
            await finish(runner.run(thread.id, "Post 'Lunch is at noon' to the team chat C0GENERAL1"))
            (asked,) = (await runner.view(thread.id)).approvals
            assert (asked.question, asked.toolkit, asked.call.tool) == ("connect", "slack", post[0])
            account = standin.connect("owner", "slack")
            await runner.decide(asked.id, Approve(), actor="test")
            await finish(runner.resume(thread.id))
            (asked,) = (await runner.view(thread.id)).approvals
            assert asked.question == "action"
            await runner.decide(asked.id, Approve(), actor="test")
            assert (await finish(runner.resume(thread.id)))["ending"] == "answered"
    assert [(each.tool, each.connected_account_id) for each in standin.execution.effects] == [
        (post[0], account.id)
    ]


async def test_an_account_that_another_process_connected_is_seen_by_the_next_run(
    service: Service, standin: ComposioStandIn
):
    await service.toolkits.switch("slack", is_on=True)
    assert service.parts.tools.get("SLACK_SEND_MESSAGE").account is None
    account = standin.connect("owner", "slack")
    async with opened() as other:
        assert other.composio is not None
        await other.composio.list_accounts("owner")
    await service.parts.tools.freshen()
    assert service.parts.tools.get("SLACK_SEND_MESSAGE").account == account.id


async def test_composio_that_is_away_stops_no_start_and_what_was_read_stays(
    standin: ComposioStandIn, home: Path, monkeypatch: pytest.MonkeyPatch
):
    async with opened() as service:
        await service.toolkits.switch("gmail", is_on=True)
    monkeypatch.setenv("COMPOSIO_BASE_URL", "http://127.0.0.1:9")
    async with opened() as service:
        assert await on_at_the_next_run(service) == {"desk", "gmail"}
        assert (await service.toolkits.switch("gmail", is_on=True)).is_on
        with pytest.raises(Unavailable):
            await service.toolkits.switch("never_read", is_on=True)
    assert (home / "catalogue.db").exists()
    assert standin.execution.effects == []


async def test_an_app_that_is_not_there_is_answered_with_the_nearest_names(service: Service):
    with pytest.raises(NotFound, match="gmail"):
        await service.toolkits.switch("gmial", is_on=True)


@pytest.mark.parametrize(("published", "sent"), [(1, [LATEST]), (3, [])])
async def test_a_call_runs_in_the_version_that_was_approved_or_not_at_all(
    home: Path,  # noqa: ARG001 - it sets the environment
    standin: ComposioStandIn,
    published: int,
    sent: list[str],
):
    """New versions come between the approval and the call: the person saw the old one."""
    model = ScriptedModel().calls((SEND, MAIL), answer="That is all.")
    with scripted_chat(model) as setting:
        async with opened(model=setting, toolkits=("gmail",), disable=("desk",)) as service:
            runner = service.runner
            thread = await runner.create_thread()
            paused = await finish(runner.run(thread.id, "Email triage@example.com that login loops"))
            (approval,) = paused["approvals"]
            await runner.decide(approval, Approve(), actor="test")
            for number in range(published):
                standin.catalogue.publish("gmail", f"2026110{number + 1}_00")
                await service.toolkits.switch("gmail", is_on=True)
            assert service.parts.tools.get(SEND).version == f"2026110{published}_00"
            last = await finish(runner.resume(thread.id))
    assert last["ending"] == "answered"
    executed = [each.body for each in standin.app.seen if each.call == f"POST /tools/execute/{SEND}"]
    assert [body["version"] for body in executed] == sent
    assert standin.effects() == len(sent)
