"""What waits in the inbox to be recorded, and what becomes of it if server, person or question end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from nexus.api.beside import Http
from nexus.core.policy import Policy
from nexus.core.roles import Role
from nexus.settings_policy import Rule
from nexus.store.database import Database, Result
from nexus.store.users import SqliteUsers
from nexus.testing import FakeClock
from tests.api.serving import pause, serving, settled
from tests.api.test_inbox import answer, look
from tests.api.test_pages import log_in
from tests.web.inbox import LETTER, MailOffice, fill, shown


async def _open_for_ever(_: Request) -> StreamingResponse:
    async def endless() -> AsyncIterator[bytes]:
        yield b"begun"
        await asyncio.Event().wait()

    return StreamingResponse(endless())


def test_a_server_that_waits_for_open_requests_at_its_end_decides_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The time to undo ends while a request keeps the server from ending: nothing is recorded or done."""
    monkeypatch.setattr("nexus.api.server.GRACE_SECONDS", 2)
    beside = Http(app=Starlette(routes=[Route("/open", _open_for_ever)]))
    office = MailOffice(tmp_path / "home", undo=1.5, http=beside)
    with httpx.Client(trust_env=False) as visitor, ExitStack() as opened, serving(office) as client:
        opened.enter_context(visitor.stream("GET", f"{client.base_url}/open"))
        _, approval = pause(client, office, **LETTER)
        assert answer(client, approval["id"], "approve").status_code == 303
        assert shown(client, approval["id"])["state"] == "pending"
    with serving(office) as client:
        assert shown(client, approval["id"])["state"] == "pending"
    assert office.tools.made == []


def test_while_the_server_ends_no_answer_is_taken(tmp_path: Path):
    office, apps = MailOffice(tmp_path / "home", undo=0), list[FastAPI]()
    with serving(office, apps.append) as client:
        _, approval = pause(client, office, **LETTER)
        apps[0].state.closing.set()
        refused = answer(client, approval["id"], "approve")
        assert refused.status_code == 503
        assert "nothing was decided" in refused.text
        assert shown(client, approval["id"])["state"] == "pending"
    assert office.tools.made == []


class Broken(Database):
    """A database that fails in a way which nobody thought of, once somebody says so."""

    is_broken = False

    async def write(self, change: Callable[[sqlite3.Connection, datetime], Result]) -> Result:
        if Broken.is_broken:
            raise ZeroDivisionError("a secret")
        return await super().write(change)


def test_an_answer_that_failed_in_an_unforeseen_way_is_told_to_whoever_gave_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The log says where it failed, and nothing of what was in it."""
    office = MailOffice(tmp_path / "home", undo=0.1, database=Broken)
    with serving(office) as client:
        _, approval = pause(client, office, **LETTER)
        look(client)  # what pages need to be shown is written when the first one is
        monkeypatch.setattr(Broken, "is_broken", True)
        assert answer(client, approval["id"], "approve").status_code == 303
        told = seen(client, "Your answer was not taken")
        monkeypatch.setattr(Broken, "is_broken", False)
        assert "Nexus failed inside" in told
        assert shown(client, approval["id"])["state"] == "pending"
    logged = capsys.readouterr().err
    assert "nexus.held: a decision could not be recorded: ZeroDivisionError at test_held" in logged
    assert "a secret" not in logged


@pytest.mark.parametrize(("left", "state"), [(60, "approved"), (70, "approved"), (71, "pending")])
def test_what_is_answered_in_time_counts_although_the_time_would_be_over_before_it_leaves(
    tmp_path: Path, left: int, state: str
):
    """Or when it has been looked up who they are by then: ten seconds are for that. Before, Undo is there."""
    clock = FakeClock()
    office = MailOffice(tmp_path / "home", undo=60, clock=clock)
    with serving(office) as client:
        (question,) = asyncio.run(fill(office, [LETTER]))
        clock.advance(question.expires_at - clock.now() - timedelta(seconds=left))
        assert answer(client, question.id, "approve").status_code == 303
        assert shown(client, question.id)["state"] == state
        assert ("Undo" in look(client)) == (state == "pending")


BEN_DECIDES = Policy(rules=(Rule(verdict="ask", tool="send", approvers=("ben",)),))


def asked_of_ben(client: httpx.Client, office: MailOffice) -> tuple[str, dict[str, Any]]:
    """A thread of Ana's and what it asks; the client is Ben's browser and Ana's program."""
    keys = {name: asyncio.run(let_in(office, name, role)) for name, role in PEOPLE.items()}
    client.headers["Authorization"] = f"Bearer {keys['ana']}"
    log_in(client, keys["ben"])
    return pause(client, office, **LETTER)


PEOPLE: dict[str, Role] = {"ana": "user", "ben": "approver"}


async def let_in(office: MailOffice, name: str, role: Role) -> str:
    database = Database(office.home / "nexus.db", office.clock)
    try:
        return await SqliteUsers(database).add(name, role)
    finally:
        await database.close()


def test_who_decides_for_others_is_told_what_became_of_it_and_not_what_the_tool_returned(tmp_path: Path):
    office = MailOffice(tmp_path / "home", undo=0, policy=BEN_DECIDES)
    with serving(office) as client:
        thread, approval = asked_of_ben(client, office)
        office.tools.behaviour = lambda *_: "The letter is on its way."
        assert answer(client, approval["id"], "approve", of="ana").status_code == 303
        assert "on its way" in str(settled(client, thread)["steps"])
        (reference,) = [key for _, _, key in office.tools.made]
        for page in (look(client), look(client, f"/ui/inbox/{approval['id']}?of=ana")):
            assert "<strong>Done</strong>" in page
            assert 'for <bdi class="theirs">ana</bdi>' in page
            assert "Only ana is shown what came of it." in page
            assert "on its way" not in page
            assert reference not in page
        assert f'href="/ui/inbox/{approval["id"]}?of=ana"' in look(client)


def test_what_is_decided_elsewhere_in_the_time_to_undo_stands_and_whoever_was_too_late_is_told(
    tmp_path: Path,
):
    office = MailOffice(tmp_path / "home", undo=1, policy=BEN_DECIDES)
    with serving(office) as client:
        thread, approval = asked_of_ben(client, office)
        assert answer(client, approval["id"], "approve", of="ana").status_code == 303
        path, no = f"/approvals/{approval['id']}/decision", {"type": "reject", "message": "Not today."}
        client.post(path, json=no, params={"wait": "true"}).raise_for_status()
        page = seen(client, "Your answer was not taken")
        assert f"Approval {approval['id']} is already rejected." in page
        assert "Rejected: it was not done." in page
        assert shown(client, approval["id"])["decided_by"] == "api:ana"
        assert settled(client, thread)["answer"]
    assert office.tools.made == []


def seen(client: httpx.Client, text: str, path: str = "/") -> str:
    """The page once that stands on it; asking is all the waiting there is."""
    for _ in range(10_000):
        page = look(client, path)
        if text in page:
            return page
    raise AssertionError(f"{text!r} never stood there: {page}")
