"""Fixtures for every test: worlds over real files, closed at the end."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings

from tests.world import MakeWorld, World

# The same examples on every machine, however slow it is just now; more of them is a matter for a longer run.
settings.register_profile("nexus", deadline=None, derandomize=True, database=None)
settings.load_profile("nexus")


# A shell that starts a job in the background has it ignore Ctrl-C, and so would whatever the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(name="make_world")
async def _make_world(tmp_path: Path) -> AsyncIterator[MakeWorld]:
    """A factory of worlds."""
    async with AsyncExitStack() as stack:

        async def make(*, home: str = "home", **settings: Any) -> World:
            return await stack.enter_async_context(World(tmp_path / home, **settings))

        yield make


@pytest.fixture(name="world")
async def _world(make_world: MakeWorld) -> World:
    """One world whose model sends one mail."""
    return await make_world()


@pytest.fixture(name="fast_path")
def _fast_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: who is killed does not care, a test with 400 lives does."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own inside it
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=memory, prefix="nexus-test-") as folder:
        yield Path(folder)
