"""What pages still do for somebody whose session is over, whose key was revoked, whose role is another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import Auth

from nexus.core.approval import Approval
from nexus.core.roles import Role
from nexus.ports.sessions import LASTING
from nexus.store.approvals import SqliteApprovals
from nexus.store.database import Database
from nexus.store.users import SqliteUsers
from nexus.testing import FakeClock
from tests.api.serving import Office, new_thread, serving
from tests.api.test_held_decisions import seen
from tests.api.test_inbox import answer
from tests.api.test_pages import PERSON, TOKEN, log_in
from tests.web.inbox import LETTER, MailOffice, eventually, fill, shown

LONGEST = 10.0
"""Seconds in which a stream must have ended; it pings less often, so that one that goes on is told."""


def users(office: Office, ask: Callable[[SqliteUsers], Awaitable[Any]]) -> Any:
    """What the command line does with users."""

    async def asked() -> Any:
        database = Database(office.home / "nexus.db", office.clock)
        try:
            return await ask(SqliteUsers(database))
        finally:
            await database.close()

    return asyncio.run(asked())


def let_in(office: Office, name: str, role: Role = "user") -> str:
    """The key of a new user."""
    return users(office, lambda each: each.add(name, role))


async def ask_of_ana(office: Office, *approvals: Approval) -> None:
    """Questions about calls of hers."""
    database = Database(office.home / "nexus.db", office.clock)
    try:
        for approval in approvals:
            await SqliteApprovals(database, "ana").ask(approval)
    finally:
        await database.close()


def log_out(browser: httpx.Client) -> None:
    token = TOKEN.findall(browser.get("/ui/chat").text)[0]
    assert browser.post("/ui/logout", data={"token": token}).status_code == 303


def test_whatever_a_page_watches_ends_with_the_session(tmp_path: Path):
    """Of four people: one logs out, one's key is revoked, one's role is another, the last one's is over."""
    clock = FakeClock()
    office = MailOffice(tmp_path / "home", clock=clock)
    with serving(office) as client, ExitStack() as opened:
        ends: dict[str, Callable[[httpx.Client], Any]] = {
            "ana": log_out,
            "ben": lambda _: users(office, lambda each: each.revoke("ben")),
            "carl": lambda _: users(office, lambda each: each.change_role("carl", "admin")),
            "dan": lambda _: clock.advance(LASTING + timedelta(seconds=1)),
        }
        watched: dict[str, tuple[httpx.Client, list[httpx.Response]]] = {}
        for name in ends:
            key = let_in(office, name)
            browser = opened.enter_context(httpx.Client(base_url=client.base_url, trust_env=False))
            browser.headers.update(PERSON)
            log_in(browser, key)
            thread = client.post("/threads", headers={"Authorization": f"Bearer {key}"}).json()["thread_id"]
            watched[name] = browser, watch(opened, browser, thread)
        for name, end in ends.items():
            browser, streams = watched[name]
            end(browser)
            for stream in streams:
                stream.read()


def watch(opened: ExitStack, client: httpx.Client, thread: str) -> list[httpx.Response]:
    """Every stream that pages open."""
    paths = ("/ui/inbox/events", f"/ui/chat/{thread}/live", f"/ui/threads/{thread}/live", "/ui/welcome/live")
    streams = [opened.enter_context(client.stream("GET", path, timeout=LONGEST)) for path in paths]
    assert [stream.status_code for stream in streams] == [200] * len(paths)
    return streams


def test_whatever_a_page_watches_ends_once_an_operators_handlers_let_nobody_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("nexus.api.pages.live.ASK_SECONDS", 0.1)
    auth, is_over = Auth(), asyncio.Event()

    async def who() -> Any:
        if is_over.is_set():
            raise Auth.exceptions.HTTPException(status_code=401, detail="the token is over")
        return {"identity": "ana"}

    auth.authenticate(who)
    with serving(MailOffice(tmp_path / "home", auth=auth)) as client, ExitStack() as opened:
        streams = watch(opened, client, new_thread(client))
        is_over.set()
        for stream in streams:
            stream.read()


def test_an_answer_of_somebody_who_may_not_give_it_any_more_does_not_count(tmp_path: Path):
    """Ben's key is revoked in the time to undo, and Carl decides for nobody any more; Dan has only gone."""
    office = MailOffice(tmp_path / "home", undo=2)
    with serving(office) as client:
        rows = asyncio.run(fill(office, [LETTER] * 3))
        ben, carl, dan = (
            replace(row, approvers=(name,)) for name, row in zip(("ben", "carl", "dan"), rows, strict=True)
        )
        asyncio.run(ask_of_ana(office, ben, carl, dan))
        for asked in (ben, carl, dan):
            client.cookies.clear()
            log_in(client, let_in(office, asked.approvers[0], "approver"))
            assert answer(client, asked.id, "approve", of="ana").status_code == 303
        log_out(client)
        users(office, lambda each: each.revoke("ben"))
        users(office, lambda each: each.change_role("carl", "user"))
        client.headers["Authorization"] = f"Bearer {let_in(office, 'ana')}"
        asyncio.run(eventually(client, dan.id, "approved"))
        assert [shown(client, each.id)["state"] for each in (ben, carl)] == ["pending", "pending"]
        log_in(client, let_in(office, "ben", "approver"))
        assert "Your key was revoked." in seen(client, "Your answer was not taken")
