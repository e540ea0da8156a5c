"""What waits in the inbox to be recorded, and what becomes of it if server, person or question end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from nexus.api.beside import Http
from tests.api.serving import pause, serving
from tests.api.test_inbox import answer
from tests.web.inbox import LETTER, MailOffice, shown


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
