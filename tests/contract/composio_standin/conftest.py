"""The stand-in for Composio, served, and the real SDK that talks to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.composio.sdk import real_sdk
from tests.servers.composio.standin import ComposioStandIn
from tests.servers.running import running


@pytest.fixture(name="standin")
def _standin() -> Iterator[ComposioStandIn]:
    """A stand-in all of whose answers kept to the wire contract."""
    standin = ComposioStandIn()
    yield standin
    assert standin.guard.violations == []


@pytest.fixture(name="url")
def _url(standin: ComposioStandIn) -> Iterator[str]:
    """Where it is served."""
    with running(standin.app) as url:
        yield url


@pytest.fixture(name="sdk")
def _sdk(url: str, tmp_path: Path) -> Iterator[Any]:
    """The real SDK with the stand-in's key."""
    with real_sdk(url, tmp_path) as sdk:
        yield sdk
