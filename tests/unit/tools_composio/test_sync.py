"""The catalogue on disk, over real HTTP to the stand-in."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from nexus.errors import NotFound, StoreUnavailable, Unavailable
from nexus.settings import Settings
from nexus.tools.composio import ComposioProject, open_project
from nexus.tools.composio.catalogue_file import CatalogueFile, ListedTool, ListedToolkit
from nexus.tools.composio.project import CATALOGUE_FILE
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.composio.toolkits.base import LATEST
from tests.servers.running import running

SEND = "GMAIL_SEND_EMAIL"


@pytest.fixture(name="standin")
def _standin() -> Iterator[ComposioStandIn]:
    standin = ComposioStandIn()
    yield standin
    assert standin.guard.violations == []


@pytest.fixture(name="project")
async def _project(standin: ComposioStandIn, tmp_path: Path) -> AsyncIterator[ComposioProject]:
    with running(standin.app) as url:
        settings = Settings(home=tmp_path, composio_api_key=KEY, composio_base_url=url)
        async with open_project(settings) as project:
            assert project is not None
            yield project


def reads(standin: ComposioStandIn) -> int:
    """How many pages of tools were asked for."""
    return standin.app.counts()["GET /tools"]


async def test_all_that_is_known_of_a_tool_is_found_again_without_the_network(
    project: ComposioProject, standin: ComposioStandIn, tmp_path: Path
):
    synced = await project.sync(["gmail"])
    listed = [each for each in standin.catalogue.tools.values() if each.toolkit == "gmail"]
    offline = CatalogueFile(tmp_path / CATALOGUE_FILE)
    specs = {spec.slug: spec for spec in offline.tools(["gmail"])}
    assert set(specs) == {each.slug for each in listed}
    assert (synced.toolkits, synced.tools) == (1, len(listed))
    wanted = standin.catalogue.tools[SEND]
    found = specs[SEND]
    assert (found.title, found.description, found.parameters) == (
        wanted.name,
        wanted.description,
        wanted.parameters,
    )
    assert found.hints == {"createHint", "openWorldHint"}
    assert (found.version, found.account, found.needs_account) == (LATEST, None, True)
    assert (tmp_path / CATALOGUE_FILE).stat().st_mode & 0o077 == 0


async def test_every_page_is_read_and_small_toolkits_share_one(
    project: ComposioProject, standin: ComposioStandIn, monkeypatch: pytest.MonkeyPatch
):
    shown: list[tuple[int, int]] = []
    await project.sync(None, lambda done, total, _slug: shown.append((done, total)))
    assert reads(standin) == 1
    assert shown[-1] == (len(standin.catalogue.toolkits), len(standin.catalogue.toolkits))
    assert project.catalogue.number_of_tools() == len(standin.catalogue.tools)
    monkeypatch.setattr("nexus.tools.composio.listing.PAGE", 3)
    monkeypatch.setattr("nexus.tools.composio.sync.PAGE", 3)
    for slug in standin.catalogue.toolkits:
        standin.catalogue.publish(slug, "20261101_00")
    await project.sync(None)
    assert reads(standin) > len(standin.catalogue.toolkits)
    assert project.catalogue.number_of_tools() == len(standin.catalogue.tools)


async def test_only_what_changed_is_read_again(project: ComposioProject, standin: ComposioStandIn):
    await project.sync(["gmail", "slack"])
    again = await project.sync(["gmail", "slack"])
    assert (again.toolkits, again.unchanged, reads(standin)) == (0, 2, 1)
    standin.catalogue.publish("slack", "20261101_00")
    changed = await project.sync(["gmail", "slack"])
    assert (changed.toolkits, changed.unchanged) == (1, 1)
    assert parse_qs(standin.app.seen[-1].query)["toolkit_slug"] == ["slack"]


async def test_a_sync_that_was_cut_off_goes_on_where_it_was(
    project: ComposioProject, standin: ComposioStandIn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("nexus.tools.composio.sync.PAGE", 5)  # so that hardly two toolkits share a page
    monkeypatch.setattr("nexus.tools.composio.sync.AT_ONCE", 1)
    standin.fault("401", on="GET /tools", skip=3)
    with pytest.raises(Unavailable, match="cannot list"):
        await project.sync(None)
    before = {each.slug for each in project.catalogue.toolkits() if each.synced}
    assert 0 < len(before) < len(standin.catalogue.toolkits)
    rest = await project.sync(None)
    assert (rest.unchanged, rest.toolkits) == (len(before), len(standin.catalogue.toolkits) - len(before))
    assert project.catalogue.number_of_tools() == len(standin.catalogue.tools)


async def test_a_toolkit_that_cannot_be_read_does_not_stop_the_others(
    project: ComposioProject, standin: ComposioStandIn
):
    for _ in range(2):  # together with others, and then alone
        standin.fault("404", on="GET /tools")
    synced = await project.sync(None)
    assert len(synced.failed) == 1
    assert synced.toolkits == len(standin.catalogue.toolkits) - 1
    assert (await project.sync(list(synced.failed))).failed == {}


async def test_an_unknown_toolkit_is_answered_with_the_nearest_names(project: ComposioProject):
    with pytest.raises(NotFound, match="gmail"):
        await project.sync(["gmial"])


async def test_what_composio_does_not_have_keeps_nobody_from_what_it_has(
    project: ComposioProject, standin: ComposioStandIn
):
    """`desk` was switched on by one user; the other's apps are read, now and when they are old."""
    await project.catch_up("ana", frozenset({"desk", "gmail"}))
    assert len(await project.specs(["gmail"])) > 0
    assert project.trouble == "Composio has no toolkit 'desk'."
    await project.catch_up("bo", frozenset({"slack"}))
    assert len(await project.specs(["slack"])) > 0
    before = len(standin.app.seen)
    await project.catch_up("ana", frozenset({"desk", "gmail"}))
    assert len(standin.app.seen) == before


async def test_an_account_of_somebody_else_is_not_acted_on_even_if_composio_lists_it(
    project: ComposioProject, standin: ComposioStandIn, monkeypatch: pytest.MonkeyPatch
):
    mine, _ = standin.connect("ana", "gmail"), standin.connect("bo", "gmail")
    standin.connect("bo", "slack")
    monkeypatch.setattr(standin.accounts, "find", lambda _: list(standin.accounts.accounts.values()))
    assert await project.list_accounts("ana") == {"gmail": mine.id}


async def test_an_answer_that_cannot_be_taken_in_stops_nobody(project: ComposioProject):
    def odd(*_: object, **__: object) -> None:
        raise KeyError("toolkit")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nexus.tools.composio.project.every_page", odd)
        await project.catch_up("ana", frozenset({"gmail"}))
    assert project.trouble == "Composio's lists cannot be taken in: KeyError."
    await project.catch_up("ana", frozenset({"gmail"}))
    assert (project.trouble, len(await project.specs(["gmail"])) > 0) == (None, True)


def filled(path: Path) -> CatalogueFile:
    """A catalogue with something in it."""
    file = CatalogueFile(path)
    file.write_toolkits([ListedToolkit("gmail", "Gmail", "", "1", 1)])
    return file


@pytest.mark.parametrize("junk", [b"no database at all" * 300, None])
def test_a_catalogue_that_cannot_be_read_is_moved_aside_and_begun_anew(tmp_path: Path, junk: bytes | None):
    path = tmp_path / "c.db"
    file = filled(path)
    before = file.changes()
    broken = junk or path.read_bytes()[:4096] + b"x" * (path.stat().st_size - 4096)
    path.write_bytes(broken)
    with pytest.raises(StoreUnavailable):
        filled(path)
    assert (tmp_path / "c.db.unreadable").read_bytes() == broken
    assert file.toolkits() == []
    assert file.changes() != before
    assert path.stat().st_mode & 0o077 == 0


def test_a_catalogue_that_is_locked_or_gone_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nexus.tools.composio.catalogue_file.BUSY_SECONDS", 0.01)
    file = filled(tmp_path / "c.db")
    with closing(sqlite3.connect(tmp_path / "c.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="locked"):
            file.toolkits()
    assert [each.slug for each in file.toolkits()] == ["gmail"]
    (tmp_path / "c.db").unlink()
    assert file.toolkits() == []


async def test_a_replaced_version_is_kept_for_calls_that_were_proposed_in_it(
    project: ComposioProject, standin: ComposioStandIn
):
    await project.sync(["gmail"])
    for version in ("20261101_00", "20261102_00", "20261103_00"):
        standin.catalogue.publish("gmail", version)
        await project.sync(["gmail"])
    assert [each.version for each in project.catalogue.earlier(SEND)] == ["20261102_00", "20261101_00"]
    now = project.catalogue.tool(SEND)
    assert now is not None
    assert now.version == "20261103_00"


async def test_a_toolkit_that_is_gone_takes_its_tools_along(
    project: ComposioProject, standin: ComposioStandIn
):
    await project.sync(["gmail", "slack"])
    del standin.catalogue.toolkits["slack"]
    standin.catalogue.tools = {k: v for k, v in standin.catalogue.tools.items() if v.toolkit != "slack"}
    await project.sync(["gmail"])
    assert {spec.toolkit for spec in await project.specs(None)} == {"gmail"}


async def test_a_tool_whose_schema_is_broken_is_left_out_and_named(
    project: ComposioProject, standin: ComposioStandIn
):
    broken = replace(
        standin.catalogue.tools[SEND], parameters={"type": "object", "properties": {"to": {"type": "text"}}}
    )
    standin.catalogue.tools[SEND] = broken
    await project.sync(["gmail"])
    assert SEND not in {spec.slug for spec in await project.specs(["gmail"])}
    ((slug, fault),) = project.catalogue.faults()
    assert (slug, "'text'" in fault) == (SEND, True)


async def test_a_tool_that_is_to_be_used_no_more_is_left_out(
    project: ComposioProject, standin: ComposioStandIn
):
    standin.catalogue.tools[SEND] = replace(
        standin.catalogue.tools[SEND], description="Sends a mail. <<DEPRECATED: use another one>>"
    )
    await project.sync(["gmail"])
    assert (SEND in {spec.slug for spec in await project.specs(["gmail"])}, project.catalogue.faults()) == (
        False,
        [],
    )


def test_another_process_sees_what_changed(tmp_path: Path):
    here, there = CatalogueFile(tmp_path / "c.db"), CatalogueFile(tmp_path / "c.db")
    before = there.changes()
    here.write_toolkits([ListedToolkit("gmail", "Gmail", "", "1", 1)])
    here.write_tools(
        "gmail", "1", [ListedTool("A", "1", "gmail", "A", "", (), {"type": "object"}, no_auth=True)]
    )
    assert there.changes() > before
    assert [spec.slug for spec in there.tools(["gmail"])] == ["A"]
    before = there.changes()
    here.write_accounts("ana", {"gmail": "ca_1"})
    assert there.changes() > before
    assert there.accounts("ana") == {"gmail": "ca_1"}
    before = there.changes()
    here.write_accounts("ana", {"gmail": "ca_1"})
    assert there.changes() == before


async def test_what_was_seen_last_stays_usable_while_composio_cannot_be_reached(
    standin: ComposioStandIn, tmp_path: Path
):
    with running(standin.app) as url:
        settings = Settings(home=tmp_path, composio_api_key=KEY, composio_base_url=url)
        async with open_project(settings) as project:
            assert project is not None
            await project.catch_up("ana", frozenset({"gmail"}))
            assert project.trouble is None
    async with open_project(settings) as project:
        assert project is not None
        await project.catch_up("ana", frozenset({"gmail", "slack"}))
        assert project.trouble is not None
        assert "cannot list" in project.trouble
        assert len(await project.specs(["gmail"])) > 0


async def test_what_takes_too_long_to_read_is_not_waited_for_and_read_to_the_end_behind(
    standin: ComposioStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("nexus.tools.composio.project.PATIENCE", 0.2)
    go_on = threading.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/tools"):
            await asyncio.to_thread(go_on.wait, 30)
        await standin.app(scope, receive, send)

    with running(slow) as url:
        async with project_at(url, tmp_path) as project:
            await project.client()
            await project.catch_up("ana", None)
            assert (project.trouble or "").startswith("Composio took longer than")
            assert not await project.specs(None)
            go_on.set()
            await read_whole(project)


async def test_a_first_reading_of_everything_that_was_cut_off_goes_on_at_the_next_run(
    standin: ComposioStandIn, tmp_path: Path
):
    """Also while the list of apps is fresh, and though none of them is wanted by name."""
    with running(standin.app) as url:
        async with project_at(url, tmp_path) as project:
            await project.list_accounts("ana")
            await project.sync(["gmail"])
        async with project_at(url, tmp_path) as project:
            await project.catch_up("ana", None)
            await read_whole(project)


@asynccontextmanager
async def project_at(url: str, home: Path) -> AsyncGenerator[ComposioProject]:
    settings = Settings(home=home, composio_api_key=SecretStr(KEY), composio_base_url=url)
    async with open_project(settings) as project:
        assert project is not None
        yield project


def is_whole(known: Sequence[ListedToolkit]) -> bool:
    return bool(known) and all(each.synced for each in known)


async def read_whole(project: ComposioProject) -> None:
    """Wait until every toolkit is on disk."""
    async with asyncio.timeout(30):
        while not is_whole(project.catalogue.toolkits()):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)
