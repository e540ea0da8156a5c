"""What waits in the inbox to be recorded, and what becomes of it if server, person or question end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from nexus.api.beside import Http
from nexus.store.database import Database, Result
from nexus.testing import FakeClock
from tests.api.serving import pause, serving
from tests.api.test_inbox import answer, look
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


@pytest.mark.parametrize(("left", "state"), [(60, "approved"), (61, "pending")])
def test_what_is_answered_in_time_counts_although_the_time_would_be_over_before_it_leaves(
    tmp_path: Path, left: int, state: str
):
    """So near to the end nothing can be taken back; before, everything can."""
    clock = FakeClock()
    office = MailOffice(tmp_path / "home", undo=60, clock=clock)
    with serving(office) as client:
        (question,) = asyncio.run(fill(office, [LETTER]))
        clock.advance(question.expires_at - clock.now() - timedelta(seconds=left))
        assert answer(client, question.id, "approve").status_code == 303
        assert shown(client, question.id)["state"] == state
        assert ("Undo" in look(client)) == (state == "pending")


def seen(client: httpx.Client, text: str, path: str = "/") -> str:
    """The page once that stands on it; asking is all the waiting there is."""
    for _ in range(10_000):
        page = look(client, path)
        if text in page:
            return page
    raise AssertionError(f"{text!r} never stood there: {page}")
