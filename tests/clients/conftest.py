"""The official Python SDK and a real server for it, with the graphs of somebody else beside Nexus's own."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from nexus.wiring.graphs import load_graphs
from tests.api.serving import Office, serving
from tests.clients import graphs_of_others as others
from tests.clients import parity

NAMES = (
    "asks",
    "waits",
    "chat",
    "made",
    "many",
    "one_asks",
    "free",
    "stops_before",
    "stops_after",
    "stops_inside",
    "stops_within",
    "fails",
    "grows",
    "calls",
    "speaks",
)


@pytest.fixture(scope="module", name="office")
def _office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    home = tmp_path_factory.mktemp("sdk")
    file = home / "langgraph.json"
    module = Path(others.__file__ or "").stem
    graphs = {name: f"tests.clients.{module}:{name}" for name in NAMES}
    file.write_text(json.dumps({"graphs": graphs}))
    office = Office(home / "home", graphs=load_graphs(file)[1:])
    office.tools.gate.set()
    return office


@pytest.fixture(scope="session", name="notes")
def _notes() -> Iterator[set[parity.Note]]:
    """Which test asked which route."""
    notes: set[parity.Note] = set()
    yield notes
    if file := os.environ.get(parity.WRITING):
        Path(file).write_text("".join(f"{route}\t{test}\n" for route, test in sorted(notes)))


@pytest.fixture(autouse=True)
def _as_the_table_says(request: pytest.FixtureRequest, notes: set[parity.Note]) -> Iterator[None]:
    """What a test asks is what the table of routes says of it."""
    yield
    test = request.function.__name__
    asked = {route for route, noted in notes if noted == test}
    is_last = not hasattr(request.node, "callspec")  # of several with parameters each may ask less than all
    if asked and parity.WRITING not in os.environ and request.path in parity.TESTED:
        stale = f"{parity.TABLE.name} is stale: python -m tests.clients.parity"
        named = parity.known()[test]
        assert asked == named if is_last else asked <= named, stale


@pytest.fixture(scope="session", name="note")
def _note(notes: set[parity.Note]) -> Callable[[FastAPI], None]:
    """Has a server's requests noted."""

    def note(app: FastAPI) -> None:
        routes = [*parity.routes_of(app.openapi()), parity.SOCKET]
        app.add_middleware(parity.Noting, routes=routes, notes=notes)

    return note


@pytest.fixture(scope="module", name="url")
def _url(office: Office, note: Callable[[FastAPI], None]) -> Iterator[str]:
    with serving(office, note) as client:
        yield str(client.base_url)


@pytest.fixture(name="sdk")
async def _sdk(url: str) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=url, api_key=None, timeout=30) as client:
        yield client


@pytest.fixture(name="thread")
async def _thread(sdk: LangGraphClient) -> str:
    return (await sdk.threads.create())["thread_id"]
