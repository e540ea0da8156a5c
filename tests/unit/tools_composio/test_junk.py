"""Answers that are JSON, but not what Composio promises: its client lets them through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from nexus.errors import NexusError, OutcomeUnknown, ToolFailed, Unavailable
from nexus.ports.clock import SystemClock
from nexus.settings import Settings
from nexus.tools.composio import ComposioProject, ComposioProvider, open_project
from nexus.tools.composio.connections import ComposioConnections
from tests.servers.composio.faults import API
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.running import running

SEND = "GMAIL_SEND_EMAIL"
MAIL = {"recipient_email": "triage@example.com", "body": "Login loops."}
USER = "owner"


class Odd:
    """The stand-in, but for requests that are answered with something else."""

    def __init__(self) -> None:
        self.standin = ComposioStandIn()
        self.instead: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = f"{scope['method']} {scope['path'].removeprefix(API)}"
        if call in self.instead:
            await JSONResponse(self.instead[call])(scope, receive, send)
            return
        await self.standin.app(scope, receive, send)


@pytest.fixture(name="odd", scope="module")
def _odd() -> Odd:
    odd = Odd()
    odd.standin.connect(USER, "gmail")
    return odd


@pytest.fixture(name="url", scope="module")
def _url(odd: Odd) -> Iterator[str]:
    with running(odd) as url:
        yield url


@pytest.fixture(name="project")
async def _project(odd: Odd, url: str, tmp_path: Path) -> AsyncIterator[ComposioProject]:
    odd.instead.clear()
    settings = Settings(home=tmp_path, composio_api_key=SecretStr(KEY), composio_base_url=url)
    async with open_project(settings) as project:
        assert project is not None
        yield project


@pytest.mark.parametrize(
    ("answer", "came_to"),
    [
        ({"successful": True}, "null"),
        ({"successful": True, "data": 5, "log_id": 7}, "5"),
        ({"successful": False}, ToolFailed),
        ({"successful": False, "error": {"code": 1}}, ToolFailed),
        ({"successful": "yes"}, OutcomeUnknown),
        ([], OutcomeUnknown),
        (None, OutcomeUnknown),
    ],
)
async def test_what_an_answer_says_for_certain_is_taken_whatever_else_it_lacks(
    project: ComposioProject, odd: Odd, answer: Any, came_to: str | type[NexusError]
):
    async def wanted() -> frozenset[str]:
        return frozenset({"gmail"})

    await project.catch_up(USER, await wanted())
    provider = ComposioProvider(project, user_id=USER, wanted=wanted)
    spec = next(each for each in await provider.tools() if each.slug == SEND)
    odd.instead[f"POST /tools/execute/{SEND}"] = answer
    if isinstance(came_to, str):
        assert (await provider.call(spec, MAIL, key="k")).text == came_to
    else:
        with pytest.raises(came_to):
            await provider.call(spec, MAIL, key="k")


@pytest.mark.parametrize(
    "answer",
    [{}, [1], {"items": 5}, {"items": [None]}, {"items": [{}]}, {"items": [{"user_id": USER}]}],
    ids=str,
)
async def test_a_list_of_accounts_without_sense_is_no_list(project: ComposioProject, odd: Odd, answer: Any):
    connections = ComposioConnections(project.client, clock=SystemClock())
    odd.instead["GET /connected_accounts"] = answer
    with pytest.raises(Unavailable, match="makes no sense"):
        await project.list_accounts(USER)
    with pytest.raises(Unavailable, match="makes no sense"):
        await connections.all(USER)
    with pytest.raises(Unavailable, match="makes no sense"):
        await connections.connect(USER, "slack")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"redirect_url": "https://a.example", "expires_at": "soon", "connected_account_id": "ca_1"},
        {
            "redirect_url": "javascript:alert(1)",
            "expires_at": "2030-01-01T00:00:00Z",
            "connected_account_id": "ca_1",
        },
    ],
    ids=["empty", "no time", "a script"],
)
async def test_what_is_no_address_of_a_page_is_no_link(project: ComposioProject, odd: Odd, answer: Any):
    odd.instead["POST /connected_accounts/link"] = answer
    with pytest.raises(Unavailable, match="makes no sense"):
        await ComposioConnections(project.client, clock=SystemClock()).connect(USER, "slack")


@pytest.mark.parametrize("path", ["/toolkits", "/tools"])
@pytest.mark.parametrize("answer", [{}, {"items": [{}]}, {"items": [{"slug": "X"}]}], ids=str)
async def test_lists_of_tools_without_sense_leave_what_was_read(
    project: ComposioProject, odd: Odd, path: str, answer: Any
):
    await project.sync(["gmail"])
    before = await project.specs(["gmail"])
    odd.instead[f"GET {path}"] = answer
    odd.standin.catalogue.publish(
        "gmail", f"2027{len(odd.standin.catalogue.toolkit('gmail').versions):04}_00"
    )
    with pytest.raises(Unavailable, match="makes no sense"):
        await project.sync(["gmail"])
    assert await project.specs(["gmail"]) == before
