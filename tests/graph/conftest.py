"""Composio as the stand-in plays it, and a world that remembers, for runs of the graph."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from nexus.settings import Settings
from nexus.testing import FakeClock, KeptMemories
from nexus.tools.composio import ComposioProject, open_project
from tests.graph.minds import Remembering
from tests.servers.composio.standin import KEY, ComposioStandIn
from tests.servers.running import running
from tests.world import MakeWorld


@pytest.fixture(name="standin")
def _standin() -> Iterator[ComposioStandIn]:
    standin = ComposioStandIn()
    standin.connect("owner", "gmail")
    yield standin
    assert standin.guard.violations == []


@pytest.fixture(name="project")
async def _project(standin: ComposioStandIn, tmp_path: Path) -> AsyncIterator[ComposioProject]:
    """Composio as the stand-in plays it; what it hangs on is given up after a second."""
    with running(standin.app) as url:
        settings = Settings(home=tmp_path, composio_api_key=KEY, composio_base_url=url, tool_timeout=30)
        async with open_project(settings) as project:
            assert project is not None
            yield project


@pytest.fixture(name="mind")
async def _mind(make_world: MakeWorld) -> Remembering:
    return Remembering(await make_world(), KeptMemories(FakeClock()))
